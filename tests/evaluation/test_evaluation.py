"""`POST /access/v1/evaluation` and `/evaluations` from outside."""

from typing import Any

import httpx
import pytest

from tests.server import ADMIN_KEY, Server

RICK = "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"
PERMITTED: dict[str, Any] = {
    "subject": {"type": "user", "id": RICK},
    "action": {"name": "can_read_todos"},
    "resource": {"type": "todo", "id": "todo-1"},
}
DENIED = {**PERMITTED, "subject": {"type": "user", "id": "nobody"}}


def evaluate(client: httpx.Client, body: Any, **options: Any) -> httpx.Response:
    return client.post("/access/v1/evaluation", json=body, **options)


@pytest.mark.requirement("AZ-001", "AZ-004")
def test_a_permit_and_a_denial_are_both_200_with_a_boolean(pep: httpx.Client) -> None:
    for body, expected in ((PERMITTED, True), (DENIED, False)):
        answer = evaluate(pep, body)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["decision"] is expected


@pytest.mark.requirement("AZ-002")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("subject",), None),
        (("subject",), "alice"),
        (("subject", "type"), None),
        (("subject", "type"), 3),
        (("subject", "id"), None),
        (("subject", "id"), ["a"]),
        (("subject", "properties"), []),
        (("action",), None),
        (("action", "name"), None),
        (("action", "name"), {}),
        (("action", "properties"), "x"),
        (("resource",), []),
        (("resource", "type"), True),
        (("resource", "id"), 7),
        (("context",), "x"),
    ],
)
def test_a_missing_or_mistyped_member_is_400_and_named(
    pep: httpx.Client, path: tuple[str, ...], value: Any
) -> None:
    body = {name: dict(part) for name, part in PERMITTED.items()}
    holder: Any = body
    for name in path[:-1]:
        holder = holder[name]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    answer = evaluate(pep, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == "/" + "/".join(path)


@pytest.mark.requirement("AZ-003")
def test_unknown_members_are_ignored_everywhere(pep: httpx.Client) -> None:
    body = {
        **{name: {**part, "novel": [1]} for name, part in PERMITTED.items()},
        "extension": {"x": None},
        "context": {"novel": True},
    }
    assert evaluate(pep, body).json()["decision"] is True


@pytest.mark.requirement("AZ-008")
def test_null_properties_and_context_are_as_absent(pep: httpx.Client) -> None:
    body = {name: {**part, "properties": None} for name, part in PERMITTED.items()}
    assert evaluate(pep, {**body, "context": None}).json()["decision"] is True


@pytest.mark.requirement("AZ-005")
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/jsonp", "text/json"])
def test_another_content_type_is_400(pep: httpx.Client, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = pep.post("/access/v1/evaluation", content=b"{}", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("unsupported_content_type")


@pytest.mark.requirement("AZ-005")
def test_parameters_of_the_content_type_are_allowed(pep: httpx.Client) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert evaluate(pep, PERMITTED, headers=headers).json()["decision"] is True


@pytest.mark.requirement("AZ-006")
def test_a_missing_or_bad_credential_is_401_with_a_challenge(server: Server) -> None:
    with server.client(None) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
            answer = evaluate(client, PERMITTED, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "decision" not in answer.json()


@pytest.mark.requirement("AZ-006")
def test_a_caller_without_the_role_is_403(server: Server) -> None:
    with server.client("demo-inbox-key") as client:
        answer = evaluate(client, PERMITTED)
        assert answer.status_code == 403
        assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.requirement("AZ-007")
def test_the_request_id_comes_back_on_every_response(server: Server, pep: httpx.Client) -> None:
    headers = {"X-Request-ID": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"}
    answers = [
        evaluate(pep, PERMITTED, headers=headers),
        evaluate(pep, {}, headers=headers),
        pep.get("/nowhere", headers=headers),
        pep.get("/access/v1/evaluation", headers=headers),
        httpx.post(server.url + "/access/v1/evaluation", headers=headers, trust_env=False),
        pep.get("/.well-known/authzen-configuration", headers=headers),
    ]
    assert {answer.headers["x-request-id"] for answer in answers} == set(headers.values())
    assert evaluate(pep, PERMITTED).headers["x-request-id"]


@pytest.mark.requirement("AZ-010")
def test_the_same_question_gets_the_same_answer(pep: httpx.Client) -> None:
    assert {evaluate(pep, PERMITTED).text for _ in range(20)} == {'{"decision":true}'}


@pytest.mark.requirement("AZ-004")
@pytest.mark.parametrize(
    "name", ["", " ", "a b", 'quo"te', "back\\slash", "A::B", "::", "é", "x" * 5000, "\x00", "true"]
)
def test_a_type_or_action_that_nobody_knows_is_a_plain_denial(pep: httpx.Client, name: str) -> None:
    for body in (
        {**PERMITTED, "subject": {"type": name, "id": "x"}},
        {**PERMITTED, "resource": {"type": name, "id": name}},
        {**PERMITTED, "action": {"name": name}},
        {**PERMITTED, "subject": {"type": "user", "id": name}},
    ):
        answer = evaluate(pep, body)
        assert (answer.status_code, answer.json()) == (200, {"decision": False})


@pytest.mark.requirement("AZ-020")
def test_items_are_answered_in_order_with_defaults_replaced_whole(pep: httpx.Client) -> None:
    body = {
        **PERMITTED,
        "evaluations": [
            {},
            {"subject": {"type": "user", "id": "nobody"}},
            {"action": {"name": "can_update_todo"}, "resource": {"type": "todo", "id": "t"}},
            {"context": {"x": 1}},
        ],
    }
    answer = pep.post("/access/v1/evaluations", json=body)
    assert [item["decision"] for item in answer.json()["evaluations"]] == [True, False, True, True]


@pytest.mark.requirement("AZ-021")
@pytest.mark.parametrize("more", [{}, {"evaluations": []}, {"evaluations": None}])
def test_without_items_it_is_a_single_evaluation(pep: httpx.Client, more: dict[str, Any]) -> None:
    answer = pep.post("/access/v1/evaluations", json={**PERMITTED, **more})
    assert answer.json() == {"decision": True}


@pytest.mark.requirement("AZ-022")
@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_the_three_semantics(pep: httpx.Client, semantic: str, expected: list[bool]) -> None:
    body = {
        **PERMITTED,
        "evaluations": [{}, {"subject": DENIED["subject"]}, {}],
        "options": {"evaluations_semantic": semantic, "another": 1},
    }
    answer = pep.post("/access/v1/evaluations", json=body)
    assert [item["decision"] for item in answer.json()["evaluations"]] == expected


@pytest.mark.requirement("AZ-023")
def test_an_unknown_semantic_is_400(pep: httpx.Client) -> None:
    body = {**PERMITTED, "evaluations": [{}], "options": {"evaluations_semantic": "any"}}
    answer = pep.post("/access/v1/evaluations", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/options/evaluations_semantic"


@pytest.mark.requirement("AZ-024")
def test_an_item_that_cannot_be_read_is_a_denial_that_says_why(pep: httpx.Client) -> None:
    body = {"subject": PERMITTED["subject"], "evaluations": [7, {"action": {"name": "x"}}]}
    items = pep.post("/access/v1/evaluations", json=body).json()["evaluations"]
    assert [item["decision"] for item in items] == [False, False]
    pointers = [item["context"]["error"]["errors"][0]["pointer"] for item in items]
    assert pointers == ["/evaluations/0", "/evaluations/1/resource"]


@pytest.mark.requirement("AZ-009")
def test_more_than_a_thousand_items_is_413_naming_the_limit(pep: httpx.Client) -> None:
    body = {**PERMITTED, "evaluations": [{}] * 1001}
    answer = pep.post("/access/v1/evaluations", json=body)
    assert (answer.status_code, answer.json()["limit"]) == (413, 1000)
    body["evaluations"].pop()
    found = pep.post("/access/v1/evaluations", json=body).json()["evaluations"]
    assert found == [{"decision": True}] * 1000


def test_only_an_administrator_or_auditor_gets_an_explanation(
    server: Server, pep: httpx.Client
) -> None:
    assert pep.post("/access/v1/evaluation?explain=true", json=PERMITTED).status_code == 403
    with server.client(ADMIN_KEY) as admin:
        body = admin.post("/access/v1/evaluation?explain=true", json=PERMITTED).json()
    decided = body["explanation"]["determining"][0]
    assert decided["file"].endswith(".cedar")
    assert decided["line"] > 0
    assert body["explanation"]["request"]["principal"] == f'User::"{RICK}"'

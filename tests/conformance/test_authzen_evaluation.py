"""What AuthZEN 1.0 asks of one evaluation and of the HTTPS binding (AZ-001 to AZ-010)."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.fixture import ALICE, BOB, FIRST_RULE, READ, RECORD_1, WRITE, having
from tests.conformance.worlds import (
    ACTION_SEARCH,
    EVALUATION,
    EVALUATIONS,
    METADATA,
    RESOURCE_SEARCH,
    SUBJECT_SEARCH,
    Pep,
    World,
    decision_of,
    in_process,
)

ENDPOINTS = [EVALUATION, EVALUATIONS, SUBJECT_SEARCH, RESOURCE_SEARCH, ACTION_SEARCH]
everywhere = pytest.mark.parametrize("path", ENDPOINTS, ids=lambda path: path.rsplit("/", 1)[1])


@pytest.mark.requirement("AZ-002")
@pytest.mark.parametrize("value", [None, True, 1, 1.5, [], ["user"], {}], ids=repr)
@pytest.mark.parametrize(
    "path",
    [("subject", "type"), ("subject", "id"), ("action", "name"), ("resource", "id")],
    ids="/".join,
)
def test_names_and_ids_are_strings(pep: Pep, path: tuple[str, str], value: Any) -> None:
    reply = pep.post(EVALUATION, having(FIRST_RULE, value, *path))
    assert reply.status == 400
    assert reply.body["errors"][0]["pointer"] == "/" + "/".join(path)


@pytest.mark.requirement("AZ-002")
@pytest.mark.parametrize("value", [True, 1, "x", []], ids=repr)
@pytest.mark.parametrize(
    "path",
    [
        ("subject", "properties"),
        ("action", "properties"),
        ("resource", "properties"),
        ("context",),
        ("subject",),
        ("action",),
        ("resource",),
    ],
    ids="/".join,
)
def test_entities_properties_and_context_are_objects(
    pep: Pep, path: tuple[str, ...], value: Any
) -> None:
    reply = pep.post(EVALUATION, having(FIRST_RULE, value, *path))
    assert reply.status == 400
    assert reply.body["errors"][0]["pointer"] == "/" + "/".join(path)


@pytest.mark.requirement("AZ-002")
def test_empty_strings_are_strings(pep: Pep) -> None:
    nobody = {"type": "", "id": ""}
    assert pep.decides(nobody, {"name": ""}, nobody) is False


@pytest.mark.requirement("AZ-003")
def test_the_order_of_members_does_not_matter(pep: Pep) -> None:
    members = (FIRST_RULE | {"context": {"a": 1}}).items()
    answers = {decision_of(pep.post(EVALUATION, dict(o))) for o in itertools.permutations(members)}
    assert answers == {True}


@pytest.mark.requirement("AZ-003")
def test_unknown_members_are_ignored_at_every_level(pep: Pep) -> None:
    extra = {"new": {"deep": [1, None]}, "x-1": None}
    body = {name: value | extra for name, value in FIRST_RULE.items()} | extra
    assert decision_of(pep.post(EVALUATION, body)) is True


@pytest.mark.requirement("AZ-004")
@pytest.mark.parametrize(
    "body",
    [
        {"subject": BOB, "action": WRITE, "resource": RECORD_1},
        having(FIRST_RULE, "spaceship", "subject", "type"),
        having(FIRST_RULE, "no body knows", "subject", "id"),
        having(FIRST_RULE, "spaceship", "resource", "type"),
        having(FIRST_RULE, "fly", "action", "name"),
        having(FIRST_RULE, 'Action::"read"', "action", "name"),
        having(FIRST_RULE, "not a type!", "subject", "type"),
    ],
)
def test_a_denial_is_a_successful_answer(pep: Pep, body: dict[str, Any]) -> None:
    assert decision_of(pep.post(EVALUATION, body)) is False


@pytest.mark.requirement("AZ-005")
@everywhere
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/jsonx",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_other_content_types_are_a_bad_request(pep: Pep, path: str, content_type: str) -> None:
    content = json.dumps(FIRST_RULE).encode()
    reply = pep.send("POST", path, content, content_type=content_type)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.requirement("AZ-005")
@pytest.mark.parametrize(
    "content_type",
    ["application/json;charset=utf-8", "application/json; charset=UTF-8; q=1", "Application/JSON"],
)
def test_parameters_of_the_content_type_are_allowed(pep: Pep, content_type: str) -> None:
    content = json.dumps(FIRST_RULE).encode()
    assert decision_of(pep.send("POST", EVALUATION, content, content_type=content_type)) is True


@pytest.mark.requirement("AZ-005")
@everywhere
@pytest.mark.parametrize("content", [b"", b" \n", b"null", b"[]", b'"x"', b"1", b"{", b"{}}"])
def test_a_body_that_is_no_json_object_is_a_bad_request(
    pep: Pep, path: str, content: bytes
) -> None:
    reply = pep.send("POST", path, content, content_type="application/json")
    assert (reply.status, reply.body["status"]) == (400, 400)
    assert reply.body["detail"]


@pytest.mark.requirement("AZ-006")
@everywhere
@pytest.mark.parametrize("key", [None, "not-a-key", "demo-pep-key "])
def test_a_caller_without_a_good_credential_is_told_how_to_prove_itself(
    pep: Pep, path: str, key: str | None
) -> None:
    reply = pep.with_key(key.strip() + "x" if key else key).post(path, FIRST_RULE)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert "decision" not in reply.body


@pytest.mark.requirement("AZ-006")
@everywhere
def test_a_known_caller_without_the_right_is_refused(pep: Pep, path: str) -> None:
    reply = pep.with_key("demo-inbox-key").post(path, FIRST_RULE)
    assert reply.status == 403
    assert "decision" not in reply.body


@pytest.mark.requirement("AZ-006")
def test_a_faulty_body_tells_a_stranger_nothing(pep: Pep) -> None:
    assert pep.with_key(None).send("POST", EVALUATION, b"{").status == 401


@pytest.mark.requirement("AZ-007")
@pytest.mark.parametrize(
    ("method", "path", "key", "content", "status"),
    [
        ("POST", EVALUATION, "demo-pep-key", json.dumps(FIRST_RULE).encode(), 200),
        ("POST", EVALUATION, "demo-pep-key", b"{", 400),
        ("POST", EVALUATION, None, b"{}", 401),
        ("POST", EVALUATION, "demo-inbox-key", b"{}", 403),
        ("POST", EVALUATION, "demo-pep-key", b" " * 1_048_577, 413),
        ("GET", EVALUATION, "demo-pep-key", None, 405),
        ("POST", EVALUATIONS, "demo-pep-key", b"[]", 400),
        ("POST", SUBJECT_SEARCH, "demo-pep-key", b"{}", 400),
        ("GET", METADATA, None, None, 200),
        ("GET", "/healthz", None, None, 200),
        ("GET", "/nowhere", None, None, 404),
        ("DELETE", METADATA, None, None, 405),
        ("GET", "/admin/v1/entities", None, None, 401),
        ("PUT", "/admin/v1/entities", "demo-admin-key", b"{", 400),
    ],
)
def test_the_request_id_comes_back_on_every_answer(
    pep: Pep, method: str, path: str, key: str | None, content: bytes | None, status: int
) -> None:
    reply = pep.with_key(key).send(
        method, path, content, content_type="application/json", x_request_id="id of mine/42 ~"
    )
    assert reply.status == status
    assert reply.headers["x-request-id"] == "id of mine/42 ~"


@pytest.mark.requirement("AZ-007")
def test_a_request_without_an_id_is_given_one_of_its_own(pep: Pep) -> None:
    given = [pep.post(EVALUATION, FIRST_RULE).headers["x-request-id"] for _ in range(3)]
    given += [pep.get("/nowhere").headers["x-request-id"] for _ in range(3)]
    assert len(set(given)) == 6
    assert all(given)


@pytest.mark.requirement("AZ-008")
@pytest.mark.parametrize("member", ["subject", "action", "resource"])
def test_null_properties_and_context_are_absent(pep: Pep, member: str) -> None:
    body = having(FIRST_RULE, None, member, "properties") | {"context": None}
    assert decision_of(pep.post(EVALUATION, body)) is True


@pytest.mark.requirement("AZ-008")
def test_a_null_attribute_is_an_absent_one(pep: Pep) -> None:
    record = {**RECORD_1, "properties": {"owner": None}}
    assert pep.decides(ALICE, READ, record) is True
    assert pep.decides({**BOB, "properties": {"role": None}}, READ, RECORD_1) is True


@pytest.mark.requirement("AZ-008")
@pytest.mark.parametrize(
    "number",
    ["9007199254740993", "9223372036854775808", "1" + "0" * 400, "9" * 6000, "1e308", "5e-324"],
    ids=["2^53+1", "2^63", "401 digits", "6000 digits", "largest", "smallest"],
)
def test_any_number_is_handled_or_refused_clearly(pep: Pep, number: str) -> None:
    template = json.dumps(FIRST_RULE | {"context": {"n": 0}})
    content = template.replace('"n": 0', f'"n": {number}').encode()
    for path in (EVALUATION, EVALUATIONS, SUBJECT_SEARCH, RESOURCE_SEARCH, ACTION_SEARCH):
        reply = pep.send("POST", path, content, content_type="application/json")
        assert reply.status in (200, 400), reply
        if reply.status == 400:
            assert "number" in reply.body["detail"]


@pytest.mark.requirement("AZ-009")
def test_each_limit_has_its_own_clear_error(pep: Pep) -> None:
    def refused(path: str, content: bytes) -> tuple[int, Any]:
        reply = pep.send("POST", path, content, content_type="application/json")
        return reply.status, reply.body

    status, body = refused(EVALUATION, b" " * 1_048_577)
    assert (status, body["limit"], body["unit"]) == (413, 1_048_576, "bytes")
    items = b'{"evaluations":[' + b",".join([b"{}"] * 1001) + b"]}"
    status, body = refused(EVALUATIONS, items)
    assert (status, body["limit"], body["unit"]) == (413, 1000, "items")
    status, body = refused(EVALUATION, b'{"context":' + b"[" * 64 + b"]" * 64 + b"}")
    assert (status, body["fault"]) == (400, "depth")


@pytest.mark.requirement("AZ-009")
def test_a_caller_over_its_rate_is_told_when_to_come_back(tmp_path: Path) -> None:
    limits = {"calls_per_second": 0.5, "burst": 3}
    with in_process(World("certification"), tmp_path, limits=limits) as pep:
        replies = [pep.post(EVALUATION, FIRST_RULE) for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        assert 1 <= int(replies[3].headers["retry-after"]) <= 2
        assert "x-request-id" in replies[3].headers
        assert decision_of(pep.with_key("demo-as-key").post(EVALUATION, FIRST_RULE)) is True


@pytest.mark.requirement("AZ-010")
def test_a_decision_does_not_depend_on_what_was_asked_before(pep: Pep) -> None:
    asked = [(ALICE, READ), (BOB, READ), (ALICE, WRITE), (BOB, WRITE)]
    expected = [True, True, True, False]
    for order in itertools.permutations(range(4)):
        found = [pep.decides(*asked[index], RECORD_1) for index in order]
        assert found == [expected[index] for index in order]

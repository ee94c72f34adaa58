"""ARAP: an approval presented to an evaluation, seen from outside."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import ALICE, DAY, HOUR, TIM, Pdp, denial_of, problem, serving
from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template
from tests.security.test_advisories import put

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]

EVALUATION = "/access/v1/evaluation"
ASKED: JsonObject = {
    "subject": {**ALICE, "properties": {"team": "blue"}},
    "action": {"name": "read"},
    "resource": {"type": "doc", "id": "bound-1", "properties": {"kind": "plan"}},
    "context": {"tenant": "acme", "screen": "blue"},
}
FORMS = ["id", "state", "both"]


@pytest.fixture
def pdp(database_url: str) -> Iterator[Pdp]:
    """A PDP over an empty database of each kind."""
    with serving(database_url) as found:
        yield found


def decided(pdp: Pdp, task: str, name: str, decision: str = "approve", **more: Any) -> int:
    """The status of a decision through the queue."""
    body = {"decision": decision, "approver": {"type": "user", "id": name}, **more}
    return pdp.call("POST", f"/queue/v1/tasks/{task}/decisions", "inbox", body).status_code


def approved(pdp: Pdp, asked: JsonObject = ASKED, key: str = "pep", **more: Any) -> JsonObject:
    """The approval of what was asked, as its requester polls it."""
    denied = pdp.call("POST", EVALUATION, key, asked).json()
    task = pdp.submit(asked | {"denial": denial_of(denied)} | more, key).json()["task"]["id"]
    assert decided(pdp, task, "carol") == 201
    return dict(pdp.status(task, key).json()["result"]["approval"])


def form(approval: JsonObject, name: str) -> JsonObject:
    """An approval as its id, as its signed state, or as both."""
    names = {"id": ("id", "approved_until"), "state": ("state",)}.get(name, tuple(approval))
    return {each: approval[each] for each in names}


def answer(pdp: Pdp, approval: Any, asked: JsonObject = ASKED, key: str = "pep") -> JsonObject:
    """The answer to an evaluation with an approval."""
    body = asked | {"context": {**asked.get("context", {}), "approval": approval}}
    reply = pdp.call("POST", EVALUATION, key, body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def why(found: JsonObject) -> tuple[Any, Any]:
    """Why a re-evaluation was denied, and what to do next."""
    assert found["decision"] is False, found
    context = found["context"]
    assert ("access_request" in context) == (context["next_action"] == "request")
    assert ("retry_after" in context) == (context["next_action"] == "retry")
    return context["reason"], context["next_action"]


def having(path: str, value: Any) -> JsonObject:
    """What is asked, with a value at a path."""
    copy: JsonObject = json.loads(json.dumps(ASKED))
    *way, last = path.split(".")
    place = copy
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return copy


@pytest.mark.requirement("ARAP-190")
@pytest.mark.requirement("ARAP-187")
@pytest.mark.requirement("ARAP-208")
@pytest.mark.parametrize("name", FORMS)
def test_an_approval_in_scope_allows_and_is_named(pdp: Pdp, name: str) -> None:
    approval = approved(pdp)
    assert answer(pdp, None)["decision"] is False
    found = answer(pdp, form(approval, name) | {"com.example.more": [1]})
    assert found["decision"] is True
    told = found["context"]["approval"]
    assert told["approved_until"] == approval["approved_until"]
    assert told["id"] == approval["id"]


@pytest.mark.requirement("ARAP-186")
@pytest.mark.requirement("ARAP-189")
@pytest.mark.requirement("ARAP-191")
@pytest.mark.requirement("ARAP-192")
@pytest.mark.requirement("ARAP-203")
@pytest.mark.requirement("ARAP-204")
@pytest.mark.requirement("ARAP-206")
@pytest.mark.parametrize("name", FORMS)
def test_it_allows_nothing_else(pdp: Pdp, name: str) -> None:
    approval = form(approved(pdp), name)
    for path, value in (
        ("subject", TIM),
        ("subject.properties.team", "red"),
        ("subject.properties.more", 1),
        ("subject.properties", {}),
        ("resource.id", "bound-2"),
        ("resource.properties.kind", "memo"),
        ("resource.properties.more", None),
        ("action.properties", {"x": 1}),
    ):
        assert why(answer(pdp, approval, having(path, value))) == ("out_of_scope", "request"), path
    for path, value in (("context.tenant", "globex"), ("context", {}), ("action.name", "write")):
        assert why(answer(pdp, approval, having(path, value)))[1] == "none", path
    for path, value in (("subject.properties.act", {"sub": "agent-7"}), ("context.screen", "red")):
        assert answer(pdp, approval, having(path, value))["decision"] is True, path


@pytest.mark.requirement("ARAP-188")
@pytest.mark.requirement("ARAP-178")
@pytest.mark.parametrize("name", FORMS)
def test_it_serves_nobody_else(pdp: Pdp, name: str) -> None:
    approval = form(approved(pdp), name)
    for key in ("other", "admin"):
        body = ASKED | {"context": ASKED["context"] | {"approval": approval}}
        reply = pdp.call("POST", EVALUATION, key, body)
        assert reply.status_code == 403 or reply.json()["decision"] is False
    assert answer(pdp, approval)["decision"] is True


@pytest.mark.requirement("ARAP-193")
@pytest.mark.requirement("ARAP-202")
def test_what_policy_forbids_meanwhile_stays_forbidden(pdp: Pdp) -> None:
    approval = approved(pdp)
    put(pdp, "User", "alice", "staff", "on-leave")
    assert why(answer(pdp, approval)) == ("policy_denied", "none")
    put(pdp, "User", "alice", "staff")
    assert answer(pdp, approval)["decision"] is True


@pytest.mark.requirement("ARAP-202")
@pytest.mark.parametrize("name", FORMS)
def test_it_outlives_a_restart(database_url: str, name: str) -> None:
    with serving(database_url) as first:
        approval = form(approved(first), name)
    with serving(database_url) as second:
        assert answer(second, approval)["decision"] is True


@pytest.mark.requirement("ARAP-195")
@pytest.mark.requirement("ARAP-199")
@pytest.mark.requirement("ARAP-204")
@pytest.mark.requirement("ARAP-206")
@pytest.mark.parametrize("name", FORMS)
def test_it_ends(pdp: Pdp, name: str) -> None:
    approval = form(approved(pdp), name)
    pdp.now += 4 * HOUR - timedelta(seconds=1)
    assert answer(pdp, approval)["decision"] is True
    pdp.now += timedelta(seconds=1)
    over = answer(pdp, approval)
    assert why(over) == ("approval_expired", "request")
    # What was said to be requestable is.
    again = pdp.submit(ASKED | {"denial": denial_of(over)})
    assert again.status_code == 202, again.text


@pytest.mark.requirement("ARAP-201")
def test_a_caller_lengthens_nothing(pdp: Pdp) -> None:
    approval = approved(pdp) | {"approved_until": "2099-01-01T00:00:00Z"}
    assert answer(pdp, approval)["context"]["approval"]["approved_until"] != "2099-01-01T00:00:00Z"
    pdp.now += DAY
    for name in FORMS:
        assert answer(pdp, form(approval, name))["decision"] is False


@pytest.mark.requirement("ARAP-194")
@pytest.mark.parametrize("name", FORMS)
def test_it_can_be_revoked(pdp: Pdp, name: str) -> None:
    approval = form(approved(pdp), name)
    (shown,) = pdp.call("GET", "/queue/v1/approvals", "admin").json()["items"]
    path = f"/queue/v1/approvals/{shown['ref']}/revoke"
    problem(pdp.call("POST", path, "other", {"reason": "no"}), 404, "not_found")
    assert answer(pdp, approval)["decision"] is True
    assert pdp.call("POST", path, "admin", {"reason": "over"}).status_code == 200
    assert answer(pdp, approval)["decision"] is False


@pytest.mark.requirement("ARAP-196")
@pytest.mark.requirement("ARAP-197")
@pytest.mark.requirement("ARAP-206")
@pytest.mark.requirement("ARAP-207")
def test_what_cannot_be_verified_counts_for_nothing(pdp: Pdp) -> None:
    first, second = approved(pdp), approved(pdp)
    header, payload, signature = first["state"].split(".")
    presented: tuple[Any, ...] = (
        {"id": "apr_" + "x" * 22},
        {"id": first["id"].swapcase()},
        {"id": first["id"], "state": second["state"]},
        {"state": f"{header}.{payload}.{signature[::-1]}"},
        {"state": f"{header}.{second['state'].split('.')[1]}.{signature}"},
        {"state": "nothing"},
        {"id": 7},
        {"approved_until": "2099-01-01T00:00:00Z"},
        {},
        [],
        "yes",
    )
    for bad in presented:
        found = answer(pdp, bad)
        assert found["decision"] is False, bad
        if isinstance(bad, dict) and bad:
            assert why(found) == ("approval_unverifiable", "none"), bad
    assert answer(pdp, second)["decision"] is True

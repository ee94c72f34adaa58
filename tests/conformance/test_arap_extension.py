"""ARAP: shapes that are refused, members that are ignored, names that stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.store import events
from tests.access_request.world import Pdp, problem, serving

STATUSES = {"pending", "approved", "denied", "expired", "cancelled", "failed", "partial"}
PROBLEM = "urn:openid:authzen:access-request:error:"


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with serving(f"sqlite:///{tmp_path}/pdp.db") as found:
        yield found


def items_of(pdp: Pdp) -> dict[str, Any]:
    """A submission of two items, each with its own denial."""
    first, second = pdp.denied("manager-1"), pdp.denied("second-1")
    items = [
        {name: each[name] for name in ("resource", "action", "denial")} for each in (first, second)
    ]
    return {"subject": first["subject"], "items": items}


@pytest.mark.requirement("ARAP-066")
@pytest.mark.requirement("ARAP-067")
@pytest.mark.parametrize("missing", ["subject", "resource", "action"])
def test_what_a_submission_must_have(pdp: Pdp, missing: str) -> None:
    body = pdp.denied("manager-1")
    del body[missing]
    problem(pdp.submit(body), 400, "invalid_request", f"/{missing}")


@pytest.mark.requirement("ARAP-068")
@pytest.mark.parametrize("extra", ["resource", "action"])
def test_items_leave_no_room_beside_them(pdp: Pdp, extra: str) -> None:
    body = items_of(pdp)
    body[extra] = body["items"][0][extra]
    assert pdp.submit(body).status_code == 400


@pytest.mark.requirement("ARAP-069")
@pytest.mark.parametrize("missing", ["resource", "action"])
def test_what_an_item_must_have(pdp: Pdp, missing: str) -> None:
    body = items_of(pdp)
    del body["items"][1][missing]
    problem(pdp.submit(body), 400, "invalid_request", f"/items/1/{missing}")


@pytest.mark.requirement("ARAP-058")
@pytest.mark.requirement("ARAP-079")
@pytest.mark.requirement("ARAP-228")
def test_members_that_nobody_knows_are_taken_and_ignored(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    body["requested_access"] = {"business_reason": "the board meets", "x-mood": ["good", None]}
    body["client"] = {"source": {"unknown": True}, "com.example.trace": 7}
    body["context"] = {**body.get("context", {}), "com.example.note": {"deep": [1]}}
    body["com.example.extra"] = {"any": "thing"}
    reply = pdp.submit(body)
    assert reply.status_code == 202, reply.text
    # What the client says of itself steers nothing: the same people decide.
    task = reply.json()["task"]["id"]
    found = pdp.call("GET", f"/queue/v1/tasks/{task}", "inbox").json()["task"]
    assert {each["id"] for each in found["approvers"]} >= {"bob", "carol"}


@pytest.mark.requirement("ARAP-107")
@pytest.mark.parametrize("token", ["v4.public.eyJzdWIiOiJ4In0", "opaque-reference", "a.b", 7, {}])
def test_a_protection_that_we_do_not_know_is_refused(pdp: Pdp, token: Any) -> None:
    body = pdp.denied("manager-1")
    body["denial"]["binding_token"] = token
    reply = pdp.submit(body)
    assert reply.status_code == 400
    assert reply.json()["type"] == PROBLEM + "invalid_denial_binding"


@pytest.mark.requirement("ARAP-154")
@pytest.mark.requirement("ARAP-160")
def test_errors_of_the_cancel_endpoint_are_problems_too(pdp: Pdp) -> None:
    problem(pdp.cancel("arq_nothing"), 404, "unknown_task")
    task = pdp.opened("manager-1")["id"]
    assert pdp.cancel(task, None).status_code == 401
    # Whoever may only look is told so: what it may not see would be 404.
    problem(pdp.cancel(task, "auditor"), 403, "forbidden")
    assert pdp.cancel(task).status_code == 200
    problem(pdp.cancel(task), 409, "invalid_task_state")


@pytest.mark.requirement("ARAP-061")
def test_nothing_that_a_requester_writes_approves_by_itself(pdp: Pdp) -> None:
    body = pdp.denied("automatic-1")
    body["requested_access"] = {"business_reason": "auto_approve", "template": "automatic"}
    assert pdp.submit(body).json()["task"]["status"] == "pending"


@pytest.mark.requirement("ARAP-173")
@pytest.mark.requirement("ARAP-227")
@pytest.mark.requirement("ARAP-229")
def test_what_is_answered_keeps_to_the_names_of_the_profile(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")["id"]
    assert pdp.status(task).json()["task"]["status"] in STATUSES
    pdp.vote(task, "bob")
    result = pdp.status(task).json()["result"]
    assert result["mode"] == "reevaluate"
    # The PDP believes its own record or signature, never the word of whoever presents it.
    forged = {"id": "apr_" + "x" * 32, "approved_until": "2099-01-01T00:00:00Z"}
    assert pdp.evaluate("manager-1", forged)["decision"] is False
    assert pdp.evaluate("manager-1", result["approval"])["decision"] is True


@pytest.mark.requirement("ARAP-226")
def test_what_is_added_stands_where_additions_may(pdp: Pdp) -> None:
    reply = pdp.submit(pdp.denied("manager-1"))
    known = {"id", "status", "status_endpoint", "progress", "expires_at", "display", "links"}
    assert reply.json().keys() == {"task"}
    assert reply.json()["task"].keys() <= known
    denied = pdp.evaluate("manager-1")
    assert denied.keys() == {"decision", "context"}
    hint = {"endpoint", "template", "expires_at", "binding_token", "display", "form_url",
            "request_schema_url", "request_catalogs_url"}  # fmt: skip
    assert denied["context"].keys() == {
        *("evaluation_id", "evaluated_at", "reason", "access_request"),
    }
    assert denied["context"]["access_request"].keys() <= hint


@pytest.mark.requirement("ARAP-216")
def test_an_event_enforces_nothing(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")["id"]
    pdp.vote(task, "bob")
    read = pdp.services.database.read
    told = read(lambda session: events.of_task(session, task))
    approval = pdp.status(task).json()["result"]["approval"]
    for event in told:
        assert approval["id"] not in str(event.data)
        assert approval["state"] not in str(event.data)


@pytest.mark.requirement("ARAP-185")
def test_a_requester_is_not_told_who_decided_and_what_they_wrote(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")["id"]
    body = {
        "decision": "deny",
        "approver": {"type": "user", "id": "bob"},
        "comment": "under investigation",
        "reason_code": "not_needed",
    }
    assert pdp.call("POST", f"/queue/v1/tasks/{task}/decisions", "inbox", body).status_code == 201
    text = pdp.status(task).text
    for inside in ("bob", "under investigation", "managers-approve", "managers"):
        assert inside not in text


@pytest.mark.requirement("ARAP-225")
def test_catalogs_and_forms_are_within_the_rate_of_their_caller(tmp_path: Path) -> None:
    slow = {"limits": {"calls_per_second": 1, "burst": 3}}
    with serving(f"sqlite:///{tmp_path}/slow.db", **slow) as pdp:
        path = "/access/v1/catalogs/asked"
        replies = [pdp.call("GET", path).status_code for _ in range(6)]
    assert 429 in replies

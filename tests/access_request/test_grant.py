"""What an approval amounts to: its record, and what its requester is given."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pdp.core.approval_state import STATE_TYPE
from pdp.core.binding import binding_hash
from pdp.store.approvals import hash_of
from tests.access_request.approving import (
    EMERGENCY,
    OPEN,
    PAY,
    READ,
    approval_of,
    approved,
    approving,
    asked,
    record,
    requested,
)
from tests.access_request.world import BASE, HOUR, NOW, REQUESTS, Pdp


@pytest.fixture
def pdp(database_url: str, tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with approving(database_url, tmp_path) as found:
        yield found


@pytest.mark.requirement("ARAP-168")
@pytest.mark.requirement("ARAP-170")
@pytest.mark.requirement("ARAP-171")
def test_the_result_names_the_approval_and_its_end(pdp: Pdp) -> None:
    body = approved(pdp)
    assert body["result"]["mode"] == "reevaluate"
    approval = approval_of(body)
    assert approval["approved_at"] == "2026-04-30T20:15:00Z"
    assert approval["approved_until"] == "2026-05-01T00:15:00Z"
    assert set(approval) == {"id", "approved_at", "approved_until", "state"}


@pytest.mark.requirement("ARAP-169")
@pytest.mark.requirement("ARAP-128")
def test_the_id_is_random_and_kept_only_as_a_hash_and_sealed(pdp: Pdp) -> None:
    first, second = approved(pdp), approved(pdp)
    ids = [approval_of(body)["id"] for body in (first, second)]
    assert len(set(ids)) == 2
    assert all(len(base64.urlsafe_b64decode(each.removeprefix("apr_"))) >= 16 for each in ids)
    row = record(pdp, first)
    assert row.id_hash == hash_of(ids[0])
    kept = json.dumps(row.model_dump(exclude={"sealed_id"}), default=str)
    assert ids[0] not in kept
    assert ids[0].encode() not in (row.sealed_id or b"")


def test_the_id_is_in_neither_the_audit_nor_the_task(pdp: Pdp) -> None:
    body = approved(pdp)
    secret = approval_of(body)["id"]
    told = [event.model_dump_json() for event in pdp.audit(body["task"]["id"])]
    assert told and not any(secret in each for each in told)


@pytest.mark.requirement("ARAP-177")
@pytest.mark.requirement("ARAP-179")
@pytest.mark.requirement("ARAP-181")
def test_the_record_is_bound_to_all_that_was_asked(pdp: Pdp) -> None:
    question = READ | {"context": {"region": "north", "note": "x"}}
    denial = asked(pdp, question)["context"]
    body = approved(pdp, question)
    row = record(pdp, body)
    assert (row.subject, row.action, row.resource) == (
        READ["subject"], READ["action"], READ["resource"],
    )  # fmt: skip
    assert (row.context, row.binding_members) == ({"region": "north"}, ["region"])
    assert row.binding_hash == binding_hash(
        READ["subject"], READ["resource"], READ["action"], {"region": "north"}, ["region"]
    )
    assert (row.requester, row.client_id, row.task_id) == ("pep", None, body["task"]["id"])
    assert row.evaluation_id is not None
    assert row.evaluation_id.startswith("eval_") and row.evaluation_id != denial["evaluation_id"]
    assert row.approvers == [{"type": "User", "id": "lee"}]
    assert (row.extra or {})["evidence"] == ["managers-approve"]
    assert (row.approved_at, row.approved_until) == (NOW, NOW + 4 * HOUR)


@pytest.mark.requirement("ARAP-172")
@pytest.mark.requirement("ARAP-174")
@pytest.mark.requirement("ARAP-176")
def test_the_state_is_signed_for_this_pdp_and_says_what_was_approved(pdp: Pdp) -> None:
    body = approved(pdp, READ | {"context": {"region": "north"}})
    approval = approval_of(body)
    claims = pdp.services.keys.verify(approval["state"], STATE_TYPE)
    row = record(pdp, body)
    assert claims == {
        "iss": BASE + REQUESTS,
        "aud": BASE,
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + 4 * HOUR).timestamp()),
        "jti": "as_" + row.ref.removeprefix("aprf_"),
        "approval_id": approval["id"],
        "task_id": body["task"]["id"],
        "evaluation_id": row.evaluation_id,
        "template": "lead_approval",
        "scope": "exact",
        "binding_context_members": ["region"],
        "binding_hash": row.binding_hash,
        "requester": "pep",
        "single_use": False,
    }


def test_every_poll_shows_the_same_approval(pdp: Pdp) -> None:
    body = approved(pdp)
    again = pdp.status(body["task"]["id"]).json()
    assert {name: approval_of(body)[name] for name in ("id", "approved_until")} == {
        name: approval_of(again)[name] for name in ("id", "approved_until")
    }
    assert asked(pdp, READ, approval_of(again))["decision"] is True


def test_a_rotated_key_signs_a_new_state_for_the_same_approval(pdp: Pdp) -> None:
    body = approved(pdp)
    pdp.services.keys.rotate(pdp.now)
    again = approval_of(pdp.status(body["task"]["id"]).json())
    assert again["id"] == approval_of(body)["id"]
    for approval in (again, approval_of(body)):
        assert asked(pdp, READ, approval)["decision"] is True


def test_a_single_use_approval_says_so(pdp: Pdp) -> None:
    body = approved(pdp, PAY | {"context": {"amount": 5}})
    assert record(pdp, body).single_use
    claims = pdp.services.keys.verify(approval_of(body)["state"], STATE_TYPE)
    assert claims["single_use"] is True


@pytest.mark.requirement("ARAP-063")
def test_an_emergency_opens_a_review(pdp: Pdp) -> None:
    body = approved(pdp, OPEN, "grace", requested_access=EMERGENCY)
    row = record(pdp, body)
    assert row.emergency
    assert row.approved_until == NOW + timedelta(minutes=30)
    found = pdp.call("GET", "/queue/v1/reviews", "admin").json()["items"]
    assert [(each["approval"], each["overdue"]) for each in found] == [(row.ref, False)]
    assert found[0]["due_at"] == "2026-05-01T20:15:00Z"


def test_what_is_denied_makes_no_approval(pdp: Pdp) -> None:
    task = requested(pdp, READ)
    pdp.vote(task["id"], "lee", "deny")
    assert "result" not in pdp.status(task["id"]).json()
    with pytest.raises(AssertionError):
        record(pdp, {"task": task})

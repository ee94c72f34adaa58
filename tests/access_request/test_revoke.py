"""Ending approvals before their time, and the reviews of emergencies."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pdp.store import events
from tests.access_request.approving import (
    EMERGENCY,
    OPEN,
    READ,
    approval_of,
    approved,
    approving,
    asked,
    person,
    record,
    requested,
    revoked,
)
from tests.access_request.world import DAY, HOUR, MINUTE, Pdp, Reply, denial_of, problem


@pytest.fixture
def pdp(database_url: str, tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with approving(database_url, tmp_path) as found:
        yield found


@pytest.mark.requirement("ARAP-194")
@pytest.mark.parametrize(
    ("key", "body"),
    [("pep", {}), ("admin", {}), ("inbox", person("dana"))],
    ids=["requester", "administrator", "whom policy lets"],
)
def test_a_revoked_approval_does_not_count_on_the_very_next_evaluation(
    pdp: Pdp, key: str, body: dict[str, object]
) -> None:
    given = approved(pdp)
    row = record(pdp, given)
    assert asked(pdp, READ, approval_of(given))["decision"] is True
    reply = revoked(pdp, row.ref, key, {**body, "reason": "not needed any more"})
    assert (reply.status_code, reply.json()["approval"]["live"]) == (200, False)
    answer = asked(pdp, READ, approval_of(given))
    assert answer["decision"] is False
    assert answer["context"]["reason"] == "approval_expired"
    assert answer["context"]["next_action"] == "request"


def test_every_replica_knows_at_once(pdp: Pdp, database_url: str, tmp_path: Path) -> None:
    with approving(database_url, tmp_path) as replica:
        given = approved(pdp)
        assert asked(replica, READ, approval_of(given))["decision"] is True
        assert revoked(replica, record(pdp, given).ref, "admin").status_code == 200
        for each in (pdp, replica):
            assert asked(each, READ, approval_of(given))["decision"] is False


def test_the_requester_may_name_it_by_the_secret_it_was_given(pdp: Pdp) -> None:
    given = approved(pdp)
    assert revoked(pdp, approval_of(given)["id"], "admin").status_code == 200
    assert asked(pdp, READ, approval_of(given))["decision"] is False


def test_others_learn_nothing(pdp: Pdp) -> None:
    ref = record(pdp, approved(pdp)).ref
    for found in (revoked(pdp, ref, "other"), revoked(pdp, "aprf_none", "other")):
        problem(found, 404, "not_found")
    for name in ("carol", "nobody"):
        problem(revoked(pdp, ref, "inbox", person(name)), 404, "not_found")
    problem(revoked(pdp, ref, "inbox", person("lee")), 403, "forbidden")
    problem(revoked(pdp, "aprf_none", "inbox", person("dana")), 404, "not_found")
    assert record(pdp, approved(pdp)).revoked_at is None


def test_it_is_revoked_once(pdp: Pdp) -> None:
    row = record(pdp, approved(pdp))
    assert revoked(pdp, row.ref, "admin").status_code == 200
    before = pdp.events(row.task_id)
    problem(revoked(pdp, row.ref, "admin"), 409, "conflict")
    assert pdp.events(row.task_id) == before


def test_what_is_over_cannot_be_revoked(pdp: Pdp) -> None:
    row = record(pdp, approved(pdp))
    pdp.now += 5 * HOUR
    problem(revoked(pdp, row.ref, "admin"), 409, "conflict")


def test_a_revocation_is_recorded_with_who_and_why_and_told(pdp: Pdp) -> None:
    row = record(pdp, approved(pdp))
    revoked(pdp, row.ref, "inbox", person("dana") | {"reason": "left the project"})
    event = pdp.audit(row.task_id)[-1]
    assert (event.event, event.actor_type, event.actor_id) == ("approval.revoked", "User", "dana")
    assert event.actor == {"caller": "inbox"}
    assert event.details == {
        "approval": row.ref,
        "template": "lead_approval",
        "position": 0,
        "reason": "left the project",
        "policies": ["security-sees-and-ends-everything"],
    }
    assert pdp.verified()
    told = pdp.services.database.read(lambda s: events.of_task(s, row.task_id))
    assert [each.kind for each in told][-1] == "revoked"


def test_revoking_one_leaves_the_others(pdp: Pdp) -> None:
    first, second = approved(pdp), approved(pdp)
    revoked(pdp, record(pdp, first).ref, "admin")
    assert asked(pdp, READ, approval_of(first))["decision"] is False
    assert asked(pdp, READ, approval_of(second))["decision"] is True


def test_a_revoked_approval_can_be_asked_for_again(pdp: Pdp) -> None:
    revoked(pdp, record(pdp, approved(pdp)).ref, "admin")
    assert asked(pdp, READ, approval_of(approved(pdp)))["decision"] is True


def closed(pdp: Pdp, review: str, key: str, body: dict[str, object]) -> Reply:
    """A call that closes a review."""
    return pdp.call("POST", f"/queue/v1/reviews/{review}", key, body)


def review_of(pdp: Pdp) -> str:
    """The only review."""
    (found,) = pdp.call("GET", "/queue/v1/reviews", "admin").json()["items"]
    return str(found["id"])


def test_an_overdue_review_blocks_the_next_use_and_the_next_request(pdp: Pdp) -> None:
    given = approved(pdp, OPEN, "grace", requested_access=EMERGENCY)
    assert asked(pdp, OPEN, approval_of(given))["decision"] is True
    pdp.now += DAY
    denial = asked(pdp, OPEN)
    body = OPEN | {"requested_access": EMERGENCY}
    problem(pdp.submit(body | {"denial": denial_of(denial)}), 409, "conflict",
            "/requested_access/emergency")  # fmt: skip
    reply = closed(pdp, review_of(pdp), "inbox", person("dana") | {"verdict": "justified"})
    assert reply.status_code == 200
    assert pdp.submit(body | {"denial": denial_of(denial)}).status_code == 202


def test_misuse_ends_the_approval(pdp: Pdp) -> None:
    given = approved(pdp, OPEN, "grace", requested_access=EMERGENCY)
    body = person("dana") | {"verdict": "misused", "comment": "there was no fire"}
    reply = pdp.call("POST", f"/queue/v1/reviews/{review_of(pdp)}", "inbox", body)
    shown = reply.json()["review"]
    assert (shown["verdict"], shown["comment"]) == ("misused", "there was no fire")
    assert shown["reviewer"] == {"type": "User", "id": "dana"}
    assert asked(pdp, OPEN, approval_of(given))["decision"] is False
    assert pdp.events(given["task"]["id"])[-2:] == ["review.closed", "approval.revoked"]
    assert pdp.verified()


def test_whoever_had_a_part_does_not_review(pdp: Pdp) -> None:
    approved(pdp, OPEN, "grace", requested_access=EMERGENCY)
    review = review_of(pdp)
    justified = {"verdict": "justified"}
    path = f"/queue/v1/reviews/{review}"
    problem(pdp.call("POST", path, "inbox", person("grace") | justified), 403, "forbidden")
    problem(pdp.call("POST", path, "inbox", person("lee") | justified), 403, "forbidden")
    problem(pdp.call("POST", path, "inbox", person("alice") | justified), 404, "not_found")
    problem(pdp.call("POST", path, "other", justified), 404, "not_found")
    problem(pdp.call("POST", path + "x", "admin", justified), 404, "not_found")
    assert pdp.call("POST", path, "admin", justified).status_code == 200
    problem(pdp.call("POST", path, "inbox", person("dana") | justified), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/verdict"), ({"verdict": "fine"}, "/verdict"),
     ({"verdict": "misused", "comment": 5}, "/comment")],
)  # fmt: skip
def test_a_misshapen_finding_is_refused(pdp: Pdp, body: dict[str, object], pointer: str) -> None:
    problem(pdp.call("POST", "/queue/v1/reviews/x", "admin", body), 400, "invalid_request", pointer)


def test_reviews_are_seen_by_whom_policy_lets(pdp: Pdp) -> None:
    approved(pdp, OPEN, "grace", requested_access=EMERGENCY)
    for name, count in (("dana", 1), ("alice", 0)):
        path = f"/queue/v1/reviews?approver=user:{name}"
        assert len(pdp.call("GET", path, "inbox").json()["items"]) == count
    pdp.now += 2 * DAY
    (found,) = pdp.call("GET", "/queue/v1/reviews?done=false", "admin").json()["items"]
    assert found["overdue"] is True
    assert pdp.call("GET", "/queue/v1/reviews?done=true", "admin").json()["items"] == []


def test_an_emergency_ends_soon(pdp: Pdp) -> None:
    given = approved(pdp, OPEN, "grace", requested_access=EMERGENCY)
    pdp.now += timedelta(minutes=29)
    assert asked(pdp, OPEN, approval_of(given))["decision"] is True
    pdp.now += MINUTE
    assert asked(pdp, OPEN, approval_of(given))["decision"] is False
    assert requested(pdp, OPEN)

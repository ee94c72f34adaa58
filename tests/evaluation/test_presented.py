"""Evaluations that present an approval: allowed by it, or told why not and what to do."""

from datetime import timedelta
from typing import Any

import pytest

from pdp.core.scope import Scope
from pdp.policy.authorizer import Authorizer
from pdp.policy.entities import EntityIndex
from pdp.store import approvals
from pdp.store.approvals import PROVISIONED
from pdp.trust.callers import Caller
from tests.evaluation.approving import (
    ALICE,
    MINUTE,
    NOW,
    OPENING,
    Asked,
    Pdp,
    bundle,
    said,
)

READ = Asked()
DAY = timedelta(days=1)


@pytest.mark.requirement("ARAP-187")
@pytest.mark.requirement("ARAP-190")
@pytest.mark.parametrize("form", ["id", "state", "both"])
def test_an_approval_allows_what_was_approved(pdp: Pdp, form: str) -> None:
    given = pdp.grant(READ)
    presented = {"id": {"id": given.id}, "state": {"state": given.state}, "both": given.both}
    outcome = pdp.ask(READ, presented[form])
    assert outcome.allowed
    assert outcome.context == {
        "approval": {"id": given.id, "approved_until": "2026-11-23T13:00:00Z"}
    }
    assert outcome.approval_ref == given.row.ref


def test_without_presenting_it_nothing_changes(pdp: Pdp) -> None:
    pdp.grant(READ)
    outcome = pdp.ask(READ)
    assert not outcome.allowed
    assert outcome.context is not None and "access_request" in outcome.context
    assert "next_action" not in outcome.context


def test_what_is_permitted_anyway_needs_no_approval_and_no_store(pdp: Pdp) -> None:
    handbook = Asked(resource={"type": "document", "id": "handbook"})
    pdp.database.close()
    outcome = pdp.ask(handbook, {"id": "apr_x"})
    assert outcome.allowed
    assert outcome.context is None


@pytest.mark.requirement("ARAP-207")
@pytest.mark.parametrize(
    "presented",
    [
        {"id": "apr_unknown"}, {"id": ""}, {"id": "a\0b"}, {"id": "x" * 513}, {"id": "\ud800"},
        {}, "apr_text", 7, [], True, {"id": 5}, {"id": None, "state": None}, {"id": {}},
        {"state": "not-a-token"}, {"state": "a.b.c"}, {"state": 7}, {"state": {"x": 1}},
        {"ID": "apr_x"},
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_resolved_is_unverifiable(pdp: Pdp, presented: Any) -> None:
    outcome = pdp.ask(READ, presented)
    assert said(outcome) == (False, "approval_unverifiable", "none")
    assert outcome.context is not None and "access_request" not in outcome.context


def test_a_null_approval_is_none(pdp: Pdp) -> None:
    outcome = pdp.ask_body(READ.body() | {"context": {"approval": None}})
    assert outcome.context is not None and "next_action" not in outcome.context


@pytest.mark.requirement("ARAP-208")
def test_unknown_members_of_an_approval_are_ignored(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    assert pdp.ask(READ, {"id": given.id, "colour": "blue", "scope": "everything"}).allowed


@pytest.mark.requirement("ARAP-201")
def test_what_the_pep_writes_about_its_life_has_no_effect(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    longer = {"id": given.id, "approved_until": "2099-01-01T00:00:00Z", "approved_at": "now"}
    assert not pdp.ask(READ, longer, now=NOW + 60 * MINUTE).allowed
    within = pdp.ask(READ, longer)
    assert within.context is not None
    assert within.context["approval"]["approved_until"] == "2026-11-23T13:00:00Z"


@pytest.mark.requirement("ARAP-195")
@pytest.mark.requirement("ARAP-199")
@pytest.mark.requirement("ARAP-204")
@pytest.mark.parametrize("form", ["id", "both"])
def test_over_is_over_at_the_very_moment(pdp: Pdp, form: str) -> None:
    given = pdp.grant(READ)
    presented = given.both if form == "both" else {"id": given.id}
    end = NOW + 60 * MINUTE
    assert pdp.ask(READ, presented, now=end - timedelta(microseconds=1)).allowed
    outcome = pdp.ask(READ, presented, now=end)
    assert said(outcome) == (False, "approval_expired", "request")
    assert outcome.context is not None
    assert outcome.context["access_request"]["template"] == "lead_approval"
    assert outcome.context["access_request"]["expires_at"] > "2026-11-23T13:00:00Z"
    assert outcome.context["evaluation_id"]


@pytest.mark.requirement("ARAP-194")
def test_a_revoked_approval_counts_no_more_on_any_replica(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    elsewhere = Pdp(pdp.database)
    assert elsewhere.ask(READ, given.both).allowed
    pdp.database.write(
        lambda session: approvals.revoke(session, given.row.ref, by="x", reason=None, now=NOW)
    )
    for replica in (pdp, elsewhere):
        assert said(replica.ask(READ, given.both)) == (False, "approval_expired", "request")


@pytest.mark.requirement("ARAP-205")
def test_what_is_not_in_place_yet_is_to_be_tried_again(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    row = given.row.model_copy(
        update={"ref": "aprf_late", "id_hash": approvals.hash_of("apr_late"),
                "extra": {PROVISIONED: False}}
    )  # fmt: skip
    pdp.database.write(lambda session: approvals.grant(session, row, standing=False))
    outcome = pdp.ask(READ, {"id": "apr_late"})
    assert outcome.context == {"reason": "grant_pending", "next_action": "retry", "retry_after": 5}


@pytest.mark.requirement("ARAP-193")
def test_a_forbid_is_never_lifted_by_an_approval(pdp: Pdp) -> None:
    mallory = Asked(subject={"type": "user", "id": "mallory"})
    given = pdp.grant(mallory)
    outcome = pdp.ask(mallory, given.both)
    assert said(outcome) == (False, "policy_denied", "none")
    assert outcome.context is not None and "access_request" not in outcome.context


@pytest.mark.requirement("ARAP-202")
def test_current_data_decides_not_that_of_the_request(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    left = {"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": []}
    entities = EntityIndex.load([*bundle().entities[:2], left, *bundle().entities[6:]])
    pdp.authorizer = Authorizer(bundle(), entities)
    assert said(pdp.ask(READ, given.both)) == (False, "policy_denied", "none")


def test_an_approval_of_another_template_asks_for_the_right_one(pdp: Pdp) -> None:
    given = pdp.grant(READ, "payment_review")
    outcome = pdp.ask(READ, given.both)
    assert said(outcome) == (False, "out_of_scope", "request")
    assert outcome.context is not None
    assert outcome.context["access_request"]["template"] == "lead_approval"


def test_policies_see_who_approved(pdp: Pdp) -> None:
    export = Asked(action="export")
    by_carol = pdp.grant(export, "export_review", approvers=(("User", "carol"),))
    by_both = pdp.grant(
        export, "export_review", approvers=(("User", "bob"), ("User", "carol")), task_id="arq_2"
    )
    assert not pdp.ask(export, by_carol.both).allowed
    assert pdp.ask(export, by_both.both).allowed


@pytest.mark.requirement("ARAP-203")
@pytest.mark.requirement("ARAP-206")
def test_without_an_offer_nothing_is_to_be_requested(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    outcome = pdp.ask(READ, given.both, now=NOW + DAY, offers=False)
    assert outcome.context == {"reason": "approval_expired", "next_action": "none"}


def test_overlapping_approvals_do_not_touch_each_other(pdp: Pdp) -> None:
    first = pdp.grant(READ, until=30 * MINUTE)
    second = pdp.grant(READ, task_id="arq_2")
    pdp.database.write(
        lambda session: approvals.revoke(session, first.row.ref, by="x", reason=None, now=NOW)
    )
    assert not pdp.ask(READ, first.both).allowed
    assert pdp.ask(READ, second.both, now=NOW + 45 * MINUTE).allowed


@pytest.mark.requirement("ARAP-191")
def test_only_bound_context_members_must_be_the_same(pdp: Pdp) -> None:
    bound = READ._replace(context={"region": "north", "note": "a"})
    given = pdp.grant(bound, members=("region",))
    assert pdp.ask(bound._replace(context={"region": "north"}), given.both).allowed
    assert pdp.ask(bound._replace(context={"region": "north", "note": "b"}), given.both).allowed
    for context in ({}, {"region": "south"}, {"region": None}):
        outcome = pdp.ask(bound._replace(context=context), given.both)
        assert said(outcome) == (False, "out_of_scope", "request")


def test_an_actor_beside_the_subject_does_not_count(pdp: Pdp) -> None:
    given = pdp.grant(READ)
    acted = READ._replace(subject={**ALICE, "properties": {"act": {"sub": "agent-7"}}})
    assert pdp.ask(acted, given.both).allowed


WIDER = [
    (Scope("exact"), {"e1"}),
    (Scope("resource_parent", ("Folder", "east")), {"e1", "e2"}),
    (Scope("resource_parent", ("Folder", "plans")), {"e1", "e2", "w1"}),
    (Scope("resource_parent", ("Folder", "vault")), {"e1"}),
    (Scope("resource_type"), {"e1", "e2", "w1"}),
]


@pytest.mark.requirement("ARAP-180")
@pytest.mark.requirement("ARAP-192")
@pytest.mark.parametrize(("scope", "covered"), WIDER, ids=[str(number) for number in range(5)])
def test_a_scope_covers_what_it_says(pdp: Pdp, scope: Scope, covered: set[str]) -> None:
    given = pdp.grant(READ, scope=scope)
    found = {
        name
        for name in ("e1", "e2", "w1")
        if pdp.ask(
            READ._replace(resource={"type": "document", "id": name}), {"id": given.id}
        ).allowed
    }
    assert found == covered


def test_the_caller_cannot_put_a_resource_below_an_approved_parent(pdp: Pdp) -> None:
    given = pdp.grant(READ, scope=Scope("resource_parent", ("Folder", "east")))
    claimed = {
        "type": "document",
        "id": "w1",
        "properties": {"parents": [{"type": "Folder", "id": "east"}]},
    }
    assert said(pdp.ask(READ._replace(resource=claimed), given.both))[1] == "out_of_scope"


@pytest.mark.requirement("ARAP-188")
def test_the_client_must_be_the_one_that_the_request_came_from(pdp: Pdp) -> None:
    given = pdp.grant(READ, requester="as-1", client_id="agent-7")
    server = Caller("as-1", frozenset({"as", "pep"}))
    plain = Caller("as-1", frozenset({"pep"}))
    of_agent = READ._replace(context={"client": {"id": "agent-7"}})
    assert pdp.ask(of_agent, given.both, server).allowed
    for asked, caller in (
        (READ, server),
        (READ._replace(context={"client": {"id": "agent-8"}}), server),
        (of_agent, plain),
        (of_agent, Caller("as-1", frozenset({"as", "pep"}), client_id="agent-8")),
    ):
        assert said(pdp.ask(asked, given.both, caller))[1] == "approval_unverifiable"
    assert pdp.ask(
        READ, given.both, Caller("as-1", frozenset({"pep"}), client_id="agent-7")
    ).allowed


def test_an_overdue_review_blocks_the_next_emergency(pdp: Pdp) -> None:
    given = pdp.grant(
        OPENING, "break_glass", until=2 * DAY, review_within=DAY, approvers=(("User", "grace"),)
    )
    assert pdp.ask(OPENING, given.both).allowed
    late = NOW + DAY
    assert said(pdp.ask(OPENING, given.both, now=late))[:2] == (False, "out_of_scope")
    again = pdp.grant(OPENING, "break_glass", until=3 * DAY, review_within=DAY * 3, task_id="arq_2")
    assert not pdp.ask(OPENING, again.both, now=late).allowed
    other = OPENING._replace(subject={"type": "user", "id": "carol"})
    hers = pdp.grant(other, "break_glass", until=3 * DAY, review_within=DAY * 3, task_id="arq_3")
    assert pdp.ask(other, hers.both, now=late).allowed


def test_the_database_is_read_once_and_only_when_an_approval_is_presented(
    pdp: Pdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = pdp.grant(READ)
    hops: list[str] = []
    peek = pdp.database.apeek

    async def counted(work: Any) -> Any:
        hops.append("read")
        return await peek(work)

    monkeypatch.setattr(pdp.database, "apeek", counted)
    pdp.ask(READ)
    assert hops == []
    assert pdp.ask(READ, given.both).allowed
    assert hops == ["read"]

"""Whether an evaluation may rest on an approval."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pdp.core.approval import (
    Approval,
    Presenter,
    Unusable,
    Usable,
    check_approval,
    evaluation_key,
    guidance,
)
from pdp.core.authzen import Evaluation, evaluation_from
from pdp.core.scope import Scope, scope_from_json
from tests.core.making import HOUR, START, person

SUBJECT = {"type": "user", "id": "alice", "properties": {"level": 3, "act": {"sub": "a"}}}
RESOURCE = {"type": "document", "id": "q4", "properties": {"class": "internal"}}
ACTION = {"name": "read"}
BODY: dict[str, Any] = {
    "subject": SUBJECT,
    "resource": RESOURCE,
    "action": ACTION,
    "context": {"tenant": "acme", "time": "now", "approval": {"id": "apr_1"}},
}
APPROVAL = Approval(
    ref="ref-1",
    task_id="arq_1",
    template="manager",
    subject=SUBJECT,
    resource=RESOURCE,
    action=ACTION,
    context={"tenant": "acme"},
    members=("tenant", "region"),
    requester="pep-1",
    approved_at=START,
    approved_until=START + 4 * HOUR,
    approvers=(person("bob"),),
)
US = Presenter("pep-1")
NOW = START + HOUR


def _evaluation(**changed: Any) -> Evaluation:
    return evaluation_from(BODY | changed)


def _check(
    approval: Approval = APPROVAL,
    evaluation: Evaluation | None = None,
    presenter: Presenter = US,
    **more: Any,
) -> Usable | Unusable:
    return check_approval(approval, evaluation or _evaluation(), presenter, **{"now": NOW, **more})


@pytest.mark.requirement("ARAP-190")
def test_an_approval_in_force_and_in_scope_is_usable() -> None:
    assert _check() == Usable(START + 4 * HOUR)


@pytest.mark.requirement("ARAP-186")
@pytest.mark.requirement("ARAP-191")
@pytest.mark.parametrize(
    "changed",
    [
        {"subject": SUBJECT | {"id": "bob"}},
        {"subject": SUBJECT | {"type": "agent"}},
        {"subject": SUBJECT | {"properties": {"level": 3, "more": 1}}},
        {"subject": SUBJECT | {"properties": {}}},
        {"resource": RESOURCE | {"id": "q5"}},
        {"resource": RESOURCE | {"type": "folder"}},
        {"resource": {"type": "document", "id": "q4"}},
        {"resource": RESOURCE | {"properties": {"class": "internal", "x": None}}},
        {"action": {"name": "write"}},
        {"action": {"name": "read", "properties": {"mode": "x"}}},
        {"context": {"tenant": "other"}},
        {"context": {}},
        {"context": {"tenant": "acme", "region": "eu"}},
        {"context": {"tenant": None}},
    ],
)
def test_anything_else_is_out_of_scope(changed: dict[str, Any]) -> None:
    assert _check(evaluation=_evaluation(**changed)) == Unusable("out_of_scope")


@pytest.mark.requirement("ARAP-191")
@pytest.mark.parametrize(
    "changed",
    [
        {"subject": SUBJECT | {"properties": {"level": 3}}},
        {"subject": SUBJECT | {"properties": {"level": 3.0, "act": {"sub": "other"}}}},
        {"context": {"tenant": "acme", "time": "later", "reason": "x", "client_id": "c"}},
    ],
)
def test_what_does_not_bind_may_differ(changed: dict[str, Any]) -> None:
    assert isinstance(_check(evaluation=_evaluation(**changed)), Usable)


@pytest.mark.requirement("ARAP-188")
@pytest.mark.parametrize(
    ("client", "presenter", "usable"),
    [
        (None, Presenter("pep-1"), True),
        (None, Presenter("pep-1", "agent-7"), True),
        (None, Presenter("pep-2"), False),
        ("agent-7", Presenter("pep-1", "agent-7"), True),
        ("agent-7", Presenter("pep-1", "agent-8"), False),
        ("agent-7", Presenter("pep-1"), False),
        ("agent-7", Presenter("pep-2", "agent-7"), False),
    ],
)
def test_an_approval_serves_the_caller_and_client_it_was_given_to(
    client: str | None, presenter: Presenter, usable: bool
) -> None:
    verdict = _check(replace(APPROVAL, client_id=client), presenter=presenter)
    assert verdict == (Usable(START + 4 * HOUR) if usable else Unusable("approval_unverifiable"))


@pytest.mark.requirement("ARAP-195")
@pytest.mark.parametrize(
    ("now", "usable"),
    [
        (START + 4 * HOUR - timedelta(microseconds=1), True),
        (START + 4 * HOUR, False),
        (START + 5 * HOUR, False),
    ],
)
def test_an_approval_ends_on_time(now: Any, usable: bool) -> None:
    verdict = _check(now=now)
    assert verdict == (Usable(START + 4 * HOUR) if usable else Unusable("approval_expired"))


@pytest.mark.requirement("ARAP-194")
def test_a_revoked_approval_counts_for_nothing() -> None:
    assert _check(replace(APPROVAL, revoked_at=START)) == Unusable("approval_expired")


@pytest.mark.requirement("ARAP-207")
def test_an_approval_whose_grant_is_on_its_way_is_pending() -> None:
    assert _check(replace(APPROVAL, provisioned=False)) == Unusable("grant_pending")


def test_a_stranger_learns_nothing_about_an_approval() -> None:
    for changed in ({"revoked_at": START}, {"provisioned": False}, {"used_at": START}):
        verdict = _check(replace(APPROVAL, **changed), presenter=Presenter("pep-2"))  # type: ignore[arg-type]
        assert verdict == Unusable("approval_unverifiable")


PLANS = ("Folder", "plans")


@pytest.mark.requirement("ARAP-192")
@pytest.mark.parametrize(
    ("scope", "resource", "ancestors", "usable"),
    [
        (Scope("resource_parent", PLANS), {"type": "document", "id": "q5"}, {PLANS}, True),
        (Scope("resource_parent", PLANS), {"type": "document", "id": "q5"}, set(), False),
        (
            Scope("resource_parent", PLANS),
            {"type": "document", "id": "q5"},
            {("Folder", "other")},
            False,
        ),
        (Scope("resource_parent", PLANS), RESOURCE, set(), True),
        (Scope("resource_type"), {"type": "document", "id": "q5"}, set(), True),
        (Scope("resource_type"), {"type": "folder", "id": "q4"}, set(), False),
        (Scope("exact"), {"type": "document", "id": "q5"}, {PLANS}, False),
    ],
)
def test_a_wider_scope_covers_other_resources_and_nothing_else(
    scope: Scope, resource: Any, ancestors: Any, usable: bool
) -> None:
    approval = replace(APPROVAL, scope=scope)
    verdict = _check(approval, _evaluation(resource=resource), ancestors=ancestors)
    assert isinstance(verdict, Usable) == usable
    for changed in (
        {"subject": SUBJECT | {"id": "bob"}},
        {"action": {"name": "write"}},
        {"context": {"tenant": "other"}},
    ):
        other = _evaluation(resource=resource, **changed)
        assert _check(approval, other, ancestors=ancestors) == Unusable("out_of_scope")


@pytest.mark.parametrize(
    "scope", [Scope(), Scope("resource_parent", PLANS), Scope("resource_type")]
)
def test_a_scope_comes_back_as_it_was(scope: Scope) -> None:
    assert scope_from_json(scope.to_json()) == scope


@pytest.mark.parametrize(
    "body", [{}, {"kind": "all"}, {"kind": "resource_parent"}, {"kind": "exact", "parent": {}}]
)
def test_what_is_no_scope_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="scope"):
        scope_from_json(body)


ONCE = replace(APPROVAL, single_use=True)


@pytest.mark.requirement("AROP-046")
def test_a_single_use_approval_is_spent_by_the_first_evaluation() -> None:
    assert _check(ONCE) == Usable(START + 4 * HOUR, spends=True)


@pytest.mark.requirement("AROP-046")
@pytest.mark.parametrize(
    ("changed", "seconds", "usable"),
    [
        ({}, 0, True),
        ({}, 60, True),
        ({}, 61, False),
        ({"context": {"tenant": "acme", "time": "later", "approval": {"id": "x"}}}, 30, True),
        ({"context": {"tenant": "acme", "amount": 5}}, 30, False),
    ],
)
def test_the_same_evaluation_may_be_repeated_for_a_minute(
    changed: dict[str, Any], seconds: int, usable: bool
) -> None:
    spent = replace(ONCE, used_at=NOW, used_by=evaluation_key(_evaluation(), US))
    verdict = _check(spent, _evaluation(**changed), now=NOW + timedelta(seconds=seconds))
    assert verdict == (Usable(START + 4 * HOUR) if usable else Unusable("approval_expired"))


def test_the_key_of_an_evaluation_is_its_callers_own() -> None:
    assert evaluation_key(_evaluation(), US) != evaluation_key(_evaluation(), Presenter("pep-2"))
    assert evaluation_key(_evaluation(), US) == evaluation_key(_evaluation(), US)
    huge = _evaluation(context={"tenant": 2**60})
    assert evaluation_key(huge, US) == evaluation_key(huge, US)
    assert evaluation_key(huge, US) != evaluation_key(_evaluation(context={"tenant": 2**61}), US)


@pytest.mark.requirement("ARAP-203")
@pytest.mark.requirement("ARAP-206")
@pytest.mark.parametrize(
    ("reason", "action"),
    [
        ("approval_expired", "request"),
        ("out_of_scope", "request"),
        ("grant_pending", "retry"),
        ("policy_denied", "none"),
        ("approval_unverifiable", "none"),
    ],
)
def test_every_reason_has_its_next_action(reason: Any, action: str) -> None:
    assert guidance(reason, requestable=True).next_action == action


@pytest.mark.requirement("ARAP-204")
@pytest.mark.parametrize("reason", ["approval_expired", "out_of_scope"])
def test_without_a_fresh_request_there_is_nothing_to_request(reason: Any) -> None:
    assert guidance(reason, requestable=False).to_json() == {
        "reason": reason,
        "next_action": "none",
    }


@pytest.mark.requirement("ARAP-205")
def test_a_retry_says_when() -> None:
    told = guidance("grant_pending", requestable=False).to_json()
    assert told["next_action"] == "retry"
    assert type(told["retry_after"]) is int
    assert told["retry_after"] > 0

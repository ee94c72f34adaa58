"""On which terms people approve: until when, how far, and for less."""

from datetime import datetime

import pytest

from pdp.core.scope import Scope
from pdp.core.task_effects import (
    ApprovalGranted,
)
from pdp.core.task_open import Wanted
from tests.core.making import (
    HOUR,
    START,
    accepted,
    decide,
    effects,
    opened,
    workflow,
)

QUORUM = {"name": "board", "approvals": 2}


@pytest.mark.requirement("ARAP-080")
@pytest.mark.parametrize(
    ("asked", "chosen", "until"),
    [
        (None, None, 1 + 4),
        (None, 3, 3),
        (None, 9, 9),
        (None, 200, 1 + 24),
        (3, None, 3),
        (9, None, 1 + 4),
        (200, None, 1 + 4),
        (3, 9, 3),
        (9, 3, 3),
        (9, 200, 9),
    ],
)
def test_until_when_an_approval_lasts(asked: int | None, chosen: int | None, until: int) -> None:
    def hours(count: int | None) -> datetime | None:
        return None if count is None else START + count * HOUR

    flow = workflow(approval_ttl="4h", approval_ttl_max="1d", task_ttl="30d")
    change = decide(opened(Wanted(flow, hours(asked))), "bob", approved_until=hours(chosen))
    (granted,) = effects(change, ApprovalGranted)
    assert granted.approved_until == hours(until)


def test_of_several_choices_the_earliest_counts() -> None:
    task = accepted(decide(opened(workflow(QUORUM)), "bob", approved_until=START + 3 * HOUR))
    change = decide(task, "carol", after=2 * HOUR, approved_until=START + 9 * HOUR)
    (granted,) = effects(change, ApprovalGranted)
    assert granted.approved_until == START + 3 * HOUR


def test_a_request_expires_when_nothing_could_be_granted_any_more() -> None:
    task = accepted(decide(opened(workflow(QUORUM)), "bob", approved_until=START + 3 * HOUR))
    change = decide(task, "carol", after=3 * HOUR)
    assert change.task.status == "expired"
    assert change.refusal is not None


def test_an_end_that_has_passed_is_refused() -> None:
    change = decide(opened(workflow()), "bob", approved_until=START + HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "passed"


FOLDER = Scope("resource_parent", ("Folder", "plans"))


@pytest.mark.requirement("ARAP-180")
@pytest.mark.parametrize(
    ("allowed", "chosen", "fits"),
    [
        ("exact", None, True),
        ("exact", Scope("exact"), True),
        ("exact", FOLDER, False),
        ("exact", Scope("resource_type"), False),
        ("resource_parent", FOLDER, True),
        ("resource_parent", Scope("resource_type"), False),
        ("resource_type", FOLDER, True),
        ("resource_type", Scope("resource_type"), True),
    ],
)
def test_a_scope_is_as_wide_as_the_workflow_allows(
    allowed: str, chosen: Scope | None, fits: bool
) -> None:
    change = decide(opened(workflow(scope=allowed)), "bob", scope=chosen)
    if not fits:
        assert change.refusal is not None
        assert change.refusal.reason == "scope"
        return
    (granted,) = effects(change, ApprovalGranted)
    assert granted.scope == (chosen or Scope("exact"))
    assert granted.standing == (granted.scope.kind != "exact")


@pytest.mark.parametrize(
    ("first", "second", "agreed"),
    [
        (FOLDER, FOLDER, FOLDER),
        (FOLDER, None, Scope("exact")),
        (FOLDER, Scope("resource_type"), FOLDER),
        (FOLDER, Scope("resource_parent", ("Folder", "other")), Scope("exact")),
    ],
)
def test_of_several_scopes_the_narrowest_counts(
    first: Scope, second: Scope | None, agreed: Scope
) -> None:
    flow = workflow(QUORUM, scope="resource_type")
    task = accepted(decide(opened(flow), "bob", scope=first))
    change = decide(task, "carol", after=2 * HOUR, scope=second)
    (granted,) = effects(change, ApprovalGranted)
    assert granted.scope == agreed


def test_approving_for_less_can_be_forbidden() -> None:
    flow = workflow(narrowing=False)
    change = decide(opened(flow), "bob", approved_until=START + 2 * HOUR)
    assert change.refusal is not None
    assert change.refusal.reason == "narrowing"
    assert (
        accepted(decide(opened(flow), "bob", approved_until=START + 5 * HOUR)).status == "approved"
    )


@pytest.mark.requirement("AROP-046")
def test_a_single_use_approval_is_never_a_standing_one() -> None:
    change = decide(opened(workflow(single_use=True)), "bob")
    (granted,) = effects(change, ApprovalGranted)
    assert (granted.single_use, granted.standing) == (True, False)
    change = decide(opened(workflow(standing=True)), "bob")
    assert effects(change, ApprovalGranted)[0].standing is True

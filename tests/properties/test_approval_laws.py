"""Laws of approvals: how long, how far, for whom, and how often."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pdp.core.approval import (
    Approval,
    Presenter,
    Unusable,
    Usable,
    check_approval,
    evaluation_key,
)
from pdp.core.approval_state import check_state_alone, state_of
from pdp.core.approved_until import approved_until
from pdp.core.authzen import Evaluation, evaluation_from
from pdp.core.binding import bound_context, same
from pdp.core.scope import Scope, narrowest
from pdp.core.workflow import SCOPES, Step, Workflow
from tests.properties.binding_values import (
    CONTEXTS,
    MEMBERS,
    REQUESTS,
    SCALARS,
    leaves_of,
    replaced,
    respelt,
    shuffled,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FOLDER = ("Folder", "f")
_NAMES = ("subject", "resource", "action", "context")
_SCOPES = st.sampled_from([Scope(), Scope("resource_parent", FOLDER), Scope("resource_type")])


def _evaluation(parts: Any) -> Evaluation:
    return evaluation_from(dict(zip(_NAMES, parts, strict=True)))


@st.composite
def _approvals(draw: st.DrawFn) -> Approval:
    subject, resource, action, context = draw(REQUESTS)
    return Approval(
        ref="r",
        task_id="arq_1",
        template="flow",
        subject=subject,
        resource=resource,
        action=action,
        context=bound_context(context, MEMBERS),
        members=MEMBERS,
        requester=draw(st.sampled_from(["pep-1", "pep-2"])),
        client_id=draw(st.sampled_from([None, "c1", "c2"])),
        approved_at=START,
        approved_until=START + draw(st.integers(1, 9)) * HOUR,
        scope=draw(_SCOPES),
        revoked_at=draw(st.sampled_from([None, None, None, START])),
        provisioned=draw(st.sampled_from([True, True, True, False])),
    )


_PRESENTERS = st.builds(
    Presenter, st.sampled_from(["pep-1", "pep-2"]), st.sampled_from([None, "c1", "c2"])
)
_MOMENTS = st.integers(0, 10 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@pytest.mark.requirement("ARAP-187")
@pytest.mark.requirement("ARAP-188")
@given(_approvals(), REQUESTS, st.booleans(), _PRESENTERS, _MOMENTS, st.booleans())
def test_whatever_is_usable_fits_in_every_respect(
    approval: Approval,
    other: Any,
    same_resource: bool,
    presenter: Presenter,
    now: datetime,
    below: bool,
) -> None:
    resource = approval.resource if same_resource else other[1]
    parts = (approval.subject, resource, approval.action, approval.context)
    verdict = check_approval(
        approval,
        _evaluation(parts),
        presenter,
        now=now,
        ancestors={FOLDER} if below else (),
    )
    if isinstance(verdict, Usable):
        assert presenter.caller == approval.requester
        assert approval.client_id in (None, presenter.client_id)
        assert now < approval.approved_until == verdict.approved_until
        assert approval.revoked_at is None
        assert (
            same(resource, approval.resource)
            or (approval.scope.kind == "resource_parent" and below)
            or (
                approval.scope.kind == "resource_type"
                and resource["type"] == approval.resource["type"]
            )
        )


@pytest.mark.requirement("ARAP-186")
@pytest.mark.requirement("ARAP-191")
@given(_approvals(), st.data())
def test_one_changed_leaf_is_out_of_scope(approval: Approval, data: st.DataObject) -> None:
    approval = replace(approval, scope=Scope(), revoked_at=None, provisioned=True)
    parts = (approval.subject, approval.resource, approval.action, approval.context)
    place = data.draw(st.sampled_from(leaves_of(list(parts))))
    # Emptied properties of the subject may come and go.
    assume(len(place) > 1 and place != (0, "properties"))
    old: Any = parts
    for part in place:
        old = old[part]
    new = data.draw(SCALARS.filter(lambda value: not same(value, old)))
    try:
        changed = _evaluation(replaced(list(parts), place, new))
    except ValueError:
        return
    presenter = Presenter(approval.requester, approval.client_id)
    assert check_approval(approval, changed, presenter, now=START) == Unusable("out_of_scope")


@given(_approvals(), CONTEXTS, st.randoms(use_true_random=False))
def test_spelling_order_and_unbound_members_do_not_matter(
    approval: Approval, other: dict[str, Any], random: Any
) -> None:
    more = {name: value for name, value in other.items() if name not in MEMBERS}
    parts = [approval.subject, approval.resource, approval.action, approval.context | more]
    turned = _evaluation([respelt(shuffled(part, random)) for part in parts])
    presenter = Presenter(approval.requester, approval.client_id)
    plain = check_approval(approval, _evaluation(parts), presenter, now=START)
    assert check_approval(approval, turned, presenter, now=START) == plain


@given(_approvals(), REQUESTS, st.booleans(), _PRESENTERS, _MOMENTS)
def test_a_state_alone_never_says_more_than_its_record(
    approval: Approval, other: Any, matches: bool, presenter: Presenter, now: datetime
) -> None:
    state = state_of(approval, "apr_1", issuer="ars", audience="pdp", token_id="as_1")
    own = (approval.subject, approval.resource, approval.action, approval.context)
    evaluation = _evaluation(own if matches else other)
    live = replace(approval, revoked_at=None, provisioned=True)
    alone = check_state_alone(state, evaluation, presenter, now=now)
    if isinstance(alone, Usable):
        assert check_approval(live, evaluation, presenter, now=now) == alone


_MAYBE = st.none() | st.integers(1, 400).map(lambda hours: START + hours * HOUR)


@pytest.mark.requirement("ARAP-080")
@pytest.mark.requirement("ARAP-170")
@given(
    st.integers(1, 48),
    st.integers(0, 200),
    _MAYBE,
    st.lists(_MAYBE, max_size=3),
    st.integers(0, 999_999),
)
def test_no_approval_outlasts_what_anybody_allowed(
    usual: int, more: int, asked: datetime | None, chosen: list[datetime | None], micro: int
) -> None:
    flow = Workflow(
        "flow", (Step("s"),), approval_ttl=usual * HOUR, approval_ttl_max=(usual + more) * HOUR
    )
    now = START + timedelta(microseconds=micro)
    until = approved_until(flow, now, asked=asked, chosen=chosen)
    assert now < until <= now + flow.approval_ttl_max
    assert all(until <= wish for wish in (asked, *chosen) if wish is not None)
    if not any(chosen):
        assert until <= now + flow.approval_ttl
    # Nothing is lost but the fraction of a second.
    again = approved_until(flow, now, asked=until, chosen=chosen)
    assert again == until


@given(st.lists(st.none() | _SCOPES, min_size=1, max_size=4))
def test_the_agreed_scope_is_nobodys_widening(scopes: list[Scope | None]) -> None:
    agreed = narrowest(scopes)
    assert all(
        SCOPES.index(agreed.kind) <= SCOPES.index((scope or Scope()).kind) for scope in scopes
    )
    assert agreed == Scope() or agreed in scopes
    assert narrowest([*reversed(scopes)]) == agreed


@pytest.mark.requirement("AROP-046")
@given(
    _approvals(),
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from("abc")), min_size=1, max_size=8),
)
def test_a_single_use_approval_serves_one_evaluation_ever(
    approval: Approval, calls: list[tuple[int, str]]
) -> None:
    approval = replace(approval, single_use=True, revoked_at=None, provisioned=True)
    presenter = Presenter(approval.requester, approval.client_id)
    now, served = START, set()
    for seconds, extra in calls:
        now += timedelta(seconds=seconds)
        parts = (
            approval.subject,
            approval.resource,
            approval.action,
            approval.context | {"other": extra},
        )
        evaluation = _evaluation(parts)
        verdict = check_approval(approval, evaluation, presenter, now=now)
        if isinstance(verdict, Usable):
            served.add(extra)
            if verdict.spends:
                key = evaluation_key(evaluation, presenter)
                approval = replace(approval, used_at=now, used_by=key)
            assert approval.used_at is not None
            assert now - approval.used_at <= timedelta(seconds=60)
    assert len(served) == 1

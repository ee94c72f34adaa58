"""Finding approvals: lists for people, and the standing ones that evaluations look for."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, not_, select

from pdp.store import versions
from pdp.store.approvals import Approval, approvals, is_live
from pdp.store.records import Cursor, Page, Record, ordered, page_of
from pdp.store.session import Session

_c = approvals.c
_STANDING = (
    select(approvals)
    .where(_c.subject_id == bindparam("id"), _c.subject_type == bindparam("type"))
    .where(_c.standing_version.is_not(None))
    .order_by(_c.approved_at, _c.ref)
)


class ApprovalFilter(Record):
    """Which approvals are wanted; what is None does not narrow."""

    live: bool | None = None
    requester: str | None = None
    client_id: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    template: str | None = None
    task_id: str | None = None
    emergency: bool | None = None


class StandingChanges(NamedTuple):
    """The standing approvals that changed up to `version`; some may no longer count."""

    version: int
    approvals: Sequence[Approval]


def page(
    session: Session, wanted: ApprovalFilter, cursor: Cursor | None, limit: int, now: datetime
) -> Page[Approval]:
    """Approvals that pass the filter, newest first."""
    statement = select(approvals)
    for name in ApprovalFilter.model_fields:
        value = getattr(wanted, name)
        if value is not None and name != "live":
            statement = statement.where(_c[name] == value)
    if wanted.live is not None:
        live = is_live(now)
        statement = statement.where(live if wanted.live else not_(live))
    statement = ordered(statement, _c.approved_at, _c.ref, cursor, newest_first=True, limit=limit)
    found = session.all(Approval, statement)
    return page_of(found, limit, lambda approval: Cursor(approval.approved_at, approval.ref))


def standing_for(
    session: Session,
    subject: tuple[str, str],
    now: datetime,
    template: str | None = None,
    scope: str | None = None,
) -> list[Approval]:
    """The standing approvals of a subject that count now, oldest first."""
    statement = _STANDING.where(is_live(now))
    if template is not None:
        statement = statement.where(_c.template == template)
    if scope is not None:
        statement = statement.where(_c.scope == scope)
    return session.all(Approval, statement, {"type": subject[0], "id": subject[1]})


def standing_since(session: Session, version: int, now: datetime) -> StandingChanges:
    """What changed among the standing approvals after a version of topic `approvals`.

    From 0, those that count. Ask within one `Database.read`.
    """
    found = versions.of_topic(session, "approvals")
    statement = select(approvals).where(_c.standing_version > version, _c.standing_version <= found)
    if version == 0:
        statement = statement.where(is_live(now))
    changed = session.all(Approval, statement.order_by(_c.standing_version))
    return StandingChanges(found, changed)


def delete_ended(session: Session, before: datetime, limit: int) -> int:
    """Delete up to `limit` approvals that ended before a moment; gives how many."""
    ended = select(_c.ref).where(_c.approved_until < before).limit(limit)
    return session.execute(delete(approvals).where(_c.ref.in_(ended))).rowcount

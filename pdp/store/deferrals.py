"""Handles on requests that clients wait with: deferral codes, `auth_req_id`s and the like.

Law: a handle is known by a keyed MAC only, of which its AS and its client are part, so that one of
others is found as little as one that never was. It changes only by `move`, which names the version
it was read at: of any number of polls and revocations at once, one wins.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import ForeignKeyConstraint, Index, bindparam, delete, or_, select, update
from sqlmodel import Field

from pdp.core.deferral import Handle, Key, Skin, State
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import (
    ByteText,
    Count,
    Doc,
    MaybeMoment,
    MaybeSealed,
    MaybeWords,
    Moment,
    Words,
)
from pdp.store.types import Key as KeyColumn


class Deferral(Record):
    """A handle. `ref` names it where the handle itself must not be.

    Attributes:
        owner: the AS, a caller's id.
        request: what was asked for, and how to answer: `asked` with the members of the request.
    """

    hash: KeyColumn
    ref: Words
    version: Count = 1
    task_id: Words
    skin: Annotated[Skin, Field(sa_type=ByteText)]
    owner: Words
    client_id: Words
    jkt: MaybeWords = None
    x5t: MaybeWords = None
    challenge: MaybeWords = None
    state: Annotated[State, Field(sa_type=ByteText)] = "open"
    interval: Count = 5
    too_fast: Count = 0
    created_at: Moment
    expires_at: Moment
    polled_at: MaybeMoment = None
    ended_at: MaybeMoment = None
    request: Doc

    def handle(self) -> Handle:
        """The handle as the pure core sees it."""
        return Handle(
            self.skin,
            self.created_at,
            self.expires_at,
            Key(self.jkt, self.x5t),
            self.interval,
            self.state,
            self.polled_at,
            self.too_fast,
            self.challenge,
        )


class DeferralRow(Deferral, table=True):
    """Table `deferrals`."""

    __tablename__ = "deferrals"
    __table_args__ = (
        ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),
        Index("ix_deferrals_ref", "ref", unique=True),
        Index("ix_deferrals_task", "task_id"),
        Index("ix_deferrals_expires_at", "expires_at"),
    )


class Notification(Record):
    """Whom to tell when a handle resolves; its code and token are sealed, and go with it."""

    ref: KeyColumn
    endpoint: Words
    code_sealed: MaybeSealed = None
    token_sealed: MaybeSealed = None
    expires_at: Moment


class NotificationRow(Notification, table=True):
    """Table `deferral_notifications`."""

    __tablename__ = "deferral_notifications"
    __table_args__ = (Index("ix_deferral_notifications_expires_at", "expires_at"),)


deferrals = table_of(DeferralRow)
notifications = table_of(NotificationRow)
_c = deferrals.c
_BY_HASH = select(deferrals).where(_c.hash == bindparam("of_hash"))
_BY_REF = select(deferrals).where(_c.ref == bindparam("of_ref"))
_POLLED = (
    update(deferrals)
    .where(_c.hash == bindparam("of_hash"), _c.state == "open")
    .where(or_(_c.polled_at.is_(None), _c.polled_at < bindparam("at")))
    .values(polled_at=bindparam("at"))
)
_OF_TASK = select(deferrals).where(_c.task_id == bindparam("of_task")).order_by(_c.created_at)


def add(session: Session, deferral: Deferral, notification: Notification | None = None) -> None:
    """Keep a new handle, and whom to tell of its end."""
    session.add(deferrals, deferral)
    if notification is not None:
        session.add(notifications, notification)


def by_hash(session: Session, hashed: str) -> Deferral | None:
    """The handle with that MAC."""
    return session.first(Deferral, _BY_HASH, {"of_hash": hashed})


def by_ref(session: Session, ref: str) -> Deferral | None:
    """The handle of that name."""
    return session.first(Deferral, _BY_REF, {"of_ref": ref})


def of_task(session: Session, task_id: str) -> Sequence[Deferral]:
    """Every handle on a request, oldest first."""
    return session.all(Deferral, _OF_TASK, {"of_task": task_id})


def move(session: Session, before: Deferral, handle: Handle, now: datetime) -> bool:
    """Keep what became of a handle, if nobody changed it meanwhile; tells whether it was."""
    changes: dict[str, Any] = {
        "version": before.version + 1,
        "state": handle.state,
        "interval": handle.interval,
        "too_fast": handle.too_fast,
        "polled_at": handle.polled_at,
        "challenge": handle.challenge,
    }
    if handle.state != "open" and before.state == "open":
        changes["ended_at"] = now
    return _change(session, before, changes)


def note_polls(session: Session, polled: Mapping[str, datetime]) -> None:
    """Note when open handles, by their MAC, were polled last; a later moment stays."""
    # In one order, so that replicas that note the same handles do not wait for each other.
    session.execute(_POLLED, [{"of_hash": each, "at": polled[each]} for each in sorted(polled)])


def _change(session: Session, before: Deferral, changes: Mapping[str, Any]) -> bool:
    statement = update(deferrals).where(_c.hash == before.hash, _c.version == before.version)
    return session.execute(statement.values(dict(changes))).rowcount == 1


def delete_expired(session: Session, before: datetime, limit: int) -> int:
    """Delete up to `limit` handles that expired before a moment; gives how many."""
    old = select(_c.hash).where(_c.expires_at < before).order_by(_c.expires_at).limit(limit)
    return session.execute(delete(deferrals).where(_c.hash.in_(old))).rowcount


def notification(session: Session, ref: str) -> Notification | None:
    """Whom to tell of a handle's end; None when nobody, or it is over."""
    statement = select(notifications).where(notifications.c.ref == ref)
    return session.first(Notification, statement)


def dispose(session: Session, ref: str) -> bool:
    """Destroy the notification of a handle with its token; False when it was before."""
    statement = delete(notifications).where(notifications.c.ref == ref)
    return session.execute(statement).rowcount == 1


def dispose_expired(session: Session, now: datetime, limit: int) -> int:
    """Destroy up to `limit` notifications whose handle has expired; gives how many."""
    over = select(notifications.c.ref).where(notifications.c.expires_at <= now)
    over = over.order_by(notifications.c.expires_at).limit(limit)
    statement = delete(notifications).where(notifications.c.ref.in_(over))
    return session.execute(statement).rowcount

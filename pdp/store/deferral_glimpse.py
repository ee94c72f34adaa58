"""What a poll needs to see of a handle and its request, in one narrow read."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, exists, select

from pdp.core.deferral import Handle, Key
from pdp.store.deferrals import deferrals
from pdp.store.interactions import interactions
from pdp.store.session import Session
from pdp.store.tasks import tasks

_d, _t, _i = deferrals.c, tasks.c, interactions.c
_VISITS = exists().where(_i.task_id == _d.task_id, _i.kind == "interaction")
_ONE = (
    select(
        *(_d.skin, _d.created_at, _d.expires_at, _d.jkt, _d.x5t, _d.interval, _d.state),
        *(_d.polled_at, _d.too_fast, _d.challenge),
        *(_t.status, _t.step_name, _t.expires_at.label("ends_at"), _VISITS.label("visits")),
    )
    .join(tasks, _t.id == _d.task_id)
    .where(_d.hash == bindparam("of_hash"))
)


class Glimpse(NamedTuple):
    """A handle and how its request stands.

    Attributes:
        step: the name of the step that the request is at.
        ends_at: when the request ends by itself.
        visits: whether it has or had a page that its subject must visit.
    """

    handle: Handle
    status: str
    step: str | None
    ends_at: datetime
    visits: bool


def glimpse(session: Session, hashed: str) -> Glimpse | None:
    """The handle with that MAC and its request: one read by key."""
    row = session.execute(_ONE, {"of_hash": hashed}).first()
    if row is None:
        return None
    handle = Handle(
        row.skin,
        row.created_at,
        row.expires_at,
        Key(row.jkt, row.x5t),
        row.interval,
        row.state,
        row.polled_at,
        row.too_fast,
        row.challenge,
    )
    return Glimpse(handle, row.status, row.step_name, row.ends_at, row.visits)

"""Webhook subscriptions of those who follow tasks; their secrets come sealed."""

from datetime import datetime

from sqlalchemy import Index, delete, select, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import (
    Count,
    DocList,
    Key,
    MaybeDocList,
    MaybeMoment,
    MaybeWords,
    Moment,
    Sealed,
    Words,
)


class Subscription(Record):
    """Where to tell `owner` of which events; `queues` None is every queue it may see."""

    id: Key
    owner: Words
    url: Words
    events: DocList
    queues: MaybeDocList = None
    secret_sealed: Sealed
    created_at: Moment
    failures: Count = 0
    failing_since: MaybeMoment = None
    delivered_at: MaybeMoment = None
    disabled_at: MaybeMoment = None
    disabled_reason: MaybeWords = None


class SubscriptionRow(Subscription, table=True):
    """Table `subscriptions`."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index("ix_subscriptions_owner", "owner", "created_at"),)


subscriptions = table_of(SubscriptionRow)
_c = subscriptions.c


def add(session: Session, subscription: Subscription) -> None:
    """Keep a subscription; raises `IntegrityError` when its id is taken."""
    session.add(subscriptions, subscription)


def get(session: Session, subscription_id: str) -> Subscription | None:
    """One subscription."""
    return session.first(Subscription, select(subscriptions).where(_c.id == subscription_id))


def of_owner(session: Session, owner: str) -> list[Subscription]:
    """The subscriptions of a caller, oldest first."""
    statement = select(subscriptions).where(_c.owner == owner)
    return session.all(Subscription, statement.order_by(_c.created_at, _c.id))


def enabled(session: Session) -> list[Subscription]:
    """Every subscription that is not disabled."""
    statement = select(subscriptions).where(_c.disabled_at.is_(None))
    return session.all(Subscription, statement.order_by(_c.created_at, _c.id))


def remove(session: Session, subscription_id: str, owner: str) -> bool:
    """Delete a caller's subscription; False when it has none of that id."""
    statement = delete(subscriptions).where(_c.id == subscription_id, _c.owner == owner)
    return session.execute(statement).rowcount == 1


def delivered(session: Session, subscription_id: str, now: datetime) -> None:
    """Note a delivery that was accepted; failures count anew."""
    values = {"failures": 0, "failing_since": None, "delivered_at": now}
    session.execute(update(subscriptions).where(_c.id == subscription_id).values(values))


def failed(session: Session, subscription_id: str, now: datetime) -> Subscription | None:
    """Count a failed delivery; gives the subscription as it now is."""
    statement = (
        update(subscriptions)
        .where(_c.id == subscription_id)
        .values(failures=_c.failures + 1)
        .returning(*_c)
    )
    found = session.first(Subscription, statement)
    if found is None or found.failing_since is not None:
        return found
    first = update(subscriptions).where(_c.id == subscription_id).values(failing_since=now)
    session.execute(first)
    return found.model_copy(update={"failing_since": now})


def disable(session: Session, subscription_id: str, reason: str, now: datetime) -> bool:
    """Stop telling a subscription; False when it is disabled already or unknown."""
    statement = update(subscriptions).where(_c.id == subscription_id, _c.disabled_at.is_(None))
    values = {"disabled_at": now, "disabled_reason": reason}
    return session.execute(statement.values(values)).rowcount == 1


def enable(session: Session, subscription_id: str) -> bool:
    """Tell a disabled subscription again; False when it is not disabled."""
    statement = update(subscriptions).where(_c.id == subscription_id, _c.disabled_at.is_not(None))
    values = {"disabled_at": None, "disabled_reason": None, "failures": 0, "failing_since": None}
    return session.execute(statement.values(values)).rowcount == 1

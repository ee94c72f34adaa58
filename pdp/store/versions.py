"""Versions: one counter for each topic that replicas keep in memory.

Law: a topic's version grows in the transaction that changes the topic, so whoever sees the
version sees the change, and versions follow the order of commits.
"""

from typing import Literal

from sqlalchemy import func, select, text

from pdp.store.records import Record, table_of
from pdp.store.session import Session, insert_into
from pdp.store.types import Count, Key

Topic = Literal["policies", "entities", "clients", "keys", "approvals"]
CHANNEL = "pdp_changes"


class Version(Record):
    """How often a topic has changed."""

    topic: Key
    version: Count


class VersionRow(Version, table=True):
    """Table `versions`."""

    __tablename__ = "versions"


versions = table_of(VersionRow)
_ALL = select(versions)


def bump(session: Session, topic: Topic) -> int:
    """Count the topic up now and give its new version.

    The topic stays locked until the transaction ends: rows written with this version are
    committed in the order of their versions.
    """
    statement = insert_into(versions, session.on_postgres).values(topic=topic, version=1)
    statement = statement.on_conflict_do_update(
        index_elements=["topic"], set_={"version": versions.c.version + 1}
    ).returning(versions.c.version)
    version = int(session.scalar(statement))
    session.topics.add(topic)
    if session.notifies:
        session.execute(
            text("SELECT pg_notify(:channel, :topic)").bindparams(channel=CHANNEL, topic=topic)
        )
    return version


def announce(session: Session, topic: Topic) -> None:
    """Count the topic up at the end of this transaction; every replica then looks again."""
    session.at_end(1, topic, topic, _count_up)


def _count_up(session: Session, topics: list[Topic]) -> None:
    bump(session, topics[0])


def current(session: Session) -> dict[str, int]:
    """The version of every topic that ever changed."""
    return {row.topic: int(row.version) for row in session.execute(_ALL)}


def of_topic(session: Session, topic: Topic) -> int:
    """The version of one topic; 0 when it never changed."""
    statement = select(func.max(versions.c.version)).where(versions.c.topic == topic)
    return int(session.scalar(statement) or 0)

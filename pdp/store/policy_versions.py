"""Which version of the policies each replica serves, and since when."""

from datetime import datetime

from sqlalchemy import Index, delete, select

from pdp.store import versions
from pdp.store.records import Record, table_of
from pdp.store.session import Session, insert_into
from pdp.store.types import Key, Moment, Words


class PolicyVersion(Record):
    """A set of policies as one replica loaded it."""

    replica: Key
    version: Key
    loaded_at: Moment
    folder: Words


class PolicyVersionRow(PolicyVersion, table=True):
    """Table `policy_versions`."""

    __tablename__ = "policy_versions"
    __table_args__ = (Index("ix_policy_versions_loaded_at", "loaded_at"),)


policy_versions = table_of(PolicyVersionRow)


def loaded(session: Session, loaded_version: PolicyVersion) -> None:
    """Note that a replica now serves a version, and tell the others to look at their folders."""
    statement = insert_into(policy_versions, session.on_postgres)
    statement = statement.on_conflict_do_update(
        index_elements=["replica", "version"],
        set_={name: statement.excluded[name] for name in ("loaded_at", "folder")},
    )
    session.execute(statement, dict(loaded_version))
    versions.announce(session, "policies")


def history(session: Session, limit: int) -> list[PolicyVersion]:
    """What was loaded, newest first; the first of each replica is what it serves."""
    statement = select(policy_versions).order_by(policy_versions.c.loaded_at.desc())
    return session.all(PolicyVersion, statement.limit(limit))


def forget(session: Session, before: datetime) -> int:
    """Delete what was loaded before a moment; gives how many."""
    statement = delete(policy_versions).where(policy_versions.c.loaded_at < before)
    return session.execute(statement).rowcount

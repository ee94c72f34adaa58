"""The ends of numbered logs: the last number (and hash) of the audit and of the events.

Law: whoever appends locks the head until the commit, so numbers follow the order of commits and a
reader that has seen number n will never find a smaller one appear.
"""

from sqlalchemy import bindparam, select, update

from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import Count, Key, Words


class Head(Record):
    """The end of a log."""

    name: Key
    seq: Count
    hash: Words


class HeadRow(Head, table=True):
    """Table `heads`."""

    __tablename__ = "heads"


heads = table_of(HeadRow)
_c = heads.c
_ONE = select(heads).where(_c.name == bindparam("of"))
_LOCKED = _ONE.with_for_update()
_ADVANCE = update(heads).where(_c.name == bindparam("of"))


def get(session: Session, name: str) -> Head | None:
    """The end of a log as committed; None before its first row."""
    return session.first(Head, _ONE, {"of": name})


def lock(session: Session, name: str, start: str = "") -> Head:
    """The end of a log, held until the commit."""
    found = session.first(Head, _LOCKED, {"of": name})
    if found is None:
        session.add_once(heads, Head(name=name, seq=0, hash=start), ["name"])
        found = session.first(Head, _LOCKED, {"of": name})
    if found is None:
        raise RuntimeError(f"the head of `{name}` is gone")
    return found


def advance(session: Session, name: str, seq: int, last_hash: str = "") -> None:
    """Move the end of a log that is locked."""
    session.execute(_ADVANCE, {"of": name, "seq": seq, "hash": last_hash})

"""Cedar entities put through the admin API; those of `entities.json` are not here.

Law: every change carries the version of topic `entities` that it was made in, deletions too, so a
replica that knows version n needs only what came after n. A bulk change is all or nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Index, bindparam, delete, func, select, update

from pdp.store import versions
from pdp.store.records import Record, table_of
from pdp.store.session import Session, insert_into
from pdp.store.types import Count, Doc, Key, MaybeDoc, Moment

_PAGE = 5_000
Uid = tuple[str, str]


class StoredEntity(Record):
    """An entity; `body` is its Cedar JSON form, None where it was deleted."""

    cedar_type: Key
    cedar_id: Key
    body: MaybeDoc
    version: Count
    updated_at: Moment


class EntityRow(StoredEntity, table=True):
    """Table `entities`."""

    __tablename__ = "entities"
    __table_args__ = (Index("ix_entities_version", "version"),)


entities = table_of(EntityRow)
_c = entities.c
_ONE = select(entities).where(
    _c.cedar_type == bindparam("type"), _c.cedar_id == bindparam("id"), _c.body.is_not(None)
)


class EntityChanges(NamedTuple):
    """What became of the entities up to `version`."""

    version: int
    puts: Sequence[Doc]
    deletes: Sequence[Uid]


def put(session: Session, bodies: Sequence[tuple[Uid, dict[str, Any]]], now: datetime) -> int:
    """Insert or replace entities; gives the version they now have."""
    version = versions.bump(session, "entities")
    statement = insert_into(entities, session.on_postgres)
    statement = statement.on_conflict_do_update(
        index_elements=["cedar_type", "cedar_id"],
        set_={name: statement.excluded[name] for name in ("body", "version", "updated_at")},
    )
    rows = [
        {
            "cedar_type": uid[0],
            "cedar_id": uid[1],
            "body": body,
            "version": version,
            "updated_at": now,
        }
        for uid, body in bodies
    ]
    if rows:
        session.execute(statement, rows)
    return version


def get(session: Session, uid: Uid) -> StoredEntity | None:
    """One entity; its `version` serves as the ETag."""
    return session.first(StoredEntity, _ONE, {"type": uid[0], "id": uid[1]})


def remove(session: Session, uids: Sequence[Uid], now: datetime) -> int:
    """Delete entities; gives how many there were."""
    version = versions.bump(session, "entities")
    statement = (
        update(entities)
        .where(
            _c.cedar_type == bindparam("the_type"),
            _c.cedar_id == bindparam("the_id"),
            _c.body.is_not(None),
        )
        .values(body=None, version=version, updated_at=now)
    )
    return sum(
        session.execute(statement, {"the_type": kind, "the_id": identifier}).rowcount
        for kind, identifier in uids
    )


def of_type(session: Session, cedar_type: str, after: str | None, limit: int) -> list[StoredEntity]:
    """The entities of a type by id, those after the id `after`."""
    statement = select(entities).where(_c.cedar_type == cedar_type, _c.body.is_not(None))
    if after is not None:
        statement = statement.where(_c.cedar_id > after)
    return session.all(StoredEntity, statement.order_by(_c.cedar_id).limit(limit))


def count(session: Session) -> int:
    """How many entities there are."""
    return int(session.scalar(select(func.count()).where(_c.body.is_not(None))))


def changes_since(session: Session, version: int) -> EntityChanges:
    """What changed after `version`; from 0, everything. Ask within one `Database.read`."""
    now = versions.of_topic(session, "entities")
    statement = select(entities).where(_c.version > version, _c.version <= now)
    if version == 0:
        statement = statement.where(_c.body.is_not(None))
    changed = session.all(StoredEntity, statement.order_by(_c.version))
    puts = [entity.body for entity in changed if entity.body is not None]
    deletes = [(entity.cedar_type, entity.cedar_id) for entity in changed if entity.body is None]
    return EntityChanges(now, puts, deletes)


def stream(session: Session) -> Iterator[StoredEntity]:
    """Every entity, by type and id, without holding them all."""
    last = ("", "")
    while True:
        statement = select(entities).where(
            (_c.cedar_type > last[0]) | ((_c.cedar_type == last[0]) & (_c.cedar_id > last[1])),
            _c.body.is_not(None),
        )
        page = session.all(
            StoredEntity, statement.order_by(_c.cedar_type, _c.cedar_id).limit(_PAGE)
        )
        yield from page
        if len(page) < _PAGE:
            return
        last = (page[-1].cedar_type, page[-1].cedar_id)


def forget_deleted(session: Session, before: datetime) -> int:
    """Drop what is left of entities deleted before a moment; gives how many."""
    statement = delete(entities).where(_c.body.is_(None), _c.updated_at < before)
    return session.execute(statement).rowcount

"""Signing keys: the key ring of the deployment, private halves encrypted by whoever puts them.

Law: at most one key of an algorithm is `active`; a retired key stays until it is dropped, so that
what it signed can still be verified.
"""

from datetime import datetime
from typing import Annotated, Literal

from sqlalchemy import Index, delete, select, update
from sqlmodel import Field

from pdp.store import versions
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import ByteText, Doc, Key, MaybeMoment, Moment, Sealed, Words

KeyState = Literal["next", "active", "retired"]


class SigningKey(Record):
    """A key pair: its public JWK and its sealed private half."""

    kid: Key
    alg: Words
    state: Annotated[KeyState, Field(sa_type=ByteText)]
    public_jwk: Doc
    private_sealed: Sealed
    created_at: Moment
    activated_at: MaybeMoment = None
    retired_at: MaybeMoment = None


class SigningKeyRow(SigningKey, table=True):
    """Table `signing_keys`."""

    __tablename__ = "signing_keys"
    __table_args__ = (Index("ix_signing_keys_alg", "alg", "state"),)


signing_keys = table_of(SigningKeyRow)


def add(session: Session, key: SigningKey) -> bool:
    """Keep a new key; False when its `kid` is there already."""
    versions.announce(session, "keys")
    return session.add_once(signing_keys, key, ["kid"])


def all_keys(session: Session) -> list[SigningKey]:
    """Every key, oldest first."""
    return session.all(
        SigningKey, select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
    )


def set_state(
    session: Session, kid: str, expected: KeyState, state: KeyState, now: datetime
) -> bool:
    """Move a key from one state to another; False when it is not in the `expected` one."""
    moment = {"active": "activated_at", "retired": "retired_at"}.get(state)
    values = {"state": state} | ({moment: now} if moment else {})
    statement = (
        update(signing_keys)
        .where(signing_keys.c.kid == kid, signing_keys.c.state == expected)
        .values(values)
    )
    versions.announce(session, "keys")
    return session.execute(statement).rowcount == 1


def lock(session: Session, alg: str) -> list[SigningKey]:
    """The keys of an algorithm, oldest first, held against other rotations until the commit."""
    versions.bump(session, "keys")
    statement = select(signing_keys).where(signing_keys.c.alg == alg)
    statement = statement.order_by(signing_keys.c.created_at, signing_keys.c.kid)
    return session.all(SigningKey, statement)


def drop_retired(session: Session, before: datetime) -> int:
    """Delete the keys retired before a moment; gives how many."""
    statement = delete(signing_keys).where(
        signing_keys.c.state == "retired", signing_keys.c.retired_at < before
    )
    dropped = session.execute(statement).rowcount
    if dropped:
        versions.announce(session, "keys")
    return dropped

"""Handles as they are given out, found again, and kept: by a keyed MAC only."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from pdp.core.deferral import INTERVAL, Skin
from pdp.core.values import JsonObject
from pdp.deferral.wire import LONGEST_CODE, Asked, Contact
from pdp.store import deferrals
from pdp.store.deferrals import Deferral, Notification
from pdp.store.session import Session
from pdp.trust.keys import KeyRing

CODE_BYTES = 32
_MAC = "deferral handle"

MEMBERS: dict[Skin, str] = {
    "dtr": "deferral_code",
    "ciba": "auth_req_id",
    "txn": "transaction_authorization_id",
}
"""What the handle is called on the wire."""


class Given(NamedTuple):
    """A handle that was made, in clear: it is told to its client and nobody else."""

    code: str
    deferral: Deferral

    def told(self, now: datetime) -> JsonObject:
        """The members of the answer that gives it out."""
        return {
            MEMBERS[self.deferral.skin]: self.code,
            "expires_in": max(1, int((self.deferral.expires_at - now).total_seconds())),
            "interval": self.deferral.interval,
        }


class Terms(NamedTuple):
    """How a handle is bound and ends."""

    skin: Skin
    expires_at: datetime
    challenge: str | None = None


def give(
    session: Session,
    keys: KeyRing,
    asked: Asked,
    owner: str,
    task_id: str,
    terms: Terms,
    contact: Contact,
    now: datetime,
) -> Given:
    """Make a handle on a request, and keep it in the caller's transaction."""
    code, ref = secrets.token_urlsafe(CODE_BYTES), "dfr_" + secrets.token_urlsafe(12)
    deferral = Deferral(
        hash=hash_of(keys, terms.skin, owner, asked.client.id, code),
        ref=ref,
        task_id=task_id,
        skin=terms.skin,
        owner=owner,
        client_id=asked.client.id,
        jkt=asked.client.key.jkt,
        x5t=asked.client.key.x5t,
        challenge=terms.challenge,
        interval=INTERVAL,
        created_at=now,
        expires_at=terms.expires_at,
        request=asked.to_json(),
    )
    deferrals.add(session, deferral, _notification(keys, deferral, code, contact))
    return Given(code, deferral)


def find(
    session: Session, keys: KeyRing, skin: Skin, owner: str, client: str, code: str
) -> Deferral | None:
    """The handle of a client of an AS; one of others is as unknown as one that never was."""
    return deferrals.by_hash(session, hash_of(keys, skin, owner, client, code))


def hash_of(keys: KeyRing, skin: Skin, owner: str, client: str, code: str) -> str:
    """What is kept of a handle, in hex; whose it is is part of it."""
    return keys.mac(_MAC, orjson.dumps([skin, owner, client, code[:LONGEST_CODE]])).hex()


def purpose_of(ref: str, what: str) -> str:
    """What a sealed `code` or `token` is sealed for."""
    return f"deferral {what} {ref}"


def _notification(
    keys: KeyRing, deferral: Deferral, code: str, contact: Contact
) -> Notification | None:
    if contact.endpoint is None:
        return None
    ref, token = deferral.ref, contact.token
    return Notification(
        ref=ref,
        endpoint=contact.endpoint,
        code_sealed=keys.seal(code.encode(), purpose_of(ref, "code")),
        token_sealed=None if token is None else keys.seal(token.encode(), purpose_of(ref, "token")),
        expires_at=deferral.expires_at,
    )


def shortened(expires_at: datetime, asked: int | None, now: datetime) -> datetime:
    """The end of a handle whose client asked for one, in seconds from now."""
    return expires_at if asked is None else min(expires_at, now + timedelta(seconds=asked))

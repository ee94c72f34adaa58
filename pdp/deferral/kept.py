"""`Idempotency-Key`: the same answer again, for ten minutes, to an AS that may have crashed."""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from pdp.core.values import JsonObject
from pdp.deferral.parts import Asker, Parts
from pdp.errors import OAuthFault
from pdp.store import deferral_answers
from pdp.store.deferral_answers import PollAnswer
from pdp.store.session import Session

KEPT_FOR = timedelta(minutes=10)
LONGEST_KEY = 255


class Reply(NamedTuple):
    """A status and a body, as the AS relays them to its client."""

    status: int
    body: JsonObject


class Repeat(NamedTuple):
    """A key of an AS, for one operation, with the hash of the body that it came with."""

    owner: str
    key: str
    body_hash: str

    def find(self, session: Session, parts: Parts, now: datetime) -> Reply | None:
        """What was answered before; raises `OAuthFault` when the key came with another body."""
        kept = deferral_answers.find(session, self.owner, self.key, now)
        if kept is None:
            return None
        if kept.body_hash != self.body_hash:
            raise OAuthFault("invalid_request", "`Idempotency-Key` came with another body before")
        status, body = orjson.loads(parts.keys.unseal(kept.answer_sealed, self._purpose))
        return Reply(status, body)

    def keep(
        self, session: Session, parts: Parts, ref: str | None, reply: Reply, now: datetime
    ) -> None:
        """Keep an answer, in the transaction of its effect; raises `OtherFirst`."""
        answer = PollAnswer(
            owner=self.owner,
            key=self.key,
            ref=ref,
            body_hash=self.body_hash,
            answer_sealed=parts.keys.seal(orjson.dumps(list(reply)), self._purpose),
            expires_at=now + KEPT_FOR,
        )
        if not deferral_answers.keep(session, answer, now):
            raise OtherFirst

    @property
    def _purpose(self) -> str:
        return f"deferral answer {self.owner} {self.key}"


class OtherFirst(Exception):
    """Another call with the same key was answered meanwhile: nothing of this one may be kept."""


def repeat_of(asker: Asker, parts: Parts, operation: str, body: JsonObject) -> Repeat | None:
    """The key of a call; None where none was sent; raises `OAuthFault`.

    The hash is a keyed one: the body holds what must not be found by trying.
    """
    key = asker.key
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise OAuthFault("invalid_request", "`Idempotency-Key` must be 1 to 255 visible characters")
    data = orjson.dumps([operation, body], option=orjson.OPT_SORT_KEYS)
    digest = parts.keys.mac("deferral answer", hashlib.sha256(data).digest()).hex()
    return Repeat(asker.caller.id, f"{operation} {key}", digest)

"""The `Idempotency-Key` of a submission: a repeat finds the request that the first one opened."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import NamedTuple

from pdp.core.jcs import NotCanonical, fingerprint
from pdp.core.values import JsonObject
from pdp.errors import DUPLICATE_REQUEST, INVALID_REQUEST, Problem
from pdp.store import idempotency
from pdp.store.engine import Session
from pdp.store.idempotency import KeptAnswer
from pdp.store.tasks import Task
from pdp.trust.callers import Caller

_LONGEST = 255
_AFTER_END = timedelta(hours=24)
_UNTIL_THE_END_IS_KNOWN = timedelta(days=1)


class Key(NamedTuple):
    """A key of one caller, and the fingerprint of the body that it came with."""

    caller: str
    text: str
    body: str

    def find(self, session: Session, now: datetime) -> KeptAnswer | None:
        """What is kept for it; raises `Problem` 409 when it came with another body."""
        return self._checked(idempotency.find(session, self.caller, self.text, now))

    def begin(self, session: Session, now: datetime) -> KeptAnswer | None:
        """Take it for this transaction, or find what is kept for it; raises as `find`."""
        taken = KeptAnswer(
            caller=self.caller,
            key=self.text,
            body_hash=self.body,
            created_at=now,
            expires_at=now + _UNTIL_THE_END_IS_KNOWN,
        )
        return self._checked(idempotency.begin(session, taken))

    def finish(self, session: Session, task: Task, status: int) -> None:
        """Keep which request it opened, for a day longer than that can be open."""
        idempotency.finish(
            session, self.caller, self.text, task_id=task.id, status=status, response={}
        )
        idempotency.keep_until(session, task.id, task.expires_at + _AFTER_END)

    def _checked(self, kept: KeptAnswer | None) -> KeptAnswer | None:
        if kept is not None and kept.body_hash != self.body:
            raise Problem(DUPLICATE_REQUEST, "`Idempotency-Key` came with another body before")
        return kept


def key_of(text: str | None, caller: Caller, body: JsonObject) -> Key | None:
    """The key of a submission; None where none is given; raises `Problem` 400."""
    if text is None:
        return None
    if not 0 < len(text) <= _LONGEST or not (text.isascii() and text.isprintable()):
        raise Problem(
            INVALID_REQUEST, f"`Idempotency-Key` must be 1 to {_LONGEST} visible characters"
        )
    # One person may call through several clients, which must not find each other's requests.
    requester = caller.id if caller.client_id is None else f"{caller.id} {caller.client_id}"
    return Key(requester, text, _fingerprint(body))


def _fingerprint(body: JsonObject) -> str:
    try:
        return fingerprint(body)
    except NotCanonical:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

"""A handle on a request under way, whichever way its client waits.

One machine with three skins: the `deferral_code` of Deferred Token Response, the `auth_req_id` of
CIBA, the `transaction_authorization_id` of a transaction challenge. A handle says nothing of what
was decided; the request it stands for does, and is given as its `Standing`.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Skin = Literal["dtr", "ciba", "txn"]
State = Literal["open", "redeemed", "superseded", "cancelled", "denied", "blocked"]
"""`superseded`: another handle on the same request was redeemed; `blocked`: polled too fast."""
Standing = Literal["pending", "interaction", "approved", "refused", "expired"]
Error = Literal[
    "authorization_pending",
    "interaction_required",
    "slow_down",
    "expired_token",
    "access_denied",
    "invalid_grant",
    "invalid_dpop_proof",
    "invalid_request",
]

INTERVAL = 5
SLOWER_BY = 5
MOST_TOO_FAST = 5
"""How many polls in a row may be too fast; one more ends the handle."""
SLACK = timedelta(milliseconds=500)
"""How much earlier a poll may come: what the network takes off a client's waiting."""

REDEEMED = "the code has been redeemed"
UNKNOWN = "the code is not known"


class Key(NamedTuple):
    """What a client proves to hold: thumbprints of a DPoP key and of a certificate."""

    jkt: str | None = None
    x5t: str | None = None


class Handle(NamedTuple):
    """A handle as it is now.

    Attributes:
        key: what every poll must prove; it was proven when the handle was given.
        interval: seconds between polls, as grown by polls that were too fast.
        too_fast: how many polls in a row were.
        challenge: of PKCE (S256), until the first poll has proven it.
    """

    skin: Skin
    created_at: datetime
    expires_at: datetime
    key: Key = Key()
    interval: int = INTERVAL
    state: State = "open"
    polled_at: datetime | None = None
    too_fast: int = 0
    challenge: str | None = None

    @property
    def live(self) -> bool:
        """Whether it may still be redeemed, time apart."""
        return self.state == "open"


class Refusal(NamedTuple):
    """The error that a poll is answered with."""

    error: Error
    description: str = ""


class Ready(NamedTuple):
    """The request is approved: evaluate anew, then `redeem` or `deny`."""


class Move(NamedTuple):
    """The handle after an event, and what is answered."""

    handle: Handle
    answer: Refusal | Ready


def poll(
    handle: Handle,
    key: Key,
    standing: Standing,
    now: datetime,
    verifier: str | None = None,
) -> Move:
    """What a poll of the client that the handle belongs to is answered (DTR, Polling).

    1. the key; 2. on the first poll the PKCE verifier; 3. what has become of the handle; 4. its
    end; 5. what has become of the request; 6. while it is pending, the pace.

    A poll that fails 1 or 2 leaves the handle as it was: it need not come from its client.
    """
    fault = _key_fault(handle.key, key) or _verifier_fault(handle.challenge, verifier)
    if fault is not None:
        return Move(handle, fault)
    handle = handle._replace(challenge=None)
    over = _over(handle, now)
    if over is not None:
        return Move(handle, over)
    if standing == "expired":
        return Move(handle, EXPIRED)
    if standing == "refused":
        return deny(handle)
    if standing == "approved":
        return Move(handle, Ready())
    return _paced(handle, standing, now)


def redeem(handle: Handle, now: datetime) -> Handle | None:
    """The handle once its grant is handed out; None when it may not be."""
    if not handle.live or now >= handle.expires_at:
        return None
    return handle._replace(state="redeemed", challenge=None)


def deny(handle: Handle) -> Move:
    """Refuse for good: nothing that happens later can make a grant of it."""
    return Move(handle._replace(state="denied"), DENIED)


def supersede(handle: Handle) -> Handle:
    """Another handle on the same request was redeemed."""
    return handle._replace(state="superseded") if handle.live else handle


def revoke(handle: Handle, key: Key, now: datetime) -> Handle | None:
    """The handle once its client gave it up; None when that changes nothing (DTR, Cancellation).

    A request that was approved, but of which nothing was handed out, is given up as well.
    """
    if not handle.live or now >= handle.expires_at or _key_fault(handle.key, key):
        return None
    return handle._replace(state="cancelled")


def bound(key: Key, *, public: bool) -> bool:
    """Whether a handle may be given to a client: a public one needs a key (RFC 9449, section 5)."""
    return not public or key.jkt is not None or key.x5t is not None


def wants_deferral(completion_mode: str | None) -> bool:
    """Whether a `completion_mode` allows a deferred answer; values not known are ignored."""
    return completion_mode is not None and "deferred" in completion_mode.split(" ")


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


EXPIRED = Refusal("expired_token", "the code has expired")
DENIED = Refusal("access_denied", "the request was refused or cancelled")
_ENDED: dict[State, Refusal] = {
    "redeemed": Refusal("invalid_grant", REDEEMED),
    "superseded": Refusal("invalid_grant", REDEEMED),
    "cancelled": DENIED,
    "denied": DENIED,
    "blocked": Refusal("invalid_request", "the code was polled too often and has ended"),
}


def _over(handle: Handle, now: datetime) -> Refusal | None:
    ended = _ENDED.get(handle.state)
    if ended is not None:
        return ended
    return EXPIRED if now >= handle.expires_at else None


def _paced(handle: Handle, standing: Standing, now: datetime) -> Move:
    since = handle.polled_at
    handle = handle._replace(polled_at=now)
    if since is not None and now + SLACK < since + timedelta(seconds=handle.interval):
        count = handle.too_fast + 1
        slower = handle._replace(interval=handle.interval + SLOWER_BY, too_fast=count)
        if count > MOST_TOO_FAST:
            return Move(slower._replace(state="blocked"), _ENDED["blocked"])
        return Move(slower, Refusal("slow_down", "wait longer between polls"))
    handle = handle._replace(too_fast=0)
    if standing == "interaction" and handle.skin == "dtr":
        return Move(handle, Refusal("interaction_required"))
    return Move(handle, Refusal("authorization_pending"))


def _key_fault(wanted: Key, proven: Key) -> Refusal | None:
    if wanted.jkt is not None and not _equal(wanted.jkt, proven.jkt):
        return Refusal("invalid_dpop_proof", "the code is bound to another key")
    if wanted.x5t is not None and not _equal(wanted.x5t, proven.x5t):
        return Refusal("invalid_grant", "the code is bound to another certificate")
    return None


def _verifier_fault(challenge: str | None, verifier: str | None) -> Refusal | None:
    if challenge is None:
        return None
    if verifier is None or not _equal(challenge, challenge_of(verifier)):
        return Refusal("invalid_grant", "the code verifier does not fit")
    return None


def _equal(left: str, right: str | None) -> bool:
    if right is None:
        return False
    return hmac.compare_digest(
        left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
    )

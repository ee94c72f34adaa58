"""`evaluation_id`: unique, ordered by time, and able to prove by itself which denial it names.

A plain one is `eval_` and a ULID. That of a requestable denial goes on with its expiry, a MAC and
the names it needs to be checked, so that every replica can accept it without anything written:

    eval_ TTTTTTTTTTRRRRRRRRRRRRRRRR EEEEEEE MMMMMMMMMMMMMMMMMMMMMMMMMM .names
          time      random           expiry  MAC of 128 bits             base64url of JSON

All but the names is Crockford base 32. The MAC is made by the caller over `proof_bytes`.
"""

import base64
import json
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from pdp.core.moment import whole_seconds

PREFIX = "eval_"
MAC_BYTES = 16
RANDOM_BYTES = 10
LONGEST = 2_048

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_DIGITS = {digit: value for value, digit in enumerate(_ALPHABET)}


class EvaluationId(NamedTuple):
    """The fields of an `evaluation_id`.

    Attributes:
        ulid: time and randomness, 26 characters: unique.
        expires_at: the end of the binding window, in whole seconds; None for a plain id.
        template: the workflow that was offered.
        members: the context members that are bound.
        mac: the proof; empty until `proven` adds it.
    """

    ulid: str
    expires_at: datetime | None = None
    template: str = ""
    members: tuple[str, ...] = ()
    mac: bytes = b""

    @property
    def evaluated_at(self) -> datetime:
        """When it was made, to the millisecond."""
        return datetime.fromtimestamp(_number(self.ulid[:10]) / 1000, UTC)

    def offering(
        self, expires_at: datetime, template: str, members: tuple[str, ...]
    ) -> "EvaluationId":
        """The id of a denial that can be requested, still without its proof."""
        return EvaluationId(self.ulid, whole_seconds(expires_at), template, members)

    def proven(self, mac: bytes) -> "EvaluationId":
        """The id with its proof; of a longer MAC the first 16 bytes are taken."""
        return EvaluationId(
            self.ulid, self.expires_at, self.template, self.members, mac[:MAC_BYTES]
        )

    def __str__(self) -> str:
        if self.expires_at is None:
            return PREFIX + self.ulid
        expiry = _base32(int(self.expires_at.timestamp()), 7)
        mac = _base32(int.from_bytes(self.mac, "big"), 26)
        names = _json([self.template, *self.members])
        return f"{PREFIX}{self.ulid}{expiry}{mac}.{names}"


def new_evaluation_id(now: datetime, random: bytes) -> EvaluationId:
    """A plain id of that moment; `random` is 10 bytes from a cryptographic source."""
    milliseconds = int(now.timestamp() * 1000)
    tail = _base32(int.from_bytes(random[:RANDOM_BYTES], "big"), 16)
    return EvaluationId(_base32(milliseconds, 10) + tail)


def parse_evaluation_id(text: str) -> EvaluationId | None:
    """Read an id of ours; None for anything else. Each id has one spelling only."""
    if not text.startswith(PREFIX) or len(text) > LONGEST:
        return None
    body, dot, names = text[len(PREFIX) :].partition(".")
    if len(body) not in (26, 59) or not _DIGITS.keys() >= set(body) or body[0] > "7":
        return None
    found = EvaluationId(body[:26])
    if len(body) == 59:
        found = _with_proof(found, body, names)
    return found if str(found) == text and (len(body) == 59) == bool(dot) else None


def proof_bytes(identifier: EvaluationId, binding_hash: str, caller: str) -> bytes:
    """What the MAC of an id is made over.

    Args:
        identifier: with everything but the MAC.
        binding_hash: of subject, resource, action and bound context.
        caller: who asked for the evaluation.
    """
    expiry = int(identifier.expires_at.timestamp()) if identifier.expires_at else 0
    names = [identifier.template, *identifier.members]
    parts = ["evaluation_id.v1", identifier.ulid, expiry, binding_hash, caller, names]
    return orjson.dumps(parts)


def _with_proof(found: EvaluationId, body: str, names: str) -> EvaluationId:
    mac = _number(body[33:])
    words = _words(names)
    if mac.bit_length() > 8 * MAC_BYTES or not words:
        return found
    return found._replace(
        expires_at=datetime.fromtimestamp(_number(body[26:33]), UTC),
        template=words[0],
        members=tuple(words[1:]),
        mac=mac.to_bytes(MAC_BYTES, "big"),
    )


def _words(names: str) -> list[str]:
    try:
        raw = base64.urlsafe_b64decode(names + "=" * (-len(names) % 4))
        words = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return []
    return words


def _json(words: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(words)).rstrip(b"=").decode()


def _base32(number: int, length: int) -> str:
    # Two digits at a time: every requestable denial writes over a hundred.
    pairs = [_PAIRS[(number >> (10 * place)) & 1023] for place in range((length - 1) // 2, -1, -1)]
    return "".join(pairs)[length % 2 :]


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | _DIGITS[digit]
    return number

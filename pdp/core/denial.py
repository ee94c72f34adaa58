"""The denial that a submission presents, and what may come of checking it (ARAP)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pdp.core.moment import parse_moment
from pdp.core.values import JsonObject, JsonValue

Refusal = Literal["not_requestable", "invalid_denial_binding", "expired_denial"]

SKEW = timedelta(seconds=30)
"""How far the clocks of two hosts are taken to differ."""


class Denial(NamedTuple):
    """The `denial` object of a submission: what the PEP echoes."""

    expires_at: datetime
    evaluation_id: str | None = None
    binding_token: str | None = None
    template: str | None = None
    reason: str | None = None
    evaluated_at: datetime | None = None


class Submission(NamedTuple):
    """What is asked for: `asked` holds `resource` and `action`, or `items`."""

    subject: JsonObject
    asked: JsonObject
    context: JsonObject


class Accepted(NamedTuple):
    """The denial holds.

    Attributes:
        deadline: until when it is fresh; nothing that remembers its use need live longer.
        issuer: the PDP that made it, and the namespace of `token_id`.
        members: the context members that it binds.
    """

    deadline: datetime
    members: tuple[str, ...]
    template: str | None = None
    evaluation_id: str | None = None
    issuer: str | None = None
    token_id: str | None = None


class Refused(NamedTuple):
    """The denial does not hold: the problem's kind, the JSON Pointer of the fault, and a text."""

    kind: Refusal
    pointer: str
    detail: str


class Recipient(NamedTuple):
    """Who checks: whose tokens are taken, under which names we are addressed, and who submits."""

    issuers: Collection[str]
    audiences: Collection[str]
    caller: str


def denial_from(value: JsonValue, at: str = "/denial") -> Denial | Refused:
    """Read the `denial` object; what is missing or malformed makes it unable to bind anything."""
    if not isinstance(value, dict):
        return unbound(at, "is required and must be an object")
    read: dict[str, str | None] = {}
    for member in ("expires_at", "evaluation_id", "binding_token", "template", "reason"):
        text = value.get(member)
        if text is not None and (not isinstance(text, str) or not text):
            return unbound(f"{at}/{member}", "must be a text that is not empty")
        read[member] = text
    if read["evaluation_id"] is None and read["binding_token"] is None:
        return unbound(at, "needs `binding_token` or `evaluation_id`")
    moments: dict[str, datetime | None] = {}
    for member in ("expires_at", "evaluated_at"):
        try:
            text = value.get(member)
            moments[member] = None if text is None else parse_moment(str(text))
        except ValueError as error:
            return unbound(f"{at}/{member}", str(error))
    if moments["expires_at"] is None:
        return unbound(f"{at}/expires_at", "is required")
    return Denial(
        moments["expires_at"],
        read["evaluation_id"],
        read["binding_token"],
        read["template"],
        read["reason"],
        moments["evaluated_at"],
    )


def unbound(pointer: str, detail: str) -> Refused:
    """The refusal of a denial that does not bind the submission."""
    return Refused("invalid_denial_binding", pointer, detail)

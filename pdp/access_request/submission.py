"""A submission as received: its shape, read from JSON (ARAP, Access Request Submission)."""

from datetime import datetime
from typing import Any, NamedTuple

from pdp.core.authzen import InvalidRequest, action_from, entity_from, object_from
from pdp.core.denial import Denial, Refused, denial_from
from pdp.core.denial import Submission as Bound
from pdp.core.moment import parse_moment
from pdp.core.values import JsonObject, pointer

MOST_ITEMS = 100


class AskedItem(NamedTuple):
    """One resource and action, as received, with the wishes that hold for it."""

    resource: JsonObject
    action: JsonObject
    requested_access: JsonObject
    denial: JsonObject | None


class Submission(NamedTuple):
    """What was submitted.

    Attributes:
        subject: as received, as are the other JSON objects.
        items: exactly one when `bundle` is False.
        denial: the denial of the single item, or of the whole bundle.
    """

    subject: JsonObject
    items: tuple[AskedItem, ...]
    bundle: bool
    context: JsonObject
    requested_access: JsonObject
    denial: Any
    callback: JsonObject | None
    client: JsonObject

    def bound(self, item: AskedItem | None = None) -> Bound:
        """What a denial must be for: one item, or all of them in their order."""
        if item is not None:
            asked: JsonObject = {"resource": item.resource, "action": item.action}
        else:
            asked = {
                "items": [{"resource": each.resource, "action": each.action} for each in self.items]
            }
        return Bound(self.subject, asked, self.context)


class Wishes(NamedTuple):
    """The well-known members of `requested_access`."""

    until: datetime | None
    emergency: bool


def submission_from(body: JsonObject) -> Submission:
    """Read a submission; members at extension points are kept and otherwise ignored.

    Raises:
        InvalidRequest: naming the member.
    """
    subject = entity_from(body.get("subject"), "/subject").json
    wishes = object_from(body, "requested_access", "")
    bundle = body.get("items") is not None
    if bundle:
        for member in ("resource", "action"):
            if member in body:
                raise InvalidRequest(f"/{member}", "must be left out when `items` is there")
        items = _items(body["items"], wishes)
    else:
        items = (_item(body, "", wishes, None),)
    callback = body.get("callback")
    if callback is not None and type(callback) is not dict:
        raise InvalidRequest("/callback", "must be an object")
    submission = Submission(
        subject,
        items,
        bundle,
        object_from(body, "context", ""),
        wishes,
        body.get("denial"),
        callback,
        object_from(body, "client", ""),
    )
    for index, item in enumerate(submission.items):
        at = pointer("items", index, "requested_access") if bundle else "/requested_access"
        wishes_of(item.requested_access, at)
    return submission


def wishes_of(requested_access: JsonObject, at: str = "/requested_access") -> Wishes:
    """Read the well-known wishes; raises `InvalidRequest`."""
    until = requested_access.get("requested_until")
    emergency = requested_access.get("emergency", False)
    if type(emergency) is not bool:
        raise InvalidRequest(at + "/emergency", "must be true or false")
    if until is None:
        return Wishes(None, emergency)
    if type(until) is not str:
        raise InvalidRequest(at + "/requested_until", "must be an RFC 3339 moment")
    try:
        return Wishes(parse_moment(until), emergency)
    except ValueError as error:
        raise InvalidRequest(at + "/requested_until", str(error)) from None


def denials_of(submission: Submission) -> list[tuple[str, Denial, Bound]] | Refused:
    """Every denial with its place and what it must be for; they cover all items or are refused."""
    own = [item for item in submission.items if item.denial is not None]
    found: list[tuple[str, Denial, Bound]] = []
    if not submission.bundle or len(own) < len(submission.items):
        denial = denial_from(submission.denial)
        if isinstance(denial, Refused):
            return denial
        single = None if submission.bundle else submission.items[0]
        found.append(("/denial", denial, submission.bound(single)))
    for index, item in enumerate(submission.items):
        if submission.bundle and item.denial is not None:
            at = pointer("items", index, "denial")
            denial = denial_from(item.denial, at)
            if isinstance(denial, Refused):
                return denial
            found.append((at, denial, submission.bound(item)))
    return found


def _items(value: Any, wishes: JsonObject) -> tuple[AskedItem, ...]:
    if type(value) is not list or not value:
        raise InvalidRequest("/items", "must be an array with at least one item")
    if len(value) > MOST_ITEMS:
        raise InvalidRequest("/items", f"must have at most {MOST_ITEMS} items")
    items: list[AskedItem] = []
    for index, item in enumerate(value):
        at = pointer("items", index)
        if type(item) is not dict:
            raise InvalidRequest(at, "must be an object")
        items.append(_item(item, at, wishes | object_from(item, "requested_access", at), True))
    return tuple(items)


def _item(value: JsonObject, at: str, wishes: JsonObject, own: bool | None) -> AskedItem:
    return AskedItem(
        entity_from(value.get("resource"), at + "/resource").json,
        action_from(value.get("action"), at + "/action").json,
        wishes,
        value.get("denial") if own else None,
    )

"""What a person decides, as it is sent: `{"decision", "comment", "approved_until", …}`."""

from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from pdp.access_request.case import Case
from pdp.access_request.rights import Rights
from pdp.core.authzen import InvalidRequest
from pdp.core.moment import parse_moment
from pdp.core.scope import Scope
from pdp.core.values import EntityUid, JsonObject, JsonValue
from pdp.core.workflow import SCOPES
from pdp.errors import INVALID_REQUEST, Problem
from pdp.policy.authorizer import Authorizer

LONGEST_COMMENT = 4000
_LONGEST_CODE = 100
_LONGEST_STEP = 200


class WantedScope(NamedTuple):
    """How far an approval is to reach; a `parent` left out is the only one there is."""

    kind: str
    parent: JsonObject | None = None


class Verdict(NamedTuple):
    """A decision on the items named, or on all that the person may decide.

    Attributes:
        step: of several steps under way, which one.
        rest: what becomes of the items that an approval leaves out.
    """

    decision: Literal["approve", "deny"]
    comment: str | None = None
    reason_code: str | None = None
    approved_until: datetime | None = None
    scope: WantedScope | None = None
    items: tuple[int, ...] | None = None
    step: str | None = None
    rest: Literal["deny", "leave"] = "deny"


def verdict_from(body: JsonValue, at: str = "") -> Verdict:
    """Read a decision; raises `InvalidRequest` that names the place of the fault."""
    if not isinstance(body, dict):
        raise InvalidRequest(at, "must be an object")
    return Verdict(
        cast(Literal["approve", "deny"], _one_of(body, "decision", ("approve", "deny"), at)),
        text_of(body, "comment", LONGEST_COMMENT, at),
        text_of(body, "reason_code", _LONGEST_CODE, at),
        moment_of(body, "approved_until", at),
        _scope(body.get("scope"), at + "/scope"),
        _items(body.get("items"), at + "/items"),
        text_of(body, "step", _LONGEST_STEP, at),
        cast(
            Literal["deny", "leave"],
            _one_of({"rest": "deny"} | body, "rest", ("deny", "leave"), at),
        ),
    )


def scope_of(
    wanted: WantedScope | None, case: Case, authorizer: Authorizer, rights: Rights
) -> Scope | None:
    """The scope that is wanted, if it holds the resource of every item that it is about.

    Raises:
        Problem: 400 for a parent that is not above the resource, or that cannot be told.
    """
    if wanted is None:
        return None
    if wanted.kind == "resource_type":
        return Scope("resource_type")
    if wanted.kind == "exact":
        return Scope("exact")
    uids = [rights.uid_of(case.resource(item.position)) for item in case.task.items]
    parent = (
        _only_parent(uids[0], authorizer) if wanted.parent is None else rights.uid_of(wanted.parent)
    )
    if parent is None or any(parent not in authorizer.entities.ancestors(uid) for uid in uids):
        detail = "must name a parent of what was requested"
        errors = [{"pointer": "/scope/parent", "detail": detail}]
        raise Problem(INVALID_REQUEST, f"`/scope/parent` {detail}", errors=errors)
    return Scope("resource_parent", parent)


def text_of(body: JsonObject, member: str, longest: int, at: str = "") -> str | None:
    """A text that may be left out; raises `InvalidRequest`."""
    value = body.get(member)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidRequest(f"{at}/{member}", f"must be a text of at most {longest} characters")
    return value


def moment_of(body: JsonObject, member: str, at: str = "") -> datetime | None:
    """A moment that may be left out; raises `InvalidRequest`."""
    value = body.get(member)
    if value is None:
        return None
    try:
        return parse_moment(value if isinstance(value, str) else "")
    except ValueError as fault:
        raise InvalidRequest(f"{at}/{member}", "must be a date and time of RFC 3339") from fault


def reference_from(value: Any, at: str) -> JsonObject:
    """`{"type", "id"}`; raises `InvalidRequest`."""
    if not isinstance(value, dict):
        raise InvalidRequest(at, "must be an object with `type` and `id`")
    for member in ("type", "id"):
        if not isinstance(value.get(member), str) or not value[member]:
            raise InvalidRequest(f"{at}/{member}", "must be a text that is not empty")
    return {"type": value["type"], "id": value["id"]}


def _only_parent(uid: EntityUid, authorizer: Authorizer) -> EntityUid | None:
    stored = authorizer.entities.get(uid)
    parents = stored["parents"] if stored else []
    if len(parents) != 1:
        return None
    return (str(parents[0]["type"]), str(parents[0]["id"]))


def _one_of(body: JsonObject, member: str, allowed: tuple[str, ...], at: str) -> str:
    value = body.get(member)
    if value not in allowed:
        known = " or ".join(f"`{each}`" for each in allowed)
        raise InvalidRequest(f"{at}/{member}", f"must be {known}")
    return str(value)


def _scope(value: Any, at: str) -> WantedScope | None:
    if value is None:
        return None
    body = {"kind": value} if isinstance(value, str) else value
    if not isinstance(body, dict):
        raise InvalidRequest(at, "must be a text or an object")
    if body.get("kind") not in SCOPES:
        known = ", ".join(f"`{each}`" for each in SCOPES)
        raise InvalidRequest(
            at if isinstance(value, str) else f"{at}/kind", f"must be one of {known}"
        )
    parent = body.get("parent")
    if parent is None:
        return WantedScope(body["kind"])
    return WantedScope(body["kind"], reference_from(parent, f"{at}/parent"))


def _items(value: Any, at: str) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(each) is int and each >= 0 for each in value):
        raise InvalidRequest(at, "must be an array of positions, counted from 0")
    return tuple(value)

"""What a denial binds: the hash of ARAP's Binding Token Integrity, and its structural comparison.

Bound are subject, resource, action and the authorization-relevant members of the context. The
subject's `properties.act` never is, because a caller may move it to `client.actor`.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from pdp.core.jcs import canonical
from pdp.core.values import JsonObject, JsonValue

MACHINERY = frozenset({"access_request", "evaluation_id", "evaluated_at", "reason", "approval"})
"""Context members of the profile itself: never authorization-relevant, whatever a list says."""

RESERVED = frozenset({"approval", "request", "now", "caller"})
"""Context members that only the PDP sets."""

VOLATILE = frozenset(
    {
        *("time", "timestamp", "current_time", "currentTime", "evaluation_time", "nonce", "jti"),
        *("request_id", "requestId", "request-id", "x-request-id", "X-Request-ID"),
        *("correlation_id", "correlationId", "trace_id", "traceId", "span_id", "traceparent"),
        "idempotency_key",
    }
)
"""Context members that differ from call to call: never bound by what is issued here."""

_NEVER_BOUND = MACHINERY | RESERVED | VOLATILE


def bindable(members: Iterable[str]) -> tuple[str, ...]:
    """The members of a context that may be bound, sorted: not the profile's own, not volatile."""
    return tuple(sorted(set(members) - _NEVER_BOUND))


def bound_context(context: JsonObject, members: Iterable[str]) -> JsonObject:
    """The authorization-relevant context: the members listed that are there; null stays null."""
    return {name: context[name] for name in members if name in context and name not in MACHINERY}


def without_act(subject: JsonObject) -> JsonObject:
    """The subject as it binds: `properties.act` removed, and `properties` if that emptied it."""
    properties = subject.get("properties")
    if not isinstance(properties, dict) or "act" not in properties:
        return subject
    rest = {name: value for name, value in properties.items() if name != "act"}
    bound = {name: value for name, value in subject.items() if name != "properties"}
    return bound | {"properties": rest} if rest else bound


def binding_hash(
    subject: JsonObject,
    resource: JsonObject,
    action: JsonObject,
    context: JsonObject,
    members: Iterable[str],
) -> str:
    """The `binding_hash` of one evaluation: base64url of SHA-256 over the canonical bound tuple.

    Raises:
        NotCanonical: when something bound has no canonical form.
    """
    asked = {"resource": resource, "action": action}
    return _digest({"subject": without_act(subject), **asked}, context, members)


def bulk_binding_hash(
    subject: JsonObject, items: Sequence[JsonObject], context: JsonObject, members: Iterable[str]
) -> str:
    """The `binding_hash` of a bundle: `items` hold `resource` and `action`; their order counts.

    Raises:
        NotCanonical: when something bound has no canonical form.
    """
    return _digest({"subject": without_act(subject), "items": _pairs(items)}, context, members)


def binding_hashes(
    subject: JsonObject,
    asked: JsonObject,
    context: JsonObject,
    members: Iterable[str],
) -> tuple[str, ...]:
    """Every hash that a verifier accepts for a submission.

    There are two when the subject has no properties but `act`: the text leaves open whether an
    emptied `properties` stays.

    Args:
        asked: `resource` and `action`, or `items`.

    Raises:
        NotCanonical: when something bound has no canonical form.
    """
    members = tuple(members)
    if "items" in asked:
        asked = {"items": _pairs(asked["items"])}
    else:
        asked = {name: asked[name] for name in ("resource", "action")}
    bound = without_act(subject)
    subjects = [bound]
    if not bound.get("properties") and isinstance(bound.get("properties", {}), dict):
        bare = {name: value for name, value in bound.items() if name != "properties"}
        subjects = [bare, bare | {"properties": {}}]
    return tuple(_digest({"subject": each, **asked}, context, members) for each in subjects)


def hash_fits(claimed: str, hashes: Iterable[str]) -> bool:
    """Whether a claimed hash is one of those accepted; takes the same time wherever they differ."""
    fits = [hmac.compare_digest(claimed.encode(), one.encode()) for one in hashes]
    return any(fits)


def same(left: JsonValue, right: JsonValue) -> bool:
    """Structural comparison: member order ignored, array order significant, numbers by value.

    A boolean is not a number, null is not absence, and strings compare by code point.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(value, right[name]) for name, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def same_subject(left: JsonObject, right: JsonObject) -> bool:
    """Whether two subjects bind alike: `properties.act` aside, and empty properties as none."""
    return same(_bare(left), _bare(right))


def _bare(subject: JsonObject) -> JsonObject:
    bound = without_act(subject)
    if bound.get("properties") == {}:
        return {name: value for name, value in bound.items() if name != "properties"}
    return bound


def _pairs(items: Sequence[JsonObject]) -> list[JsonObject]:
    return [{"resource": item["resource"], "action": item["action"]} for item in items]


def _digest(asked: JsonObject, context: JsonObject, members: Iterable[str]) -> str:
    bound = asked | {"context": bound_context(context, members)}
    digest = hashlib.sha256(canonical(bound)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

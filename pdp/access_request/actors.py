"""Who acts for the subject of a submission: claimed links are believed only as far as the caller's
own credential proves them (ARAP, Delegation and Actors).
"""

from collections.abc import Sequence

from pdp.core.actor import Actor, InvalidActor, claimed_chain, is_proven, proven_chain
from pdp.core.values import JsonObject
from pdp.errors import FORBIDDEN, INVALID_REQUEST, Problem
from pdp.trust.callers import Caller

_AT = "/client/actor"


def require_actor(client: JsonObject, caller: Caller) -> JsonObject | None:
    """The actor chain that a submission claims, when the caller's credential covers all of it.

    What comes back holds only what was proven, `id` and `issuer`, then `sub` and `iss` of each
    `act`; whatever else `client` says is for the record, never for a decision.

    Returns:
        None where no actor is claimed.

    Raises:
        Problem: 400 for a chain of the wrong shape, 403 for one with a link that is not proven.
    """
    actor = client.get("actor")
    if actor is None:
        return None
    try:
        claimed = claimed_chain(actor, _AT)
    except InvalidActor as fault:
        errors = [{"pointer": fault.at, "detail": fault.message}]
        raise Problem(INVALID_REQUEST, f"`{fault.at}` {fault.message}", errors=errors) from None
    issuer = caller.claims.get("iss")
    if not any(is_proven(claimed, proven, issuer) for proven in _proofs(caller)):
        detail = "the credential does not prove every actor that is claimed"
        raise Problem(FORBIDDEN, f"`{_AT}`: {detail}", errors=[{"pointer": _AT, "detail": detail}])
    return actor_json([link._replace(issuer=link.issuer or issuer) for link in claimed])


def actor_json(chain: Sequence[Actor]) -> JsonObject | None:
    """A chain as it is kept: the present actor with the others nested in it."""
    found: JsonObject | None = None
    for place, link in reversed(list(enumerate(chain))):
        names = ("sub", "iss") if place else ("id", "issuer")
        body: JsonObject = {names[0]: link.id}
        if link.issuer is not None:
            body[names[1]] = link.issuer
        found = body if found is None else body | {"act": found}
    return found


def _proofs(caller: Caller) -> list[tuple[Actor, ...]]:
    """The chains that a credential proves: that of its `act` claim, or else the caller itself."""
    if caller.actor_chain:
        return [proven_chain(caller.actor_chain)]
    if caller.kind == "anonymous":
        return []
    issuer = caller.claims.get("iss")
    names = (caller.id, caller.client_id, caller.claims.get("sub"))
    return [(Actor(name, issuer),) for name in names if isinstance(name, str)]

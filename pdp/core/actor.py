"""Who acts for a subject: a claimed chain of actors against the one that a credential proves."""

from collections.abc import Sequence
from typing import NamedTuple

from pdp.core.values import JsonObject, JsonValue

LONGEST_CHAIN = 10


class Actor(NamedTuple):
    """A link of a chain, told apart by identifier and issuer together (ARAP, Delegation)."""

    id: str
    issuer: str | None = None


class InvalidActor(ValueError):
    """A `client.actor` that is not of the profile's shape; `at` is the JSON Pointer of the fault."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(f"{at}: {message}")
        self.at = at
        self.message = message


def claimed_chain(actor: JsonValue, at: str = "/client/actor") -> tuple[Actor, ...]:
    """Read `client.actor`: the immediate actor, then each `act` outward towards the subject.

    Raises:
        InvalidActor: a link lacks its identifier, or there are too many.
    """
    chain: list[Actor] = []
    names = ("id", "issuer")
    while actor is not None:
        if len(chain) == LONGEST_CHAIN:
            raise InvalidActor(at, f"a chain has at most {LONGEST_CHAIN} actors")
        if not isinstance(actor, dict):
            raise InvalidActor(at, "must be an object")
        identifier, issuer = actor.get(names[0]), actor.get(names[1])
        if not isinstance(identifier, str) or not identifier:
            raise InvalidActor(f"{at}/{names[0]}", "is required and must be a string")
        if issuer is not None and not isinstance(issuer, str):
            raise InvalidActor(f"{at}/{names[1]}", "must be a string")
        chain.append(Actor(identifier, issuer))
        actor, at, names = actor.get("act"), at + "/act", ("sub", "iss")
    return tuple(chain)


def proven_chain(links: Sequence[JsonObject]) -> tuple[Actor, ...]:
    """The links of a verified `act` claim, the present actor first (RFC 8693, section 4.1)."""
    return tuple(Actor(str(link["sub"]), link.get("iss")) for link in links)


def is_proven(claimed: Sequence[Actor], proven: Sequence[Actor], issuer: str | None) -> bool:
    """Whether a credential covers every link that is claimed, from the present actor on.

    Args:
        issuer: who issued the credential; a link without an issuer is of this one.
    """
    if len(claimed) > len(proven):
        return False
    pairs = zip(claimed, proven, strict=False)
    return all(
        (one.id, one.issuer or issuer) == (other.id, other.issuer or issuer) for one, other in pairs
    )

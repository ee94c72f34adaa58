"""From the claims of a verified access token to a caller: roles, subject and actor chain."""

from collections.abc import Iterable
from typing import get_args

from pdp.core.values import JsonObject
from pdp.settings import IssuerSettings
from pdp.settings.values import Role
from pdp.trust.callers import Caller, roles_with_included
from pdp.trust.claims import BadToken

LONGEST_CHAIN = 10
_ROLES = frozenset(get_args(Role))


def token_caller(claims: JsonObject, issuer: IssuerSettings) -> Caller:
    """The caller of a verified token.

    Its id is issuer and `sub` together, since a `sub` alone means little. Its roles come from
    the scopes and the roles claim, by the issuer's prefix and table; it may have none.

    Raises:
        BadToken: it is bound to a key that nobody proved here, or its claims are malformed.
    """
    if "cnf" in claims:
        raise BadToken("the token is bound to a key, so it cannot be used as a bearer token")
    subject = _text(claims, "sub")
    client = claims.get("client_id", claims.get("azp"))
    if client is not None and not isinstance(client, str):
        raise BadToken("`client_id` is not a string")
    roles = roles_with_included(_roles(claims, issuer))
    chain = actor_chain(claims)
    caller_id = f"{issuer.issuer}#{subject}"
    facts: JsonObject = {
        "id": caller_id,
        "roles": sorted(roles),
        "kind": "token",
        "issuer": issuer.issuer,
        "subject": subject,
    }
    if client is not None:
        facts["client_id"] = client
    if chain:
        facts["actors"] = [_party(link) for link in chain]
    return Caller(
        caller_id,
        roles,
        tuple(issuer.acts_for),
        "token",
        subject=(issuer.subject_type, subject) if issuer.subject_type else None,
        client_id=client,
        actor_chain=chain,
        claims=claims,
        facts=facts,
        callbacks=tuple(issuer.callbacks),
    )


def actor_chain(claims: JsonObject) -> tuple[JsonObject, ...]:
    """The links of the `act` claim (RFC 8693, section 4.1), the present actor first.

    Raises:
        BadToken: a link is not an object with a `sub`, or there are too many.
    """
    links: list[JsonObject] = []
    holder = claims
    while "act" in holder:
        link = holder["act"]
        if not isinstance(link, dict) or len(links) == LONGEST_CHAIN:
            raise BadToken("`act` is not a chain of actors")
        _text(link, "sub")
        if "iss" in link:
            _text(link, "iss")
        links.append({name: value for name, value in link.items() if name != "act"})
        holder = link
    return tuple(links)


def _roles(claims: JsonObject, issuer: IssuerSettings) -> set[str]:
    found: set[str] = set()
    for value in _values(claims, issuer):
        named = value.removeprefix(issuer.scope_prefix)
        if value.startswith(issuer.scope_prefix) and named in _ROLES:
            found.add(named)
        found.update(issuer.roles.get(value, ()))
    return found


def _values(claims: JsonObject, issuer: IssuerSettings) -> Iterable[str]:
    """What the token grants: `scope` as text or, as some servers have it, `scp` as an array."""
    for name in ("scope", "scp", issuer.roles_claim):
        value = claims.get(name) if name else None
        if isinstance(value, str):
            yield from value.split(" ")
        elif isinstance(value, list):
            yield from (each for each in value if isinstance(each, str))


def _text(claims: JsonObject, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise BadToken(f"`{name}` is not a text")
    return value


def _party(link: JsonObject) -> JsonObject:
    return {name: link[name] for name in ("sub", "iss") if name in link}

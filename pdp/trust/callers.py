"""Callers: who they are, what they may do, and how their credential is recognised."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, NoReturn, Protocol

from pdp.core.values import EntityUid, JsonObject
from pdp.demo import DEMO_CLIENTS
from pdp.errors import FORBIDDEN, UNAUTHENTICATED, Problem
from pdp.settings import Settings

ROLES = ("pep", "as", "approver_proxy", "admin", "auditor")
_INCLUDES: Mapping[str, frozenset[str]] = {
    "pep": frozenset({"pep"}),
    "as": frozenset({"as", "pep"}),
    "approver_proxy": frozenset({"approver_proxy"}),
    "auditor": frozenset({"auditor"}),
    "admin": frozenset(ROLES),
}

CallerKind = Literal["client", "token", "anonymous", "person"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a call, as the credential proves it.

    Attributes:
        id: stable name of the calling machine or person.
        roles: its roles with everything that they include.
        acts_for: patterns of the subjects that it may submit for.
        kind: how it was recognised.
        subject: the Cedar entity it is, where the credential names one.
        client_id: the OAuth client that a token was issued to.
        actor_chain: the `act` claim's links, outermost first, each `{"iss", "sub", …}`.
        claims: the token's claims.
        facts: what policies see as `context.caller`.
    """

    id: str
    roles: frozenset[str]
    acts_for: tuple[str, ...] = ("*",)
    kind: CallerKind = "client"
    subject: EntityUid | None = None
    client_id: str | None = None
    actor_chain: tuple[JsonObject, ...] = ()
    claims: JsonObject = field(default_factory=dict)
    facts: JsonObject = field(default_factory=dict)

    def require(self, role: str) -> None:
        """Let a caller with `role` pass; raises `Problem` 403."""
        if role not in self.roles:
            self._refuse(role)

    def require_any(self, *roles: str) -> None:
        """Let a caller with any of `roles` pass; raises `Problem` 403."""
        if self.roles.isdisjoint(roles):
            self._refuse(" or ".join(roles))

    def may_act_for(self, subject: EntityUid) -> bool:
        """Whether this caller may submit for `subject`: `*`, `Type::*` or `Type::id` exactly."""
        name = f"{subject[0]}::{subject[1]}"
        return any(
            pattern == "*"
            or pattern == name
            or (pattern.endswith("::*") and pattern[:-3] == subject[0])
            for pattern in self.acts_for
        )

    def _refuse(self, role: str) -> NoReturn:
        challenge = 'Bearer realm="authzen-pdp", error="insufficient_scope"'
        raise Problem(
            FORBIDDEN, f"this needs the role {role}", headers={"WWW-Authenticate": challenge}
        )


def roles_with_included(roles: Iterable[str]) -> frozenset[str]:
    """The roles and everything that they include."""
    return frozenset().union(*(_INCLUDES.get(role, frozenset()) for role in roles))


def client_caller(client_id: str, roles: Iterable[str], acts_for: Iterable[str]) -> Caller:
    """The caller behind a client key."""
    held = roles_with_included(roles)
    return Caller(
        client_id,
        held,
        tuple(acts_for),
        "client",
        facts={"id": client_id, "roles": sorted(held), "kind": "client"},
    )


class StoredClient(Protocol):
    """A client as settings and store describe it."""

    @property
    def id(self) -> str: ...
    @property
    def key_sha256(self) -> str: ...
    @property
    def roles(self) -> Any: ...
    @property
    def acts_for(self) -> Any: ...


class DemoCaller(NamedTuple):
    """A demo client as a stored one."""

    id: str
    key_sha256: str
    roles: Sequence[str]
    acts_for: Sequence[str] = ("*",)


class TokenVerifier(Protocol):
    """Verifies JWT access tokens of the configured issuers."""

    def cached(self, token: bytes) -> Caller | None:
        """The caller of a token that was verified before and is still good."""

    async def verify(self, token: bytes) -> Caller:
        """Verify a token; raises `Problem` 401."""


ANONYMOUS = Caller(
    "anonymous",
    roles_with_included(["admin"]),
    kind="anonymous",
    facts={"id": "anonymous", "roles": [], "kind": "anonymous"},
)


class Authenticator:
    """Recognises callers by their `Authorization` header.

    A key is looked up by its SHA-256, so that neither the number of keys nor a near miss can be
    told from the time it takes.

    Args:
        configured: the clients of the configuration; they win over stored ones.
        tokens: verifies JWT access tokens, if any issuer is configured.
        required: False lets calls without a credential in, as an administrator.
    """

    def __init__(
        self,
        configured: Iterable[StoredClient],
        tokens: TokenVerifier | None = None,
        *,
        required: bool = True,
    ) -> None:
        self._configured = list(configured)
        self._tokens = tokens
        self._required = required
        self._by_digest: dict[bytes, Caller] = {}
        self.use_stored([])

    @classmethod
    def from_settings(cls, settings: Settings) -> "Authenticator":
        """The authenticator of the configured clients; in the demo also of the public ones."""
        configured: list[StoredClient] = list(settings.clients)
        if settings.demo:
            known = {client.id for client in configured}
            demo = (DemoCaller(c.id, c.key_sha256, c.roles) for c in DEMO_CLIENTS)
            configured += [client for client in demo if client.id not in known]
        return cls(configured, required=settings.authentication.required)

    def use_stored(self, stored: Iterable[StoredClient]) -> None:
        """Take the clients kept in the database as they are now."""
        by_id = {client.id: client for client in stored}
        by_id |= {client.id: client for client in self._configured}
        self._by_digest = {
            bytes.fromhex(client.key_sha256): client_caller(
                client.id, client.roles, client.acts_for
            )
            for client in by_id.values()
        }

    def authenticate(self, authorization: bytes | None) -> Caller | None:
        """The caller, or None when a token must first be verified by `authenticate_slow`.

        Raises:
            Problem: 401 with `WWW-Authenticate` (RFC 6750, section 3).
        """
        if authorization is None:
            if self._required:
                raise unauthenticated()
            return ANONYMOUS
        scheme, _, credential = authorization.partition(b" ")
        credential = credential.strip()
        if scheme.lower() != b"bearer" or not credential:
            raise unauthenticated("invalid_request", "use `Authorization: Bearer`")
        caller = self._by_digest.get(hashlib.sha256(credential).digest())
        if caller is not None:
            return caller
        if self._tokens is None or credential.count(b".") != 2:
            raise unauthenticated("invalid_token", "the credential is not known")
        return self._tokens.cached(credential)

    async def authenticate_slow(self, authorization: bytes | None) -> Caller:
        """Verify a token that `authenticate` could not answer for; raises `Problem` 401."""
        credential = (authorization or b"").partition(b" ")[2].strip()
        if self._tokens is None:
            raise unauthenticated("invalid_token", "the credential is not known")
        return await self._tokens.verify(credential)


def unauthenticated(error: str | None = None, description: str = "") -> Problem:
    """The problem of a missing or bad credential."""
    challenge = 'Bearer realm="authzen-pdp"'
    if error is not None:
        challenge += f', error="{error}"'
    return Problem(
        UNAUTHENTICATED,
        description or "send `Authorization: Bearer` with a client key or an access token",
        headers={"WWW-Authenticate": challenge},
    )

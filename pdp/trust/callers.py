"""Callers: who they are, what they may do, and how their credential is recognised."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol

from pdp.core.values import EntityUid, JsonObject
from pdp.demo import DEMO_CLIENTS
from pdp.errors import FORBIDDEN, Problem
from pdp.settings import Settings
from pdp.trust.credentials import REALM, bearer_of, digest_of, unauthenticated
from pdp.trust.subjects import subjects

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
        actor_chain: the `act` claim's links, outermost first, each `{"sub", "iss", …}`.
        claims: the token's claims.
        facts: what policies see as `context.caller`.
        callbacks: URLs it may be called back at; `…/*` stands for everything below.
    """

    id: str
    roles: frozenset[str]
    acts_for: tuple[str, ...] = ("*",)
    kind: CallerKind = "client"
    subject: EntityUid | None = None
    client_id: str | None = None
    actor_chain: tuple[JsonObject, ...] = ()
    claims: JsonObject = field(default_factory=dict, repr=False)
    facts: JsonObject = field(default_factory=dict)
    callbacks: tuple[str, ...] = ()

    def require(self, role: str) -> None:
        """Let a caller with `role` pass; raises `Problem` 403."""
        if role not in self.roles:
            self._refuse(role)

    def require_any(self, *roles: str) -> None:
        """Let a caller with any of `roles` pass; raises `Problem` 403."""
        if self.roles.isdisjoint(roles):
            self._refuse(" or ".join(roles))

    def may_act_for(self, subject: EntityUid) -> bool:
        """Whether this caller may submit for `subject`."""
        return subjects(self.acts_for).include(subject)

    def may_be_called_at(self, url: str) -> bool:
        """Whether `url` was registered as a callback of this caller."""
        if "/." in url or "\\" in url or "%2e" in url.lower():
            return False
        return any(
            url == allowed or (allowed.endswith("/*") and url.startswith(allowed[:-1]))
            for allowed in self.callbacks
        )

    def _refuse(self, role: str) -> NoReturn:
        challenge = f'{REALM}, error="insufficient_scope"'
        raise Problem(
            FORBIDDEN, f"this needs the role {role}", headers={"WWW-Authenticate": challenge}
        )


def roles_with_included(roles: Iterable[str]) -> frozenset[str]:
    """The roles and everything that they include."""
    return frozenset().union(*(_INCLUDES.get(role, frozenset()) for role in roles))


class KnownClient(Protocol):
    """A client as settings, store and demo describe it."""

    @property
    def id(self) -> str: ...
    @property
    def key_sha256(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...


def client_caller(client: KnownClient) -> Caller:
    """The caller behind a client key."""
    held = roles_with_included(client.roles)
    return Caller(
        client.id,
        held,
        tuple(getattr(client, "acts_for", ("*",))),
        "client",
        facts={"id": client.id, "roles": sorted(held), "kind": "client"},
        callbacks=tuple(getattr(client, "callbacks", ())),
    )


def anonymous(roles: Iterable[str]) -> Caller:
    """Whoever calls without a credential, where authentication is off."""
    held = roles_with_included(roles)
    return Caller(
        "anonymous",
        held,
        kind="anonymous",
        facts={"id": "anonymous", "roles": sorted(held), "kind": "anonymous"},
    )


class TokenVerifier(Protocol):
    """Verifies JWT access tokens of the configured issuers."""

    def cached(self, digest: bytes) -> Caller | None:
        """The caller of a token that was verified before and is still good, by its SHA-256."""

    async def verify(self, token: bytes) -> Caller:
        """Verify a token; raises `Problem` 401, or 503 when the issuer's keys are out of reach."""


class Authenticator:
    """Recognises callers by their `Authorization` header.

    A key is looked up by its SHA-256, so that neither the number of keys nor a near miss can be
    told from the time it takes.

    Args:
        configured: the clients of the configuration; they win over stored ones.
        tokens: verifies JWT access tokens, if any issuer is configured.
        without: who calls without a credential; None refuses such calls.
    """

    def __init__(
        self,
        configured: Iterable[KnownClient],
        tokens: TokenVerifier | None = None,
        *,
        without: Caller | None = None,
    ) -> None:
        self._configured = list(configured)
        self._tokens = tokens
        self._without = without
        self._by_digest: dict[bytes, Caller] = {}
        self.use_stored([])

    @classmethod
    def from_settings(
        cls, settings: Settings, clock: Callable[[], float] = time.time
    ) -> "Authenticator":
        """The authenticator of the configured clients and issuers; in the demo also its clients.

        With authentication off, calls without a credential are those of a PEP and AS, in the
        demo of an administrator.

        Raises:
            SettingsError: the key file of an issuer cannot be used.
        """
        configured: list[KnownClient] = list(settings.clients)
        if settings.demo:
            known = {client.id for client in configured}
            configured += [client for client in DEMO_CLIENTS if client.id not in known]
        tokens: TokenVerifier | None = None
        if settings.issuers:
            from pdp.trust.tokens import AccessTokens

            tokens = AccessTokens.from_settings(settings, clock)
        without = None
        if not settings.authentication.required:
            without = anonymous(["admin"] if settings.demo else ["as"])
        return cls(configured, tokens, without=without)

    def use_stored(self, stored: Iterable[KnownClient]) -> None:
        """Take the clients kept in the database as they are now."""
        by_id = {client.id: client for client in stored}
        by_id |= {client.id: client for client in self._configured}
        found = {
            bytes.fromhex(client.key_sha256): client_caller(client) for client in by_id.values()
        }
        found.pop(digest_of(b""), None)
        self._by_digest = found

    def authenticate(self, authorization: bytes | None) -> Caller | None:
        """The caller, or None when a token must first be verified by `authenticate_slow`.

        Raises:
            Problem: 401 with `WWW-Authenticate` (RFC 6750, section 3).
        """
        if authorization is None:
            if self._without is None:
                raise unauthenticated()
            return self._without
        # The usual spelling first: reading the header strictly costs more than looking it up.
        caller = self._known(authorization[7:]) if authorization[:7] == b"Bearer " else None
        if caller is not None:
            return caller
        credential = bearer_of(authorization)
        caller = self._known(credential)
        if caller is None and (self._tokens is None or credential.count(b".") != 2):
            raise unauthenticated("invalid_token", "the credential is not known")
        return caller

    async def authenticate_slow(self, authorization: bytes | None) -> Caller:
        """Verify a token that `authenticate` could not answer for; raises `Problem` 401, 503."""
        credential = bearer_of(authorization or b"")
        if self._tokens is None:
            raise unauthenticated("invalid_token", "the credential is not known")
        return await self._tokens.verify(credential)

    def _known(self, credential: bytes) -> Caller | None:
        digest = digest_of(credential)
        caller = self._by_digest.get(digest)
        if caller is None and self._tokens is not None:
            return self._tokens.cached(digest)
        return caller

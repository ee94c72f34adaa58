"""JWT access tokens of the configured issuers (RFC 9068): verified once, then remembered."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pdp.core.values import JsonObject
from pdp.errors import UNAVAILABLE, Problem
from pdp.settings import IssuerSettings, Settings
from pdp.trust.callers import Caller
from pdp.trust.claims import LEEWAY_SECONDS, BadToken, check_claims
from pdp.trust.compact import header_of, issuer_of
from pdp.trust.credentials import digest_of, unauthenticated
from pdp.trust.jose import verify
from pdp.trust.jwks import KeySource, KeysUnavailable, key_source
from pdp.trust.token_caller import token_caller

MOST_REMEMBERED = 10_000
LONGEST_ACCESS_TOKEN = 16_384

_STRICT_TYPES = frozenset({"at+jwt"})
_LOOSE_TYPES = frozenset({"at+jwt", "jwt", None})
_NEEDED = ("sub", "exp")
_NEEDED_BY_RFC_9068 = ("sub", "exp", "iat", "jti", "client_id")


class Remembered(NamedTuple):
    """A verified token: whose it is, and until when (seconds) that counts without another look."""

    caller: Caller
    until: float


class AccessTokens:
    """Verifies access tokens and remembers them, by SHA-256, until they or their keys are stale.

    Args:
        issuers: each accepted issuer with where its keys come from.
        clock: seconds since 1970.
        most: tokens to remember; the oldest go first.
    """

    def __init__(
        self,
        issuers: Mapping[str, tuple[IssuerSettings, KeySource]],
        clock: Callable[[], float],
        most: int = MOST_REMEMBERED,
    ) -> None:
        self._issuers = dict(issuers)
        self._clock = clock
        self._most = most
        self._remembered: dict[bytes, Remembered] = {}

    @classmethod
    def from_settings(cls, settings: Settings, clock: Callable[[], float]) -> "AccessTokens":
        """The verifier of the configured issuers; raises `SettingsError` for a bad key file."""
        from pdp.trust.outbound import Outbound

        fetch = Outbound(settings.outbound).fetch_configured
        return cls(
            {
                issuer.issuer: (
                    issuer,
                    key_source(issuer.jwks_file, issuer.jwks_uri, fetch, clock),
                )
                for issuer in settings.issuers
            },
            clock,
        )

    def cached(self, digest: bytes) -> Caller | None:
        """The caller of a token that was verified before and is still good, by its SHA-256."""
        found = self._remembered.get(digest)
        if found is None:
            return None
        if self._clock() < found.until:
            return found.caller
        self._remembered.pop(digest, None)
        return None

    async def verify(self, token: bytes) -> Caller:
        """The caller that a token proves.

        Raises:
            Problem: 401 `invalid_token`, or 503 when the issuer's keys are out of reach.
        """
        try:
            return await self._verify(token)
        except BadToken as fault:
            raise unauthenticated("invalid_token", str(fault)) from None
        except KeysUnavailable:
            raise Problem(
                UNAVAILABLE,
                "the keys of the token's issuer cannot be reached",
                headers={"Retry-After": "10"},
            ) from None

    def forget(self, unwanted: Callable[[Caller], bool] = lambda caller: True) -> int:
        """Stop remembering tokens, all by default; they are verified again when they come."""
        gone = [key for key, found in list(self._remembered.items()) if unwanted(found.caller)]
        for key in gone:
            self._remembered.pop(key, None)
        return len(gone)

    async def _verify(self, token: bytes) -> Caller:
        if len(token) > LONGEST_ACCESS_TOKEN:
            raise BadToken("the token is too long")
        text = token.decode("latin-1")
        issuer, source = self._issuers.get(issuer_of(text) or "", (None, None))
        if issuer is None or source is None:
            raise BadToken("the token is of another issuer")
        keys = await source.keys_for(header_of(text).get("kid"))
        types = _STRICT_TYPES if issuer.require_at_jwt else _LOOSE_TYPES
        claims = verify(text, keys, issuer.algorithms, types)
        now = self._clock()
        check_claims(
            claims,
            issuer=issuer.issuer,
            audience=issuer.audience,
            now=now,
            required=_NEEDED_BY_RFC_9068 if issuer.require_at_jwt else _NEEDED,
        )
        caller = token_caller(claims, issuer)
        self._remember(digest_of(token), caller, claims, source.fresh_until, now)
        return caller

    def _remember(
        self, digest: bytes, caller: Caller, claims: JsonObject, fresh_until: float, now: float
    ) -> None:
        until = min(claims["exp"] + LEEWAY_SECONDS, fresh_until)
        if until <= now:
            return
        while len(self._remembered) >= self._most:
            self._remembered.pop(next(iter(self._remembered)), None)
        self._remembered[digest] = Remembered(caller, until)

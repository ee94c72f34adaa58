"""Others whose signatures are taken here, PDPs for denials and access request services for
approvals: their keys, and nothing else of them.
"""

from collections.abc import Callable, Mapping, Sequence

from pdp.core.values import JsonObject
from pdp.settings import Settings, TrustedPdpSettings
from pdp.trust.claims import BadToken
from pdp.trust.compact import header_of, issuer_of
from pdp.trust.jose import PublicKeys, verify
from pdp.trust.jwks import KeySource, KeysUnavailable, key_source

Verify = Callable[[str], JsonObject]
"""The claims of a token whose signature is good; raises `BadToken`."""


class TrustedPdps:
    """Verifies what trusted PDPs signed, each by its own keys.

    Keys are fetched by `prepare`, ahead of the verification, which then waits for nothing.
    """

    def __init__(self, trusted: Mapping[str, tuple[TrustedPdpSettings, KeySource]]) -> None:
        self._trusted = dict(trusted)
        self._keys: dict[str, PublicKeys] = {}

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        clock: Callable[[], float],
        trusted: Sequence[TrustedPdpSettings] | None = None,
    ) -> "TrustedPdps":
        """The PDPs of the configuration, or others of it; raises `SettingsError` for a bad file."""
        from pdp.trust.outbound import Outbound

        trusted = settings.trusted_pdps if trusted is None else trusted
        if not trusted:
            return cls({})
        fetch = Outbound(settings.outbound).fetch_configured
        return cls(
            {
                pdp.issuer: (pdp, key_source(pdp.jwks_file, pdp.jwks_uri, fetch, clock))
                for pdp in trusted
            }
        )

    async def prepare(self, token: str) -> None:
        """Have the keys at hand that `token` names; a bad token or source is left to `verify`."""
        try:
            issuer, kid = issuer_of(token), header_of(token).get("kid")
        except BadToken:
            return
        if issuer is None or issuer not in self._trusted:
            return
        try:
            self._keys[issuer] = await self._trusted[issuer][1].keys_for(kid)
        except KeysUnavailable:
            self._keys.pop(issuer, None)

    def verifiers(self, typ: str | None = None) -> dict[str, Verify]:
        """For each of them, by its identifier, what verifies its tokens of that type."""
        return {issuer: self._verifier(issuer, typ) for issuer in self._trusted}

    def _verifier(self, issuer: str, typ: str | None) -> Verify:
        settings = self._trusted[issuer][0]
        types = None if typ is None else {typ}

        def claims_of(token: str) -> JsonObject:
            keys = self._keys.get(issuer)
            if keys is None:
                raise BadToken("the keys of the token's issuer cannot be reached")
            claims = verify(token, keys, settings.algorithms, types)
            if claims.get("iss") != issuer:
                raise BadToken("the token is of another issuer")
            return claims

        return claims_of

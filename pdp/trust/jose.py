"""Signatures and encryption (JWS, JWE, JWK): the only file that imports the JOSE library.

Verification names its algorithms and its keys; `none`, a MAC where a signature is due, an unknown
`kid` and critical headers are all refused. Claims are checked by whoever knows what they mean.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, import_key

from pdp.core.values import InvalidJson, JsonObject, parse_json

LEEWAY_SECONDS = 30
"""Clock tolerance for every token; replay memory must outlive `exp` by as much."""
_LONGEST = 32_768


class BadToken(ValueError):
    """A token that must not be believed; the text says why, without quoting it."""


class PrivateKey:
    """An ES256 key pair; its `kid` is the RFC 7638 thumbprint."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self.kid = str(key.thumbprint())

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new key pair."""
        return cls(ECKey.generate_key("P-256"))

    @classmethod
    def from_bytes(cls, raw: bytes) -> "PrivateKey":
        """The key pair that `to_bytes` wrote."""
        return cls(ECKey.import_key(json.loads(raw)))

    def to_bytes(self) -> bytes:
        """The whole key, private part included: seal it before it is kept."""
        return json.dumps(self._key.as_dict(private=True)).encode()

    def public_jwk(self) -> JsonObject:
        """The public JWK, ready for a JWK set."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self.kid, "use": "sig", "alg": "ES256"}

    def sign(self, payload: bytes, typ: str | None = None) -> str:
        """A compact JWS over `payload`."""
        header = {"alg": "ES256", "kid": self.kid} | ({"typ": typ} if typ else {})
        return jws.serialize_compact(header, payload, self._key)

    def sign_claims(self, claims: Mapping[str, Any], typ: str | None = None) -> str:
        """A signed JWT of `claims`."""
        return self.sign(json.dumps(claims, separators=(",", ":")).encode(), typ)


class PublicKeys:
    """A JWK set that tokens are verified with; keys not meant for signatures are left out."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._keys: dict[str | None, list[Key]] = {}
        entries = document.get("keys")
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
                continue
            if entry.get("kty") not in ("EC", "RSA", "OKP"):
                continue
            try:
                key = import_key(entry)
            except (JoseError, ValueError, TypeError, KeyError):
                continue
            self._keys.setdefault(entry.get("kid"), []).append(key)

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys

    def candidates(self, kid: str | None) -> list[Key]:
        """The keys that a token may be signed with: those of its `kid`, or the only key there is."""
        if kid is not None:
            return self._keys.get(kid, [])
        everything = [key for keys in self._keys.values() for key in keys]
        return everything if len(everything) == 1 else []


def header_of(token: str) -> JsonObject:
    """The protected header of a compact JWS, not yet verified; raises `BadToken`."""
    if len(token) > _LONGEST:
        raise BadToken("the token is too long")
    if token.count(".") != 2:
        raise BadToken("the token is not a compact JWS")
    header = _json(token.split(".", 1)[0], "header")
    if "crit" in header:
        raise BadToken("the token has critical headers")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise BadToken("the `kid` is not a string")
    return header


def unverified_claims(token: str) -> JsonObject:
    """The claims of a token, not yet verified, to find out whose keys to use; raises `BadToken`."""
    header_of(token)
    return _json(token.split(".")[1], "payload")


def verify(token: str, keys: PublicKeys, algorithms: Sequence[str]) -> JsonObject:
    """The claims of a compact JWS whose signature is good.

    Args:
        token: the compact serialisation.
        keys: the keys that are trusted for its issuer.
        algorithms: the only algorithms that are accepted.

    Raises:
        BadToken: the token is malformed, of another algorithm, or of none of these keys.
    """
    header = header_of(token)
    algorithm = header.get("alg")
    if algorithm not in algorithms:
        raise BadToken("the token's algorithm is not accepted here")
    for key in keys.candidates(header.get("kid")):
        try:
            jws.deserialize_compact(token, key, algorithms=[str(algorithm)])
        except (JoseError, ValueError, TypeError):
            continue
        return _json(token.split(".")[1], "payload")
    raise BadToken("the token is signed with no key that is trusted here")


def encrypt(token: str, key: Mapping[str, Any]) -> str:
    """A signed token hidden from its bearer: nested JWE for the public key of its reader."""
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "JWT", "kid": str(key.get("kid"))}
    return jwe.encrypt_compact(header, token.encode(), import_key(dict(key)))


def decrypt(token: str, key: PrivateKey) -> str:
    """The signed token inside a nested JWE; raises `BadToken`."""
    if len(token) > _LONGEST or token.count(".") != 4:
        raise BadToken("the token is not a compact JWE")
    try:
        opened = jwe.decrypt_compact(token, key._key, algorithms=["ECDH-ES+A256KW", "A256GCM"])
    except (JoseError, ValueError, TypeError):
        raise BadToken("the token cannot be decrypted") from None
    return (opened.plaintext or b"").decode("utf-8", "replace")


def check_times(claims: JsonObject, now: int, *, require_exp: bool = True) -> None:
    """Hold `exp`, `nbf` and `iat` against `now` (seconds); raises `BadToken`."""
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise BadToken(f"`{name}` is not a number")
    if claims.get("exp") is None:
        if require_exp:
            raise BadToken("the token does not expire")
    elif now >= claims["exp"] + LEEWAY_SECONDS:
        raise BadToken("the token has expired")
    for name in ("nbf", "iat"):
        if claims.get(name) is not None and claims[name] > now + LEEWAY_SECONDS:
            raise BadToken("the token is not valid yet")


def has_audience(claims: JsonObject, audience: str) -> bool:
    """Whether `aud` is `audience` or an array that holds it."""
    found = claims.get("aud")
    return audience in found if isinstance(found, list) else found == audience


def _json(part: str, what: str) -> JsonObject:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = parse_json(raw)
    except (InvalidJson, ValueError):
        raise BadToken(f"the token's {what} is not JSON") from None
    if not isinstance(value, dict):
        raise BadToken(f"the token's {what} is not a JSON object")
    return value

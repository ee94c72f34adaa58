"""Signatures and encryption (JWS, JWE, JWK): the only file that imports the JOSE library.

Verification names its algorithms and its keys; `none`, a MAC where a signature is due, an unknown
`kid`, critical headers and any but the one spelling of a token are refused. The claims are held
against what they must say in `pdp.trust.claims`.
"""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, import_key

from pdp.core.values import JsonObject
from pdp.trust.claims import BadToken
from pdp.trust.compact import decoded, header_of, payload_of, type_of

SigningAlgorithm = Literal["ES256", "Ed25519"]

_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e"), "OKP": ("crv", "x")}
_FAMILIES: Mapping[tuple[str, str | None], frozenset[str]] = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"Ed25519"}),
    ("RSA", None): frozenset({"RS256", "PS256"}),
}
_RSA_BITS = range(2048, 8193)
_MOST_KEYS = 100
_REGISTRIES = {
    name: jws.JWSRegistry(algorithms=[name], strict_check_header=False)
    for name in ("ES256", "Ed25519", "RS256", "PS256")
}
_compact = json.JSONEncoder(separators=(",", ":")).encode
_ECDSA = ECDSA(SHA256())
_P256_BYTES = 32
_SEED = 64
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_KEY_WRAP, _CONTENT = "ECDH-ES+A256KW", "A256GCM"


class PrivateKey:
    """A key pair that signs; its `kid` is the RFC 7638 thumbprint."""

    def __init__(self, key: ECKey | OKPKey) -> None:
        self._key = key
        self.kid = str(key.thumbprint())
        self.algorithm: SigningAlgorithm = "ES256" if isinstance(key, ECKey) else "Ed25519"
        private = key.private_key
        self._ec = private if isinstance(private, EllipticCurvePrivateKey) else None
        self._heads: dict[str | None, bytes] = {}

    @classmethod
    def generate(cls, algorithm: SigningAlgorithm = "ES256") -> "PrivateKey":
        """A new key pair."""
        if algorithm == "ES256":
            return cls(ECKey.generate_key("P-256"))
        return cls(OKPKey.generate_key("Ed25519"))

    @classmethod
    def from_seed(cls, seed: bytes) -> "PrivateKey":
        """The P-256 key pair that 64 secret bytes stand for, the same wherever it is made."""
        if len(seed) != _SEED:
            raise ValueError("a seed must be 64 bytes")
        # Twice as many bits as the group has, so that the remainder is even.
        scalar = int.from_bytes(seed, "big") % (_P256_ORDER - 1) + 1
        return cls(ECKey.import_key(derive_private_key(scalar, SECP256R1())))

    @classmethod
    def from_bytes(cls, raw: bytes) -> "PrivateKey":
        """The key pair that `to_bytes` wrote."""
        found = json.loads(raw)
        return cls((ECKey if found["kty"] == "EC" else OKPKey).import_key(found))

    def to_bytes(self) -> bytes:
        """The whole key, private part included: seal it before it is kept."""
        return json.dumps(self._key.as_dict(private=True)).encode()

    def public_jwk(self) -> JsonObject:
        """The public JWK, ready for a JWK set."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, payload: bytes, typ: str | None = None) -> str:
        """A compact JWS over `payload`."""
        if self._ec is not None:
            return self._sign_es256(self._ec, payload, typ)
        return jws.serialize_compact(
            self._header(typ), payload, self._key, registry=_REGISTRIES[self.algorithm]
        )

    def _header(self, typ: str | None) -> dict[str, Any]:
        return {"alg": self.algorithm, "kid": self.kid} | ({"typ": typ} if typ else {})

    def _sign_es256(self, key: EllipticCurvePrivateKey, payload: bytes, typ: str | None) -> str:
        # Every requestable denial is signed: by way of the library it takes almost three times
        # as long as the signature itself. What comes out is the same form (RFC 7518, section 3.4).
        head = self._heads.get(typ)
        if head is None:
            head = _encoded(_compact(self._header(typ)).encode())
            self._heads[typ] = head
        signed = head + b"." + _encoded(payload)
        pair = decode_dss_signature(key.sign(signed, _ECDSA))
        signature = b"".join(number.to_bytes(_P256_BYTES, "big") for number in pair)
        return (signed + b"." + _encoded(signature)).decode()

    def sign_claims(self, claims: Mapping[str, Any], typ: str | None = None) -> str:
        """A signed JWT of `claims`."""
        return self.sign(_json_of(claims), typ)

    def decrypt(self, token: str) -> str:
        """The signed token inside a nested JWE; raises `BadToken`."""
        header = header_of(token, 5)
        if (header.get("alg"), header.get("enc")) != (_KEY_WRAP, _CONTENT) or "zip" in header:
            raise BadToken("the token is encrypted in a way that is not accepted here")
        if str(header.get("cty", "")).upper() != "JWT":
            raise BadToken("the encrypted token holds no signed token")
        try:
            opened = jwe.decrypt_compact(token, self._key, algorithms=[_KEY_WRAP, _CONTENT])
            return (opened.plaintext or b"").decode("ascii")
        except (JoseError, ValueError, TypeError):
            raise BadToken("the token cannot be decrypted") from None


class PublicKeys:
    """The keys of a JWK set that signatures are verified with; the others are left out.

    Left out are keys for encryption, MAC keys, keys of other kinds than the accepted algorithms
    use, and RSA keys of less than 2048 bits. Private members are not even looked at.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._keys: dict[str | None, list[tuple[frozenset[str], Key]]] = {}
        entries = document.get("keys")
        for entry in entries[:_MOST_KEYS] if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                self._take(entry)

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))

    def candidates(self, kid: str | None, algorithm: str) -> list[Key]:
        """The keys that a token may be signed with: those of its `kid`, or the only key there is."""
        if kid is None:
            found = [each for keys in self._keys.values() for each in keys]
            found = found if len(found) == 1 else []
        else:
            found = self._keys.get(kid, [])
        return [key for algorithms, key in found if algorithm in algorithms]

    def _take(self, entry: JsonObject) -> None:
        kid, usage = entry.get("kid"), entry.get("key_ops", ["verify"])
        if not (kid is None or isinstance(kid, str)) or entry.get("use", "sig") != "sig":
            return
        if not isinstance(usage, list) or "verify" not in usage:
            return
        try:
            algorithms, key = _imported(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            return
        if "alg" in entry:
            algorithms &= {entry["alg"]}
        if algorithms:
            self._keys.setdefault(kid, []).append((algorithms, key))


def verify(
    token: str,
    keys: PublicKeys,
    algorithms: Sequence[str],
    types: Collection[str | None] | None = None,
) -> JsonObject:
    """The claims of a compact JWS whose signature is good.

    Args:
        token: the compact serialisation.
        keys: the keys that are trusted for its issuer.
        algorithms: the only algorithms that are accepted.
        types: the accepted `typ` values in lower case, None for an absent one; not given: any.

    Raises:
        BadToken: the token is malformed, of another algorithm or type, or of none of these keys.
    """
    header = header_of(token, 3)
    algorithm = str(header.get("alg"))
    registry = _REGISTRIES.get(algorithm)
    if registry is None or algorithm not in algorithms:
        raise BadToken("the token's algorithm is not accepted here")
    if types is not None and type_of(header) not in types:
        raise BadToken("the token is of another type")
    claims = payload_of(token)
    for key in keys.candidates(header.get("kid"), algorithm):
        try:
            jws.deserialize_compact(token, key, registry=registry)
        except (JoseError, ValueError, TypeError):
            continue
        return claims
    raise BadToken("the token is signed with no key that is trusted here")


def encrypt(token: str, jwk: Mapping[str, Any]) -> str:
    """A signed token hidden from its bearer (nested JWE); raises `BadToken` for an unfit key."""
    try:
        if jwk.get("kty") != "EC" or jwk.get("use", "enc") != "enc":
            raise ValueError
        _, key = _imported(jwk)
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadToken("the reader's key cannot be used for encryption") from None
    header = {"alg": _KEY_WRAP, "enc": _CONTENT, "cty": "JWT"}
    if isinstance(jwk.get("kid"), str):
        header["kid"] = jwk["kid"]
    return jwe.encrypt_compact(header, token.encode(), key, algorithms=[_KEY_WRAP, _CONTENT])


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The RFC 7638 SHA-256 thumbprint of a public JWK; raises `BadToken` for an unfit one."""
    try:
        return str(_imported(jwk)[1].thumbprint())
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadToken("the key cannot be used here") from None


def _json_of(claims: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(claims)
    except orjson.JSONEncodeError:
        # Integers of more than 64 bits, and halves of characters.
        return _compact(claims).encode()


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _imported(jwk: Mapping[str, Any]) -> tuple[frozenset[str], Key]:
    """A public key and its algorithms; raises what an unfit key makes the library raise."""
    kind = jwk["kty"]
    public = {name: jwk[name] for name in _PUBLIC_MEMBERS[kind]}
    if kind == "RSA" and len(decoded(public["n"])) * 8 not in _RSA_BITS:
        raise ValueError("the RSA key is too small or too large")
    return _FAMILIES[kind, public.get("crv")], import_key({"kty": kind, **public})

"""Forged, confused and malformed tokens: none of them is believed."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pdp.trust.claims import BadToken, ExpiredToken, check_claims, check_times
from pdp.trust.jose import PrivateKey, PublicKeys, encrypt, thumbprint, verify

KEY = PrivateKey.generate()
OTHER = PrivateKey.generate()
EDWARDS = PrivateKey.generate("Ed25519")
RSA = rsa.generate_private_key(65537, 2048)
SMALL_RSA = rsa.generate_private_key(65537, 1024)
ALL = ["ES256", "RS256", "PS256", "Ed25519"]
NOW = 1_800_000_000
CLAIMS = {"iss": "https://as.example", "aud": "https://pdp.example", "exp": NOW + 60, "sub": "a"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), "kid": "rsa", **more}


KEYS = PublicKeys({"keys": [KEY.public_jwk(), EDWARDS.public_jwk(), rsa_jwk(RSA)]})
ONE = PublicKeys({"keys": [KEY.public_jwk()]})


def forged(header: Any, payload: Any, signature: bytes | str = b"x" * 64) -> str:
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload)]
    last = signature if isinstance(signature, str) else b64(signature)
    return ".".join([*map(b64, parts), last])


def signed_with(header: dict[str, Any], payload: Any = CLAIMS, key: PrivateKey = KEY) -> str:
    """A good ES256 signature over a header that `PrivateKey.sign` would never write."""
    signed = forged(header, payload, "").rstrip(".")
    private = ec.derive_private_key(
        int.from_bytes(base64.urlsafe_b64decode(json.loads(key.to_bytes())["d"] + "=="), "big"),
        ec.SECP256R1(),
    )
    r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(SHA256())))
    return signed + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def rsa_signed(algorithm: str, header: dict[str, Any] | None = None) -> str:
    head = {"alg": algorithm, "kid": "rsa"} if header is None else header
    signed = forged(head, CLAIMS, "").rstrip(".")
    pad: Any = padding.PKCS1v15()
    if algorithm == "PS256":
        pad = padding.PSS(padding.MGF1(SHA256()), 32)
    return signed + "." + b64(RSA.sign(signed.encode(), pad, SHA256()))


def refused(token: str, keys: PublicKeys = KEYS, algorithms: list[str] = ALL, **more: Any) -> str:
    with pytest.raises(BadToken) as fault:
        verify(token, keys, algorithms, **more)
    text = str(fault.value)
    assert len(token) < 9 or token not in text
    assert not [part for part in token.split(".") if len(part) > 8 and part in text]
    return text


@pytest.mark.requirement("ARAP-083")
@pytest.mark.parametrize("key", [KEY, EDWARDS], ids=["ES256", "Ed25519"])
def test_a_token_signed_with_a_known_key_is_believed(key: PrivateKey) -> None:
    assert verify(key.sign_claims(CLAIMS), KEYS, ALL) == CLAIMS


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_rsa_signatures_are_verified(algorithm: str) -> None:
    assert verify(rsa_signed(algorithm), KEYS, ALL) == CLAIMS


@pytest.mark.requirement("ARAP-082")
@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, 0, ["ES256"], {}])
@pytest.mark.parametrize("signature", [b"", b"x"])
def test_a_token_without_signature_is_refused(name: Any, signature: bytes) -> None:
    refused(forged({"alg": name, "kid": KEY.kid}, CLAIMS, signature))


@pytest.mark.requirement("ARAP-082")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_mac_made_with_a_public_key_is_refused(algorithm: str) -> None:
    public = RSA.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secrets = [pem, pem.strip(), json.dumps(KEY.public_jwk()).encode(), KEY.kid.encode(), b""]
    for kid in (KEY.kid, "rsa"):
        signed = forged({"alg": algorithm, "kid": kid}, CLAIMS, "").rstrip(".")
        for secret in secrets:
            mac = hmac.new(secret, signed.encode(), "sha" + algorithm[2:]).digest()
            refused(signed + "." + b64(mac))
            refused(signed + "." + b64(mac), algorithms=[*ALL, algorithm])


@pytest.mark.requirement("ARAP-082")
def test_a_key_of_somebody_else_is_refused_also_under_our_kid() -> None:
    refused(OTHER.sign_claims(CLAIMS))
    refused(signed_with({"alg": "ES256", "kid": KEY.kid}, key=OTHER))


@pytest.mark.parametrize("name", ["jwk", "x5c", "jku", "x5u"])
def test_a_key_that_the_token_brings_itself_is_never_used(name: str) -> None:
    brought: Any = {
        "jwk": OTHER.public_jwk(),
        "x5c": ["MIIB"],
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x.pem",
    }[name]
    refused(signed_with({"alg": "ES256", "kid": OTHER.kid, name: brought}, key=OTHER))
    refused(signed_with({"alg": "ES256", "kid": KEY.kid, name: brought}, key=OTHER))


@pytest.mark.requirement("ARAP-084")
@pytest.mark.parametrize(
    "kid",
    ["../../etc/passwd", "/dev/null", "' OR 1=1 --", "\x00", "", "%00", "é", "a" * 400, "rsa"],
)
def test_a_kid_is_only_ever_looked_up(kid: str) -> None:
    refused(signed_with({"alg": "ES256", "kid": kid}))


@pytest.mark.parametrize("kid", [None, 1, True, ["rsa"], {"kid": "rsa"}])
def test_a_kid_that_is_not_a_string_is_refused(kid: Any) -> None:
    assert "`kid` is not a string" in refused(signed_with({"alg": "ES256", "kid": kid}))


def test_without_kid_only_the_one_key_of_a_set_may_be_meant() -> None:
    token = signed_with({"alg": "ES256"})
    assert verify(token, ONE, ALL) == CLAIMS
    refused(token)
    refused(token, PublicKeys({"keys": []}))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"crit": ["x"], "x": 1},
    ],
)
def test_critical_headers_are_refused(header: dict[str, Any]) -> None:
    token = signed_with({"alg": "ES256", "kid": KEY.kid, **header})
    assert "critical" in refused(token)


def test_unknown_headers_are_ignored() -> None:
    token = signed_with({"alg": "ES256", "kid": KEY.kid, "pi.atm": "1", "nonce": "n"})
    assert verify(token, KEYS, ALL) == CLAIMS


def test_only_pinned_algorithms_are_accepted() -> None:
    refused(KEY.sign_claims(CLAIMS), algorithms=["RS256"])
    refused(rsa_signed("PS256"), algorithms=["RS256"])
    refused(KEY.sign_claims(CLAIMS), algorithms=[])


def test_a_key_is_used_only_for_its_own_algorithm() -> None:
    keys = PublicKeys({"keys": [rsa_jwk(RSA, alg="RS256")]})
    assert verify(rsa_signed("RS256"), keys, ALL) == CLAIMS
    refused(rsa_signed("PS256"), keys)
    refused(rsa_signed("RS256", {"alg": "RS256", "kid": KEY.kid}))
    refused(signed_with({"alg": "ES256", "kid": "rsa"}))
    refused(signed_with({"alg": "Ed25519", "kid": KEY.kid}))


@pytest.mark.parametrize(
    "jwk",
    [
        rsa_jwk(SMALL_RSA),
        rsa_jwk(RSA, use="enc"),
        rsa_jwk(RSA, key_ops=["encrypt"]),
        rsa_jwk(RSA, key_ops="verify"),
        rsa_jwk(RSA, alg="HS256"),
        rsa_jwk(RSA, kid=7),
        {**rsa_jwk(RSA), "e": "AQ"},
        {**rsa_jwk(RSA), "n": ""},
        {**rsa_jwk(RSA), "n": 5},
        {"kty": "RSA", "kid": "rsa"},
        {"kty": "oct", "kid": "rsa", "k": b64(b"secret" * 6)},
        {"kty": "EC", "crv": "P-384", "kid": "rsa", "x": b64(b"1" * 48), "y": b64(b"2" * 48)},
        {"kty": "EC", "crv": "P-256", "kid": "rsa", "x": b64(b"1" * 32), "y": b64(b"2" * 32)},
        {"kty": "OKP", "crv": "X25519", "kid": "rsa", "x": b64(b"1" * 32)},
        {"kty": "??", "kid": "rsa"},
        {"kid": "rsa"},
        None,
        "rsa",
    ],
)
def test_keys_that_do_not_fit_are_left_out(jwk: Any) -> None:
    keys = PublicKeys({"keys": [jwk, KEY.public_jwk()]})
    assert len(keys) == 1
    refused(rsa_signed("RS256"), keys)
    assert verify(KEY.sign_claims(CLAIMS), keys, ALL) == CLAIMS


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}])
def test_a_document_without_keys_trusts_nobody(document: dict[str, Any]) -> None:
    assert len(PublicKeys(document)) == 0


def test_a_private_key_published_by_mistake_is_only_used_as_a_public_one() -> None:
    private = {**json.loads(KEY.to_bytes()), "kid": KEY.kid}
    assert verify(KEY.sign_claims(CLAIMS), PublicKeys({"keys": [private]}), ALL) == CLAIMS


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":"a","iss":"b"}',
        b'{"aud":"x","exp":1,"aud":"y"}',
        b'{"a":NaN}',
        b'{"a":1e400}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'"text"',
        b"[]",
        b"1",
        b"{",
        b'{"a":1} {}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)
def test_claims_that_two_parsers_could_read_differently_are_refused(payload: bytes) -> None:
    refused(signed_with({"alg": "ES256", "kid": KEY.kid}, payload))


def test_a_header_with_a_duplicate_member_is_refused() -> None:
    header = b'{"alg":"none","alg":"ES256","kid":"' + KEY.kid.encode() + b'"}'
    refused(forged(header, CLAIMS))


def test_every_flipped_character_makes_a_token_worthless() -> None:
    token = KEY.sign_claims({"a": 1})
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at, was in enumerate(token):
        if was == ".":
            continue
        for step in (1, 2, 16, 63):
            other = alphabet[(alphabet.index(was) + step) % 64]
            refused(token[:at] + other + token[at + 1 :], ONE)


@pytest.mark.parametrize("mark", [" ", "\n", "=", "==", "+", "/", "é", "\x00", "."])
def test_a_token_has_one_spelling(mark: str) -> None:
    token = KEY.sign_claims(CLAIMS)
    for changed in (token + mark, mark + token, token.replace(".", mark + ".", 1)):
        refused(changed, ONE)


@given(st.text(max_size=60))
def test_arbitrary_text_is_refused(text: str) -> None:
    refused(text)


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=70))
def test_arbitrary_parts_are_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    refused(forged(header, payload, signature))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "a..c", "." * 50_000])
def test_text_of_another_form_is_refused(token: str) -> None:
    refused(token)


def test_a_huge_token_is_refused_before_it_is_read() -> None:
    assert "too long" in refused(KEY.sign_claims({"a": "x" * 40_000}))


@pytest.mark.parametrize(
    ("typ", "types", "good"),
    [
        (None, {None}, True),
        ("at+jwt", {"at+jwt"}, True),
        ("application/at+jwt", {"at+jwt"}, True),
        ("AT+JWT", {"at+jwt"}, True),
        ("logout+jwt", {"at+jwt"}, False),
        (None, {"at+jwt"}, False),
        ("JWT", {None}, False),
        ("dpop+jwt", {None, "jwt", "at+jwt"}, False),
    ],
)
def test_a_token_of_one_type_is_not_taken_for_another(
    typ: str | None, types: set[str | None], good: bool
) -> None:
    token = KEY.sign_claims(CLAIMS, typ)
    if good:
        assert verify(token, KEYS, ALL, types) == CLAIMS
    else:
        assert "another type" in refused(token, types=types)


def checked(now: float = NOW, audience: str = "https://pdp.example", **changes: Any) -> None:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    check_claims(claims, issuer="https://as.example", audience=audience, now=now, required=["sub"])


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": "https://as.example/"},
        {"iss": "HTTPS://AS.EXAMPLE"},
        {"iss": ["https://as.example"]},
        {"iss": None},
        {"iss": ...},
        {"aud": ...},
        {"aud": None},
        {"aud": []},
        {"aud": ""},
        {"aud": "https://other.example"},
        {"aud": "https://pdp.example.evil.example"},
        {"aud": ["https://other.example"]},
        {"aud": ["https://other.example"], "azp": "https://pdp.example"},
        {"aud": {"https://pdp.example": 1}},
        {"aud": [["https://pdp.example"]]},
        {"sub": ...},
        {"sub": ""},
        {"exp": ...},
        {"exp": None},
        {"exp": str(NOW + 60)},
        {"exp": True},
        {"exp": [NOW + 60]},
        {"exp": 1e300},
        {"exp": -1},
        {"nbf": NOW + 31},
        {"nbf": "0"},
        {"nbf": None},
        {"iat": NOW + 31},
        {"iat": {}},
    ],
)
def test_claims_of_another_issuer_audience_or_time_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadToken) as fault:
        checked(**changes)
    assert not isinstance(fault.value, ExpiredToken)


@pytest.mark.requirement("ARAP-086")
def test_an_audience_may_be_one_of_several_whatever_azp_says() -> None:
    checked(aud=["https://other.example", "https://pdp.example"], azp="https://other.example")


@pytest.mark.requirement("ARAP-108")
@pytest.mark.requirement("ARAP-109")
def test_expiry_is_kept_to_the_tolerance() -> None:
    checked(now=NOW + 60 + 29)
    with pytest.raises(ExpiredToken):
        checked(now=NOW + 60 + 30)
    checked(nbf=NOW + 30, iat=NOW + 30)


def test_binding_faults_come_before_expiry() -> None:
    with pytest.raises(BadToken) as fault:
        checked(now=NOW + 10_000, aud="https://other.example")
    assert not isinstance(fault.value, ExpiredToken)


def test_a_token_may_last_for_ever_only_where_that_is_asked_for() -> None:
    check_times({}, NOW, require_exp=False)
    with pytest.raises(BadToken):
        check_times({}, NOW)


@pytest.mark.requirement("ARAP-050")
def test_an_encrypted_token_shows_nothing_and_opens_for_its_reader_only() -> None:
    inner = KEY.sign_claims({"secret": "hidden-from-the-bearer"})
    token = encrypt(inner, {**OTHER.public_jwk(), "use": "enc", "alg": "ECDH-ES+A256KW"})
    seen = b"".join(base64.urlsafe_b64decode(part + "===") for part in token.split("."))
    assert b"hidden" not in seen
    assert OTHER.decrypt(token) == inner
    with pytest.raises(BadToken):
        KEY.decrypt(token)


def test_an_encrypted_token_that_was_changed_does_not_open() -> None:
    token = encrypt(KEY.sign_claims(CLAIMS), {**OTHER.public_jwk(), "use": "enc"})
    parts = token.split(".")
    for at in range(1, 5):
        changed = [*parts]
        changed[at] = b64(bytes([base64.urlsafe_b64decode(parts[at] + "===")[0] ^ 1])) + "AAA"
        with pytest.raises(BadToken):
            OTHER.decrypt(".".join(changed))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM", "cty": "JWT"},
        {"alg": "RSA1_5", "enc": "A256GCM", "cty": "JWT"},
        {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "cty": "JWT", "p2c": 10**9},
        {"alg": "ECDH-ES+A256KW", "enc": "A128CBC-HS256", "cty": "JWT"},
        {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "JWT", "zip": "DEF"},
        {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"},
        {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "JWT"},
        {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "JWT", "crit": ["exp"]},
    ],
)
def test_other_ways_of_encryption_are_refused(header: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        OTHER.decrypt(".".join([b64(json.dumps(header).encode()), "AAAA", "AAAA", "AAAA", "AAAA"]))


@pytest.mark.parametrize("jwk", [{}, {"kty": "oct", "k": "AAAA"}, rsa_jwk(RSA), KEY.public_jwk()])
def test_a_key_not_meant_for_encryption_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        encrypt(KEY.sign_claims(CLAIMS), jwk)


def test_thumbprints_are_those_of_rfc_7638() -> None:
    members = {name: KEY.public_jwk()[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    expected = b64(hashlib.sha256(canonical.encode()).digest())
    assert thumbprint(KEY.public_jwk()) == KEY.kid == expected
    with pytest.raises(BadToken):
        thumbprint({"kty": "oct", "k": "AAAA"})

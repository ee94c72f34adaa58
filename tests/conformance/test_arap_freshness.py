"""ARAP: the signature, the audience and the moments of a denial, seen from outside."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pdp.core.binding import binding_hash
from pdp.core.values import JsonObject
from pdp.settings import SettingsError
from pdp.settings.load import load_settings
from pdp.trust.jose import PrivateKey
from tests.access_request.world import ALICE, BASE, MINUTE, NOW, Pdp, question, serving
from tests.conformance.test_arap_binding import having, only, refused

EAST = "https://east.example"
ARS = f"{BASE}/access/v1/requests"
KEY, STRANGER = PrivateKey.generate(), PrivateKey.generate()
ECHOED = 5 * MINUTE


def moment(delay: timedelta) -> str:
    """A moment of the test as RFC 3339."""
    return (NOW + delay).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(delay: timedelta) -> int:
    """A moment of the test as a NumericDate."""
    return int((NOW + delay).timestamp())


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP that takes the denials of another, whose key the test holds."""
    keys = tmp_path / "east.json"
    keys.write_text(json.dumps({"keys": [KEY.public_jwk()]}))
    trusted = [{"issuer": EAST, "jwks_file": keys}]
    with serving(f"sqlite:///{tmp_path}/pdp.db", trusted_pdps=trusted) as found:
        yield found


def claims(**more: Any) -> JsonObject:
    """What the other PDP signs; `...` takes a claim away."""
    asked = question("manager-1")
    whole = {
        "iss": EAST,
        "aud": ARS,
        "iat": seconds(timedelta(0)),
        "exp": seconds(ECHOED),
        "jti": "bt-1",
        "denial_expires_at": moment(ECHOED),
        "binding_context_members": [],
        "binding_hash": binding_hash(ALICE, asked["resource"], asked["action"], {}, []),
        "template": "manager",
        **more,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def body(token: str) -> JsonObject:
    """A submission with that token."""
    denial = {"binding_token": token, "expires_at": moment(ECHOED)}
    return question("manager-1") | {"denial": denial}


def part(value: Any) -> str:
    """A part of a compact JWS."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.requirement("ARAP-082")
def test_only_a_signature_of_the_pdp_counts(pdp: Pdp) -> None:
    header, payload, signature = KEY.sign_claims(claims()).split(".")
    named = json.loads(base64.urlsafe_b64decode(header + "=="))
    mac = part(named | {"alg": "HS256"}) + "." + payload
    secret = json.dumps(KEY.public_jwk()).encode()
    for forged in (
        STRANGER.sign_claims(claims()),
        part({"alg": "none"}) + f".{payload}.",
        part(named | {"alg": "none"}) + f".{payload}.{signature}",
        mac + "." + part(hmac.digest(secret, mac.encode(), hashlib.sha256)),
        part(named | {"jwk": STRANGER.public_jwk()}) + "."
        + STRANGER.sign_claims(claims()).split(".", 1)[1],
        f"{header}.{part(claims(template='second'))}.{signature}",
    ):  # fmt: skip
        refused(pdp.submit(body(forged)))
    assert pdp.submit(body(f"{header}.{payload}.{signature}")).status_code == 202


@pytest.mark.requirement("ARAP-085")
@pytest.mark.requirement("ARAP-086")
@pytest.mark.parametrize("audience", [..., "", [], "https://west.example", ["https://a.example"]])
def test_a_token_for_somebody_else_is_refused(pdp: Pdp, audience: Any) -> None:
    refused(pdp.submit(body(KEY.sign_claims(claims(aud=audience)))))


@pytest.mark.requirement("ARAP-086")
def test_an_audience_may_be_one_of_several(pdp: Pdp) -> None:
    token = KEY.sign_claims(claims(aud=["https://west.example", ARS]))
    assert pdp.submit(body(token)).status_code == 202


@pytest.mark.requirement("ARAP-087")
@pytest.mark.requirement("ARAP-088")
@pytest.mark.requirement("ARAP-089")
@pytest.mark.requirement("ARAP-090")
@pytest.mark.requirement("ARAP-091")
@pytest.mark.requirement("ARAP-092")
@pytest.mark.requirement("ARAP-093")
@pytest.mark.parametrize(
    ("exp", "protected", "after", "outcome"),
    [
        (5, 5, 4, "accepted"),
        (5, 5, 6, "expired_denial"),
        (2, 5, 3, "expired_denial"),
        (9, 5, 6, "expired_denial"),
        (9, 5, 4, "accepted"),
        (9, 7, 1, "invalid_denial_binding"),
        (5, 4, 1, "invalid_denial_binding"),
        (5, None, 4, "accepted"),
        (3, None, 2, "accepted"),
        (3, None, 4, "expired_denial"),
        (9, None, 1, "invalid_denial_binding"),
        (None, None, 1, "invalid_denial_binding"),
        # What is not bound is not said to be over.
        (9, 7, 30, "invalid_denial_binding"),
    ],
)
def test_until_when_a_denial_is_good(
    pdp: Pdp, exp: int | None, protected: int | None, after: int, outcome: str
) -> None:
    signed = claims(
        exp=... if exp is None else seconds(exp * MINUTE),
        denial_expires_at=... if protected is None else moment(protected * MINUTE),
    )
    pdp.now += after * MINUTE
    reply = pdp.submit(body(KEY.sign_claims(signed)))
    if outcome == "accepted":
        assert reply.status_code == 202, reply.text
    else:
        refused(reply, outcome, 410 if outcome == "expired_denial" else 400)


@pytest.mark.requirement("ARAP-109")
def test_clocks_may_differ_by_half_a_minute(pdp: Pdp) -> None:
    pdp.now += ECHOED + timedelta(seconds=29)
    assert pdp.submit(body(KEY.sign_claims(claims()))).status_code == 202
    pdp.now += timedelta(seconds=2)
    late = pdp.submit(body(KEY.sign_claims(claims(jti="bt-2"))))
    refused(late, "expired_denial", 410)


@pytest.mark.requirement("ARAP-108")
def test_the_tolerance_is_at_most_a_minute(tmp_path: Path) -> None:
    file = tmp_path / "pdp.toml"
    file.write_text(f'base_url = "{BASE}"\n[access_requests]\nclock_skew = "61s"\n', "utf-8")
    with pytest.raises(SettingsError, match="clock_skew"):
        load_settings(file, environment={})
    with serving(f"sqlite:///{tmp_path}/pdp.db", access_requests={"clock_skew": "0s"}) as strict:
        asked = strict.denied("manager-1")
        strict.now += 10 * MINUTE + timedelta(seconds=1)
        refused(strict.submit(asked), "expired_denial", 410)


@pytest.mark.requirement("ARAP-113")
def test_a_later_end_is_not_believed_without_a_token(pdp: Pdp) -> None:
    asked = only(pdp.denied("manager-1"), "evaluation_id")
    ends = datetime.fromisoformat(asked["denial"]["expires_at"]) + 60 * MINUTE
    longer = having(asked, "denial.expires_at", ends.isoformat())
    pdp.now += 11 * MINUTE
    refused(pdp.submit(longer), "expired_denial", 410)


@pytest.mark.requirement("ARAP-114")
def test_an_earlier_end_does_not_shorten_what_was_recorded(pdp: Pdp) -> None:
    asked = only(pdp.denied("manager-1"), "evaluation_id")
    pdp.now += 5 * MINUTE
    assert pdp.submit(having(asked, "denial.expires_at", moment(MINUTE))).status_code == 202

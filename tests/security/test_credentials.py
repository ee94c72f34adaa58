"""Credentials: what is let in, what is refused and how, and that none is ever shown."""

import asyncio
import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.demo import DEMO_CLIENTS
from pdp.errors import Problem
from pdp.settings import Settings
from pdp.trust.callers import Authenticator, Caller
from pdp.trust.credentials import KEY_PREFIX, new_client_key
from pdp.trust.jose import PrivateKey

KEY = "a-key-with-256-bits-of-nothing-special"
REALM = 'Bearer realm="authzen-pdp"'


class Client(NamedTuple):
    id: str
    key_sha256: str
    roles: tuple[str, ...] = ("pep",)
    acts_for: tuple[str, ...] = ("*",)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def known(**more: Any) -> Authenticator:
    return Authenticator([Client("pep-1", digest(KEY))], **more)


def refusal(work: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as fault:
        work()
    assert fault.value.status == 401
    assert fault.value.headers["WWW-Authenticate"].startswith(REALM)
    return fault.value


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_a_known_key_is_let_in(scheme: str) -> None:
    caller = known().authenticate(f"{scheme} {KEY}".encode())
    assert caller is not None
    assert (caller.id, caller.kind) == ("pep-1", "client")
    assert caller.facts == {"id": "pep-1", "roles": ["pep"], "kind": "client"}


@pytest.mark.requirement("ARAP-052")
@pytest.mark.requirement("ARAP-053")
def test_without_a_credential_the_challenge_has_no_error_code() -> None:
    fault = refusal(lambda: known().authenticate(None))
    assert fault.headers["WWW-Authenticate"] == REALM


@pytest.mark.parametrize(
    "header", [b"Basic dXNlcjpwYXNz", b"DPoP x", b"", b"Bearerx y", b" Bearer x"]
)
def test_another_scheme_gets_the_bare_challenge(header: bytes) -> None:
    fault = refusal(lambda: known().authenticate(header))
    assert fault.headers["WWW-Authenticate"] == REALM


@pytest.mark.parametrize("header", [b"Bearer", b"Bearer ", b"Bearer a b", b"Bearer a,Bearer b"])
def test_a_malformed_credential_is_said_to_be_one(header: bytes) -> None:
    fault = refusal(lambda: known().authenticate(header))
    assert 'error="invalid_request"' in fault.headers["WWW-Authenticate"]


@pytest.mark.requirement("ARAP-053")
@pytest.mark.parametrize(
    "credential",
    [KEY[:-1], KEY + "x", KEY.upper(), digest(KEY), "a.b.c", "pep-1", "\x00", "é", "x" * 100_000],
)
def test_an_unknown_credential_is_an_invalid_token(credential: str) -> None:
    fault = refusal(lambda: known().authenticate(f"Bearer {credential}".encode()))
    assert 'error="invalid_token"' in fault.headers["WWW-Authenticate"]


@given(st.binary(max_size=200))
def test_any_header_is_answered_with_a_caller_or_a_401(header: bytes) -> None:
    refusal(lambda: known().authenticate(header))


def test_an_empty_key_is_nobodys() -> None:
    empty = Authenticator([Client("a", digest(""))])
    for header in (b"Bearer ", b"Bearer", b"Bearer    "):
        refusal(lambda: empty.authenticate(header))  # noqa: B023


def test_clients_of_the_database_come_and_go() -> None:
    authenticator = known()
    authenticator.use_stored([Client("pep-2", digest("two"))])
    caller = authenticator.authenticate(b"Bearer two")
    assert caller is not None and caller.id == "pep-2"
    authenticator.use_stored([])
    refusal(lambda: authenticator.authenticate(b"Bearer two"))
    assert authenticator.authenticate(f"Bearer {KEY}".encode()) is not None


def test_a_configured_client_wins_over_a_stored_one_of_its_name() -> None:
    authenticator = known()
    authenticator.use_stored([Client("pep-1", digest("theirs"), ("admin",))])
    refusal(lambda: authenticator.authenticate(b"Bearer theirs"))
    caller = authenticator.authenticate(f"Bearer {KEY}".encode())
    assert caller is not None and caller.roles == frozenset({"pep"})


def test_new_keys_are_long_random_and_recognisable() -> None:
    made = {new_client_key() for _ in range(100)}
    assert len(made) == 100
    assert all(key.startswith(KEY_PREFIX) and len(key) == len(KEY_PREFIX) + 43 for key in made)
    assert all("." not in key for key in made)


def from_settings(**more: Any) -> Authenticator:
    return Authenticator.from_settings(Settings(**more))


def test_the_demo_clients_are_known_in_the_demo_only() -> None:
    header = f"Bearer {DEMO_CLIENTS[0].key}".encode()
    assert from_settings(demo=True).authenticate(header) is not None
    real = from_settings(base_url="https://pdp.example.com")
    refusal(lambda: real.authenticate(header))


@pytest.mark.parametrize(
    ("demo", "expected"),
    [(True, {"pep", "as", "approver_proxy", "admin", "auditor"}), (False, {"pep", "as"})],
)
def test_authentication_that_is_off_makes_an_administrator_only_in_the_demo(
    demo: bool, expected: set[str]
) -> None:
    authenticator = from_settings(
        demo=demo,
        base_url="http://127.0.0.1:8181" if demo else "https://pdp.example.com",
        authentication={"required": False},
    )
    caller = authenticator.authenticate(None)
    assert caller is not None
    assert (caller.kind, caller.roles == expected) == ("anonymous", True)
    refusal(lambda: authenticator.authenticate(b"Bearer wrong"))


NOW = 1_800_000_000
SIGNER = PrivateKey.generate()
CLAIMS = {
    "iss": "https://as.example",
    "aud": "https://pdp.example.com",
    "sub": "svc",
    "client_id": "svc",
    "jti": "1",
    "iat": NOW,
    "exp": NOW + 600,
    "scope": "pdp:pep",
}


@pytest.fixture
def with_issuer(tmp_path: Path) -> Authenticator:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [SIGNER.public_jwk()]}))
    issuer = {"issuer": "https://as.example", "audience": "https://pdp.example.com"}
    settings = Settings(
        base_url="https://pdp.example.com",
        issuers=[{**issuer, "jwks_file": tmp_path / "jwks.json"}],
    )
    return Authenticator.from_settings(settings, lambda: float(NOW))


def bearer(**changes: Any) -> bytes:
    return f"Bearer {SIGNER.sign_claims(CLAIMS | changes, 'at+jwt')}".encode()


def slow(authenticator: Authenticator, header: bytes) -> Caller:
    return asyncio.run(authenticator.authenticate_slow(header))


@pytest.mark.requirement("ARAP-054")
def test_a_token_is_verified_once_and_then_known(with_issuer: Authenticator) -> None:
    header = bearer()
    assert with_issuer.authenticate(header) is None
    caller = slow(with_issuer, header)
    assert (caller.id, caller.kind, caller.client_id) == ("https://as.example#svc", "token", "svc")
    assert with_issuer.authenticate(header) is caller


def test_a_key_and_a_token_can_both_be_used(with_issuer: Authenticator) -> None:
    with_issuer.use_stored([Client("pep-1", digest("dotted.key.here"))])
    caller = with_issuer.authenticate(b"Bearer dotted.key.here")
    assert caller is not None and caller.id == "pep-1"
    refusal(lambda: with_issuer.authenticate(b"Bearer no-token"))


@pytest.mark.parametrize(
    "changes", [{"aud": "https://other"}, {"exp": NOW - 31}, {"iss": "https://other"}, {"cnf": {}}]
)
def test_a_refused_token_is_not_remembered(
    with_issuer: Authenticator, changes: dict[str, Any]
) -> None:
    header = bearer(**changes)
    for _ in range(2):
        assert with_issuer.authenticate(header) is None
        fault = refusal(lambda: slow(with_issuer, header))
        assert 'error="invalid_token"' in fault.headers["WWW-Authenticate"]


def secrets_of(header: bytes) -> list[str]:
    text = header.decode()
    parts = [part for part in re.split(r"[ .]", text) if len(part) > 12]
    return [text.partition(" ")[2], *parts]


@pytest.mark.parametrize(
    "header",
    [
        b"Bearer not-a-known-client-key-0123456789",
        b"Basic not-a-known-client-key-0123456789",
        b"Bearer not-a-known-client-key-0123456789 twice",
        bearer(aud="https://other"),
        bearer(exp=1),
        bearer(act="not-an-actor-chain"),
        bearer()[:-8],
        b"Bearer " + base64.b64encode(b"0123456789012") + b".payload-of-a-token.signature-of-it",
    ],
)
def test_no_refusal_or_log_repeats_a_credential(
    with_issuer: Authenticator, header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def attempt() -> None:
        if with_issuer.authenticate(header) is None:
            slow(with_issuer, header)

    fault = refusal(attempt)
    shown = f"{fault} {fault.document()} {fault.headers} {caplog.text} {fault.__cause__}"
    for secret in secrets_of(header):
        assert secret not in shown


def test_nothing_here_shows_a_key_when_it_is_printed(with_issuer: Authenticator) -> None:
    authenticator = known()
    caller = authenticator.authenticate(f"Bearer {KEY}".encode())
    shown = repr(authenticator) + repr(caller) + repr(vars(authenticator))
    assert KEY not in shown
    private = json.loads(SIGNER.to_bytes())["d"]
    assert private not in repr(SIGNER) + str(SIGNER) + json.dumps(SIGNER.public_jwk())


def test_the_sources_of_trust_write_no_log_and_print_nothing() -> None:
    root = Path(__file__).parents[2] / "pdp"
    for folder in ("trust", "settings"):
        for source in (root / folder).glob("*.py"):
            text = source.read_text("utf-8")
            assert not re.search(r"\bprint\(|\blogging\b|getLogger", text), source.name

"""Transaction challenges of registered resources."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from pdp.deferral.txn_challenge import CHALLENGE_TYPE
from pdp.trust.jose import PrivateKey
from tests.access_request.world import ALICE, NOW
from tests.deferral.world import AGENT, BOUND, Server, detail, oauth_serving

ISSUER = "https://bank.example"
AUDIENCE = "https://as.example"
KEY, STRANGER = PrivateKey.generate(), PrivateKey.generate()


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A PDP that knows one resource."""
    keys = tmp_path / "bank.jwks"
    keys.write_text(json.dumps({"keys": [KEY.public_jwk()]}), "utf-8")
    resource = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": keys}
    with oauth_serving(database_url, resources=[resource]) as found:
        yield found


def challenge(key: PrivateKey = KEY, typ: str = CHALLENGE_TYPE, **claims: Any) -> str:
    """What a resource signs."""
    now = int(NOW.timestamp())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": "c-1",
        "iat": now,
        "exp": now + 300,
        "txn": "txn-4711",
        "authorization_details": detail("manager-1"),
    }
    given = {name: value for name, value in (said | claims).items() if value is not None}
    return key.sign_claims(given, typ)


def body(token: str, who: JsonObject = AGENT) -> JsonObject:
    return {"client": who, "subject": ALICE, "transaction_challenge": token}


@pytest.mark.requirement("AROP-065", "AROP-063", "AROP-067")
def test_a_challenge_is_waited_for_like_a_deferral(server: Server) -> None:
    reply = server.post("/transaction-challenges", body(challenge()))
    assert reply.status_code == 200, reply.text
    code = reply.json()["transaction_authorization_id"]
    asked = {"transaction_authorization_id": code, "client": AGENT}
    pending = server.post("/transaction-challenges/poll", asked)
    assert pending.json()["error"] == "authorization_pending"
    server.approve()
    granted = server.post("/transaction-challenges/poll", asked).json()
    assert granted["outcome"] == "permit"
    assert granted["txn"] == "txn-4711"
    assert granted["authorization_details"] == detail("manager-1")
    again = server.post("/transaction-challenges/poll", asked)
    assert again.json()["error"] == "invalid_grant"


def test_what_policy_allows_is_permitted_at_once(server: Server) -> None:
    token = challenge(authorization_details=detail("free-1"))
    reply = server.post("/transaction-challenges", body(token))
    assert reply.json()["outcome"] == "permit"


@pytest.mark.requirement("AROP-067")
def test_policy_refuses_whatever_the_resource_found(server: Server) -> None:
    token = challenge(authorization_details=detail("unknown"))
    reply = server.post("/transaction-challenges", body(token))
    assert reply.json()["error"] == "invalid_authorization_details"


@pytest.mark.requirement("AROP-066")
@pytest.mark.parametrize(
    "token",
    [
        challenge(STRANGER),
        challenge(typ="at+jwt"),
        challenge(iss="https://other.example"),
        challenge(aud="https://elsewhere.example"),
        challenge(exp=int(NOW.timestamp()) - 60),
        challenge(exp=None),
        challenge(jti=None),
        challenge(jti=7),
        challenge(txn=None),
        challenge(authorization_details=None),
        challenge(authorization_details={}),
        challenge()[:-4] + "AAAA",
        "no.token",
        "",
    ],
    ids=range(14),
)
def test_a_challenge_that_is_not_good_is_refused(server: Server, token: str) -> None:
    reply = server.post("/transaction-challenges", body(token))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request"), reply.text
    assert server.kept() == []


def test_a_challenge_is_taken_once(server: Server) -> None:
    token = challenge()
    assert server.post("/transaction-challenges", body(token)).status_code == 200
    again = server.post("/transaction-challenges", body(token))
    assert again.json()["error_description"] == "`transaction_challenge` was used before"
    repeated = challenge(jti="c-2")
    first = server.post("/transaction-challenges", body(repeated), idempotency_key="k")
    second = server.post("/transaction-challenges", body(repeated), idempotency_key="k")
    assert first.json() == second.json()


def test_a_challenge_for_a_key_needs_that_key(server: Server) -> None:
    token = challenge(cnf={"jkt": BOUND["jkt"]})
    reply = server.post("/transaction-challenges", body(token))
    assert reply.json()["error"] == "invalid_dpop_proof"
    assert server.post("/transaction-challenges", body(token, BOUND)).status_code == 200

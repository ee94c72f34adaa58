"""Access tokens against a real key server, from the settings to the caller."""

import asyncio
import json

import pytest

from pdp.errors import Problem
from pdp.settings import Settings
from pdp.trust.callers import Authenticator
from pdp.trust.jose import PrivateKey
from tests.security.local_servers import LocalServer, Received, Reply

NOW = 1_800_000_000
OLD, NEW = PrivateKey.generate(), PrivateKey.generate("Ed25519")
CLAIMS = {
    "iss": "https://as.example",
    "aud": "https://pdp.example",
    "sub": "svc",
    "client_id": "c",
    "jti": "1",
    "iat": NOW,
    "exp": NOW + 600,
}


def settings(uri: str) -> Settings:
    issuer = {"issuer": "https://as.example", "audience": "https://pdp.example", "jwks_uri": uri}
    return Settings.model_validate({"base_url": "https://pdp.example", "issuers": [issuer]})


def header(key: PrivateKey) -> bytes:
    return f"Bearer {key.sign_claims(CLAIMS, 'at+jwt')}".encode()


@pytest.mark.requirement("ARAP-009")
def test_keys_are_fetched_from_the_issuer_and_followed_through_a_rotation() -> None:
    published = [OLD]

    def answer(request: Received) -> Reply:
        document = {"keys": [key.public_jwk() for key in published]}
        return Reply(200, json.dumps(document).encode(), (("cache-control", "max-age=900"),))

    async def rotated(authenticator: Authenticator) -> list[str]:
        first = await authenticator.authenticate_slow(header(OLD))
        published.append(NEW)
        second = await authenticator.authenticate_slow(header(NEW))
        return [first.id, second.id]

    with LocalServer().running() as server:
        server.answer = answer
        uri = f"http://127.0.0.1:{server.port}/jwks"
        authenticator = Authenticator.from_settings(settings(uri), lambda: float(NOW))
        assert asyncio.run(rotated(authenticator)) == ["https://as.example#svc"] * 2
        assert [request.path for request in server.received] == ["/jwks", "/jwks"]


@pytest.mark.parametrize(
    "reply", [Reply(500), Reply(200, b"x" * 2_000_000), Reply(302, b"", (("location", "/x"),))]
)
def test_a_key_server_that_fails_makes_us_unavailable(reply: Reply) -> None:
    with LocalServer().running() as server:
        server.answer = lambda request: reply
        uri = f"http://127.0.0.1:{server.port}/jwks"
        authenticator = Authenticator.from_settings(settings(uri), lambda: float(NOW))
        with pytest.raises(Problem) as fault:
            asyncio.run(authenticator.authenticate_slow(header(OLD)))
        assert fault.value.status == 503
        assert len(server.received) == 1

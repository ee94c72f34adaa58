"""The example of Authlib, all of it running: PDP, server, partner, clients, people."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from pdp.core.values import JsonObject
from tests.connected.node import ROOT
from tests.connected.office import HERE, SECRET, Office, Program, Surroundings, surroundings
from tests.server import AS_KEY, free_port

EXAMPLE = ROOT / "examples" / "authlib"
DEFERRED = "urn:ietf:params:oauth:grant-type:deferred"
CIBA = "urn:openid:params:grant-type:ciba"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
CODE_TYPE = "urn:ietf:params:oauth:token-type:deferral-code"
SECRETS = {
    "web-shop": "web-shop-secret",
    "agent-7": "agent-7-secret",
    "agent-ping": "agent-ping-secret",
    "records-api": "records-api-secret",
}
# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Client:
    """One client of the authorization server, over plain HTTP."""

    def __init__(self, issuer: str, name: str) -> None:
        self.issuer, self.name = issuer, name
        secret = SECRETS.get(name)
        self._auth = (name, secret) if secret else None

    def post(self, path: str, **parameters: Any) -> httpx.Response:
        """Call an endpoint; None is left out, and what is no text is sent as JSON."""
        form = _form(parameters)
        if self._auth is None:
            form["client_id"] = self.name
        url = f"{self.issuer}/{path}"
        return httpx.post(url, data=form, auth=self._auth, trust_env=False, timeout=30)

    def token(self, grant_type: str, **parameters: Any) -> JsonObject:
        """What is issued."""
        reply = self.post("token", grant_type=grant_type, **parameters)
        assert reply.status_code == 200, reply.text
        assert reply.headers["cache-control"] == "no-store"
        return dict(reply.json())

    def refused(self, grant_type: str, **parameters: Any) -> JsonObject:
        """The body of the error that is answered."""
        reply = self.post("token", grant_type=grant_type, **parameters)
        assert reply.status_code == 400, reply.text
        assert reply.headers["cache-control"] == "no-store"
        return dict(reply.json())

    def error(self, grant_type: str, **parameters: Any) -> str:
        """The name of that error."""
        return str(self.refused(grant_type, **parameters)["error"])

    def poll(self, code: str) -> JsonObject:
        """What is issued to a poll."""
        return self.token(DEFERRED, deferral_code=code)

    def waiting(self, code: str) -> JsonObject:
        """The body of the error that a poll is answered with."""
        return self.refused(DEFERRED, deferral_code=code)

    def polled(self, code: str) -> str:
        """The name of that error."""
        return str(self.waiting(code)["error"])

    def revoke(self, token: str, hint: str | None = CODE_TYPE) -> None:
        """Give a code or a token up."""
        reply = self.post("revoke", token=token, token_type_hint=hint)
        assert (reply.status_code, reply.json()) == (200, {}), reply.text

    def authorize(self, person: str, **parameters: Any) -> JsonObject:
        """Parameters of a token request, after somebody has consented."""
        asked = {
            "response_type": "code",
            "client_id": self.name,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **_form(parameters),
        }
        address = f"{self.issuer}/authorize"
        form = {"person": person, "consent": "yes"}
        reply = httpx.post(address, params=asked, data=form, trust_env=False)
        assert reply.status_code == 302, reply.text
        (code,) = parse_qs(urlsplit(reply.headers["location"]).query)["code"]
        return {"code": code, "code_verifier": VERIFIER}


class Counter(Office):
    """All of it.

    Attributes:
        issuer, partner: their addresses.
    """

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        folder, port = around.folder, free_port()
        moved = {"TEST_CLOCK": str(folder / "clock")}
        self.issuer = f"http://127.0.0.1:{port}"
        self.partner = f"http://127.0.0.1:{around.partner_port}"
        environment = moved | {
            "PORT": str(port),
            "PDP_URL": around.wire.url,
            "PDP_KEY": AS_KEY,
            "DATA": str(folder / "as"),
            "CLIENT_ENDPOINT": f"https://localhost:{around.told.port}",
        }
        log = folder / "as.log"
        self.server = _program("server.py", "authorization server:", log, environment)
        around.stack.callback(self.server.stop)
        environment = moved | {"PORT": str(around.partner_port), "SECRET": SECRET}
        partner = _program("partner.py", "partner:", folder / "partner.log", environment)
        around.stack.callback(partner.stop)

    def client(self, name: str) -> Client:
        """A client by its id."""
        return Client(self.issuer, name)

    def introspected(self, token: str) -> JsonObject:
        """What the resource learns of an access token."""
        return dict(self.client("records-api").post("introspect", token=token).json())


def _form(parameters: JsonObject) -> dict[str, str]:
    given = {name: value for name, value in parameters.items() if value is not None}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in given.items()
    }


@contextmanager
def open_counter(folder: Path) -> Iterator[Counter]:
    """Everything, on free ports; it is all stopped at the end."""
    with surroundings(folder, EXAMPLE) as around:
        yield Counter(around)


def _program(file: str, says: str, log: Path, environment: dict[str, str]) -> Program:
    """A Python program of the example."""
    arguments = (HERE / "moved_program.py", EXAMPLE / file)
    return Program(sys.executable, arguments, says, log, environment)

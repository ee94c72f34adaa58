"""The example of node oidc-provider, all of it running: PDP, server, partner, clients, people."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from pdp.core.values import JsonObject
from tests.background.sink import Sink, listening
from tests.connected.node import ROOT, install, node, pipe, started, stop
from tests.server import AS_KEY, Server, free_port, running

EXAMPLE = ROOT / "examples" / "node-oidc-provider"
HERE = Path(__file__).parent
SECRET = "whsec_aWRlbnRpdHktcGFydG5lci1leGFtcGxlLXNlY3JldA=="
INBOX_KEY = "demo-inbox-key"
BANK_API = "https://api.bank.example"
CLIENTS: dict[str, JsonObject] = {
    "web-shop": {
        "secret": "the secret of the web shop",
        "redirectUri": "https://shop.example/callback",
    },
    "phone-app": {"redirectUri": "com.example.app:/callback"},
    "agent-7": {"secret": "the secret of agent 7"},
    "agent-ping": {"secret": "the secret of agent ping"},
}


class Refused(Exception):
    """What a client was answered in place of a token."""

    def __init__(self, status: int, body: JsonObject) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.error = str(body["error"])


class Clients:
    """The clients, in a node process of their own (openid-client)."""

    def __init__(self, issuer: str, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [node(), "--import", f"{HERE}/moved_clock.mjs", str(HERE / "driver.mjs"),
             issuer, str(EXAMPLE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        )  # fmt: skip
        for name, options in CLIENTS.items():
            self.do("client", name, options)

    def do(self, *call: Any) -> Any:
        """One call; raises `Refused` for an OAuth error."""
        told, heard = pipe(self.process.stdin), pipe(self.process.stdout)
        told.write(json.dumps(call).encode() + b"\n")
        told.flush()
        outcome = json.loads(heard.readline())
        if "status" in outcome:
            raise Refused(outcome["status"], outcome["body"])
        assert "fault" not in outcome, outcome["fault"]
        return outcome["value"]


class Client:
    """One client."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients, self._name = clients, name

    def __getattr__(self, operation: str) -> Any:
        return lambda *given: self._clients.do("call", self._name, operation, given)

    def refused(self, operation: str, *given: Any) -> Refused:
        """The error that an operation ends with."""
        try:
            value = getattr(self, operation)(*given)
        except Refused as refused:
            return refused
        raise AssertionError(f"no error, but {value}")

    def error(self, operation: str, *given: Any) -> str:
        """The name of that error."""
        return self.refused(operation, *given).error


class Bank:
    """All of it."""

    def __init__(self, pdp: Server, clients: Clients, clock: Path, told: Sink) -> None:
        self.pdp, self.told = pdp, told
        self._clients, self._clock = clients, clock
        self._inbox = pdp.client(INBOX_KEY)

    def client(self, name: str) -> Client:
        """A client by its id."""
        return Client(self._clients, name)

    def later(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        self._clock.write_text(str(float(self._clock.read_text()) + seconds))

    def task(self) -> JsonObject:
        """The newest request."""
        reply = self._inbox.get("/queue/v1/tasks?limit=200")
        assert reply.status_code == 200, reply.text
        return max(reply.json()["items"], key=lambda item: str(item["created_at"]))

    def decide(self, person: str, decision: str = "approve", **more: Any) -> httpx.Response:
        """Have somebody decide on the newest request."""
        body = {"decision": decision, "approver": {"type": "user", "id": person}, **more}
        reply = self._inbox.post(f"/queue/v1/tasks/{self.task()['id']}/decisions", json=body)
        assert reply.status_code == 201, reply.text
        return reply

    def close(self) -> None:
        """Hang up."""
        self._inbox.close()


@contextmanager
def open_bank(folder: Path) -> Iterator[Bank]:
    """Everything, on free ports; it is all stopped at the end."""
    install(EXAMPLE)
    clock = folder / "clock"
    clock.write_text("0")
    partner_port, as_port = free_port(), free_port()
    policies = _policies(folder, partner_port)
    with ExitStack() as stack:
        told = stack.enter_context(listening())
        moved = {"TEST_CLOCK": str(clock)}
        pdp = stack.enter_context(
            running(
                folder,
                policies=policies,
                environment=moved
                | {
                    "PDP_SECRETS": json.dumps({"identity-partner": SECRET}),
                    "PDP_OUTBOUND__ALLOW_HOSTS": '["127.0.0.1"]',
                },
                program=(str(HERE / "moved_clock.py"),),
            )
        )
        server = {
            "PORT": str(as_port),
            "PDP_URL": pdp.url,
            "PDP_KEY": AS_KEY,
            "DATA": str(folder / "as"),
            "CLIENT_ENDPOINT": told.url,
        }
        preload = ("--import", f"{HERE}/moved_clock.mjs")
        stack.enter_context(
            started(
                *preload,
                EXAMPLE / "partner.js",
                says="partner:",
                log=folder / "partner.log",
                environment=moved | {"PORT": str(partner_port), "SECRET": SECRET},
            )
        )
        stack.enter_context(
            started(
                *preload,
                EXAMPLE / "server.js",
                says="authorization server:",
                log=folder / "as.log",
                environment=moved | server,
            )
        )
        clients = Clients(f"http://127.0.0.1:{as_port}", moved)
        stack.callback(stop, clients.process)
        bank = Bank(pdp, clients, clock, told)
        stack.callback(bank.close)
        yield bank


def _policies(folder: Path, partner_port: int) -> Path:
    """The policies of the example, with the partner where it is here."""
    policies = folder / "policies"
    shutil.copytree(EXAMPLE / "policies", policies)
    workflows = policies / "workflows.yaml"
    workflows.write_text(workflows.read_text().replace("8183", str(partner_port)))
    return policies

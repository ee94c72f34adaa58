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
from tests.connected.node import ROOT, install, node, pipe, started, stop
from tests.connected.wire import Wire, wire_to
from tests.security.local_servers import LocalServer, Received, certificate_for
from tests.server import ADMIN_KEY, AS_KEY, Server, free_port, running

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
    # The same, with a key of somebody else.
    "phone-app-stolen": {"id": "phone-app", "redirectUri": "com.example.app:/callback"},
    "agent-7": {"secret": "the secret of agent 7"},
    "agent-ping": {"secret": "the secret of agent ping"},
}


class Refused(Exception):
    """What a client was answered in place of a token."""

    def __init__(self, status: int, body: JsonObject, cache: str | None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.cache = cache
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

    def do(self, *call: Any) -> Any:
        """One call; raises `Refused` for an OAuth error."""
        told, heard = pipe(self.process.stdin), pipe(self.process.stdout)
        told.write(json.dumps(call).encode() + b"\n")
        told.flush()
        outcome = json.loads(heard.readline())
        if "status" in outcome:
            raise Refused(outcome["status"], outcome["body"], outcome.get("cache"))
        assert "fault" not in outcome, outcome["fault"]
        return outcome["value"]


class Client:
    """One client."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients, self._name = clients, name

    def __getattr__(self, operation: str) -> Any:
        return lambda *given: self._clients.do("call", self._name, operation, given)

    def together(self, operation: str, times: int, *given: Any) -> list[JsonObject]:
        """What comes of the same operation many times at once: values, or bodies of errors."""
        outcomes = self._clients.do("together", self._name, operation, times, *given)
        return [each.get("body", each) for each in outcomes]

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


class Program:
    """A node program of the example, which can be killed and started again."""

    def __init__(self, file: str, says: str, log: Path, environment: dict[str, str]) -> None:
        self._start = (file, says, log, environment)
        self._running = ExitStack()
        self.start()

    def start(self) -> None:
        """Start it."""
        file, says, log, environment = self._start
        preload = ("--import", f"{HERE}/moved_clock.mjs")
        self.process = self._running.enter_context(
            started(*preload, EXAMPLE / file, says=says, log=log, environment=environment)
        )

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it."""
        self._running.close()


class Bank:
    """All of it.

    Attributes:
        wire: between the authorization server and the PDP.
        told: where the clients are called back.
        partner: its address.
    """

    def __init__(
        self,
        folder: Path,
        pdp: Server,
        wire: Wire,
        told: LocalServer,
        partner_port: int,
        stack: ExitStack,
    ) -> None:
        self.folder, self.pdp, self.wire, self.told = folder, pdp, wire, told
        self._clock = folder / "clock"
        moved = {"TEST_CLOCK": str(self._clock)}
        port = str(free_port())
        self.partner = f"http://127.0.0.1:{partner_port}"
        self.server = Program(
            "server.js",
            "authorization server:",
            folder / "as.log",
            moved
            | {
                "PORT": port,
                "PDP_URL": wire.url,
                "PDP_KEY": AS_KEY,
                "DATA": str(folder / "as"),
                "CLIENT_ENDPOINT": f"https://localhost:{told.port}",
            },
        )
        stack.callback(self.server.stop)
        environment = moved | {"PORT": str(partner_port), "SECRET": SECRET}
        partner = Program("partner.js", "partner:", folder / "partner.log", environment)
        stack.callback(partner.stop)
        self._clients = Clients(f"http://127.0.0.1:{port}", moved)
        stack.callback(stop, self._clients.process)
        for name, options in CLIENTS.items():
            self._clients.do("client", name, options)
        self._inbox = stack.enter_context(pdp.client(INBOX_KEY))

    def client(self, name: str) -> Client:
        """A client by its id."""
        return Client(self._clients, name)

    def later(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        moved = self._clock.with_suffix(".new")
        moved.write_text(str(float(self._clock.read_text()) + seconds))
        moved.rename(self._clock)  # nobody reads half of it

    def task(self) -> JsonObject:
        """The newest request."""
        reply = self._inbox.get("/queue/v1/tasks?limit=200")
        assert reply.status_code == 200, reply.text
        newest = max(reply.json()["items"], key=lambda item: str(item["created_at"]))
        reply = self._inbox.get(f"/queue/v1/tasks/{newest['id']}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["task"])

    def vote(self, person: str, decision: str = "approve") -> httpx.Response:
        """What comes of somebody's deciding on the newest request."""
        body = {"decision": decision, "approver": {"type": "user", "id": person}}
        return self._inbox.post(f"/queue/v1/tasks/{self.task()['id']}/decisions", json=body)

    def files_with(self, text: str) -> list[Path]:
        """Files of the servers, databases and logs too, in which a text stands."""
        files = [file for file in self.folder.rglob("*") if file.is_file()]
        assert any("Deferral" in file.parts for file in files)
        return [file for file in files if _holds(file, text)]

    def calls(self, path: str, body: JsonObject) -> list[Received]:
        """The calls of the clients at a path that said so."""
        calls = [call for call in list(self.told.received) if call.path == path]
        return [call for call in calls if json.loads(call.body) == body]

    def take_back(self) -> None:
        """Revoke what was approved last."""
        with self.pdp.client(ADMIN_KEY) as admin:
            newest = admin.get("/queue/v1/approvals?limit=1").json()["items"][0]
            reply = admin.post(f"/queue/v1/approvals/{newest['ref']}/revoke", json={})
            assert reply.status_code == 200, reply.text

    def decide(self, person: str, decision: str = "approve") -> None:
        """Have somebody decide on the newest request who may."""
        reply = self.vote(person, decision)
        assert reply.status_code == 201, reply.text


@contextmanager
def open_bank(folder: Path) -> Iterator[Bank]:
    """Everything, on free ports; it is all stopped at the end."""
    install(EXAMPLE)
    clock = folder / "clock"
    clock.write_text("0")
    tls, authority = certificate_for("localhost", folder)
    environment = {
        "TEST_CLOCK": str(clock),
        "PDP_SECRETS": json.dumps({"identity-partner": SECRET}),
        "PDP_OUTBOUND__ALLOW_HOSTS": '["127.0.0.1", "localhost"]',
        "PDP_OUTBOUND__CA_FILE": str(authority),
    }
    program = (str(HERE / "moved_clock.py"),)
    partner_port = free_port()
    policies = _policies(folder, partner_port)
    with (
        LocalServer(tls).running() as told,
        running(folder, policies=policies, environment=environment, program=program) as pdp,
        wire_to(pdp.url) as wire,
        ExitStack() as stack,
    ):
        yield Bank(folder, pdp, wire, told, partner_port, stack)


def _holds(file: Path, text: str) -> bool:
    try:
        return text.encode() in file.read_bytes()
    except FileNotFoundError:
        return False  # it was replaced just now


def _policies(folder: Path, partner_port: int) -> Path:
    """The policies of the example, with the partner where it is here."""
    policies = folder / "policies"
    shutil.copytree(EXAMPLE / "policies", policies)
    workflows = policies / "workflows.yaml"
    workflows.write_text(workflows.read_text().replace("8183", str(partner_port)))
    return policies

"""What tests of every connected server use: programs, queue, time, callbacks, files."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from pdp.core.values import JsonObject
from tests.connected.node import started
from tests.connected.wire import Wire, wire_to
from tests.security.local_servers import LocalServer, Received, certificate_for
from tests.server import ADMIN_KEY, Server, free_port, running

SECRET = "whsec_aWRlbnRpdHktcGFydG5lci1leGFtcGxlLXNlY3JldA=="
INBOX_KEY = "demo-inbox-key"
HERE = Path(__file__).parent


class Program:
    """A program of an example, which can be killed and started again.

    Args:
        command: what runs it; None: node.
        arguments: of the command, the program among them.
        says: what it says when it has started.
    """

    def __init__(
        self,
        command: str | None,
        arguments: tuple[str | Path, ...],
        says: str,
        log: Path,
        environment: dict[str, str],
    ) -> None:
        self._start = (command, arguments, says, log, environment)
        self._running = ExitStack()
        self.start()

    def start(self) -> None:
        """Start it."""
        command, arguments, says, log, environment = self._start
        self.process = self._running.enter_context(
            started(*arguments, says=says, log=log, environment=environment, program=command)
        )

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it."""
        self._running.close()


class Surroundings(NamedTuple):
    """What an authorization server is put into.

    Attributes:
        folder: where everything is kept.
        pdp: with the policies of the example.
        wire: between the authorization server and the PDP.
        told: where the clients are called back.
        partner_port: where the PDP looks for the identity partner.
        stack: of what is stopped at the end.
    """

    folder: Path
    pdp: Server
    wire: Wire
    told: LocalServer
    partner_port: int
    stack: ExitStack


class Office:
    """A PDP with its people and its clock, and what stands around it."""

    def __init__(self, around: Surroundings) -> None:
        self.folder, self.pdp, self.wire = around.folder, around.pdp, around.wire
        self.told = around.told
        self._clock = around.folder / "clock"
        self._inbox = around.stack.enter_context(around.pdp.client(INBOX_KEY))

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
        assert any(self.folder / "as" in file.parents for file in files)
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


def _holds(file: Path, text: str) -> bool:
    try:
        return text.encode() in file.read_bytes()
    except FileNotFoundError:
        return False  # it was replaced just now


@contextmanager
def surroundings(folder: Path, example: Path) -> Iterator[Surroundings]:
    """All of it but the example's own programs, on free ports; it is all stopped at the end."""
    (folder / "clock").write_text("0")
    tls, authority = certificate_for("localhost", folder)
    environment = {
        "TEST_CLOCK": str(folder / "clock"),
        "PDP_SECRETS": json.dumps({"identity-partner": SECRET}),
        "PDP_OUTBOUND__ALLOW_HOSTS": '["127.0.0.1", "localhost"]',
        "PDP_OUTBOUND__CA_FILE": str(authority),
    }
    program = (str(HERE / "moved_clock.py"),)
    partner_port = free_port()
    policies = policies_of(example, folder, partner_port)
    with (
        LocalServer(tls).running() as told,
        running(folder, policies=policies, environment=environment, program=program) as pdp,
        wire_to(pdp.url) as wire,
        ExitStack() as stack,
    ):
        yield Surroundings(folder, pdp, wire, told, partner_port, stack)


def policies_of(example: Path, folder: Path, partner_port: int) -> Path:
    """The policies of the example, with the partner where it is here."""
    policies = folder / "policies"
    shutil.copytree(example / "policies", policies)
    workflows = policies / "workflows.yaml"
    workflows.write_text(workflows.read_text().replace("8183", str(partner_port)))
    return policies

"""The example of node oidc-provider, all of it running: PDP, server, partner, clients, people."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pdp.core.values import JsonObject
from tests.connected.node import ROOT, install, node, pipe, stop
from tests.connected.office import HERE, SECRET, Office, Program, Surroundings, surroundings
from tests.server import AS_KEY, free_port

EXAMPLE = ROOT / "examples" / "node-oidc-provider"
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


def program(file: str, says: str, log: Path, environment: dict[str, str]) -> Program:
    """A node program of the example."""
    preload = ("--import", f"{HERE}/moved_clock.mjs")
    return Program(None, (*preload, EXAMPLE / file), says, log, environment)


class Bank(Office):
    """All of it.

    Attributes:
        partner: its address.
    """

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        folder, stack = around.folder, around.stack
        moved = {"TEST_CLOCK": str(folder / "clock")}
        port = str(free_port())
        self.partner = f"http://127.0.0.1:{around.partner_port}"
        self.server = program(
            "server.js",
            "authorization server:",
            folder / "as.log",
            moved
            | {
                "PORT": port,
                "PDP_URL": around.wire.url,
                "PDP_KEY": AS_KEY,
                "DATA": str(folder / "as"),
                "CLIENT_ENDPOINT": f"https://localhost:{around.told.port}",
            },
        )
        stack.callback(self.server.stop)
        environment = moved | {"PORT": str(around.partner_port), "SECRET": SECRET}
        partner = program("partner.js", "partner:", folder / "partner.log", environment)
        stack.callback(partner.stop)
        self._clients = Clients(f"http://127.0.0.1:{port}", moved)
        stack.callback(stop, self._clients.process)
        for name, options in CLIENTS.items():
            self._clients.do("client", name, options)

    def client(self, name: str) -> Client:
        """A client by its id."""
        return Client(self._clients, name)


@contextmanager
def open_bank(folder: Path) -> Iterator[Bank]:
    """Everything, on free ports; it is all stopped at the end."""
    install(EXAMPLE)
    with surroundings(folder, EXAMPLE) as around:
        yield Bank(around)

"""The wire between an authorization server and the PDP, which a test can cut."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx


class Answer(NamedTuple):
    """What the PDP answered to a call."""

    path: str
    key: str | None
    status: int


class Wire:
    """Carries calls and answers.

    Attributes:
        answers: every answer of the PDP, delivered or not.
        lost: whether an answer is lost; asked when the PDP has given it.
        cut: whether calls do not get through at all.
        instead: a status and body that come in place of every answer.
    """

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[Answer] = []
        self.lost: Callable[[Answer], bool] = lambda answer: False
        self.cut = False
        self.instead: tuple[int, bytes] | None = None


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """A wire to the PDP at an address."""
    wire = Wire()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.close_connection = True
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            if wire.cut:
                return
            wanted = {"authorization", "content-type", "idempotency-key"}
            headers = {
                name: value for name, value in self.headers.items() if name.lower() in wanted
            }
            if wire.instead is not None:
                self.reply(*wire.instead)
                return
            reply = httpx.request(
                self.command, url + self.path, content=body, headers=headers, trust_env=False
            )
            key = self.headers.get("idempotency-key")
            answer = Answer(self.path, key, reply.status_code)
            wire.answers.append(answer)
            if not wire.lost(answer):
                self.reply(reply.status_code, reply.content)

        def reply(self, status: int, body: bytes) -> None:
            """Answer the authorization server."""
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

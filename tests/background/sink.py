"""A real HTTP server on this machine that notes what it is sent and answers as it is told."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson


class Received(NamedTuple):
    """One request, header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return orjson.loads(self.body)


class Sink:
    """Notes requests; `answers` are given in turn, then 204 for ever."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = ""
        self._changed = threading.Condition()

    def answer_next(self, *statuses: int, **headers: str) -> None:
        """Have the next requests answered so."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [(status, named) for status in statuses]

    def wait_for(self, count: int, seconds: float = 60.0) -> list[Received]:
        """What was received, as soon as there is that much of it."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, seconds)
            return list(self.received)

    def take(self, request: Received) -> tuple[int, dict[str, str]]:
        """Note a request and give its answer."""
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else (204, {})


@contextmanager
def listening() -> Iterator[Sink]:
    """A sink on a free port."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, extra = sink.take(Received(self.path, headers, self.rfile.read(length)))
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", "0")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

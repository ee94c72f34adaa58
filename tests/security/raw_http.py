"""HTTP written by hand, for requests that no well-behaved client would send."""

import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.server import PEP_KEY


class RawReply(NamedTuple):
    """What came back on the connection: nothing at all is status 0."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        lines = self.head.split(b"\r\n")[1:]
        pairs = [line.split(b":", 1) for line in lines if b":" in line]
        return [value.strip() for key, value in pairs if key.strip().lower() == name]


def head_of(
    path: str, headers: Iterable[bytes], method: str = "POST", key: str | None = PEP_KEY
) -> bytes:
    """The head of a request, with each header as it is."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: pdp.example"]
    if key is not None:
        lines.append(b"Authorization: Bearer " + key.encode())
    return b"\r\n".join([*lines, *headers]) + b"\r\n\r\n"


def exchange(url: str, sent: bytes | Iterable[bytes], *, bodiless: bool = False) -> RawReply:
    """Send bytes as they are, in one piece or in several, and read the first answer.

    Args:
        url: of the server.
        sent: the bytes.
        bodiless: whether the answer ends with its head, as that to a HEAD does.
    """
    parts = urlsplit(url)
    pieces = [sent] if isinstance(sent, bytes) else sent
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as wire:
        try:
            for piece in pieces:
                wire.sendall(piece)
        except OSError:
            pass  # An answer before the end of the request closes the connection.
        return _answer(wire, bodiless)


def _answer(wire: socket.socket, bodiless: bool) -> RawReply:
    received = b""
    while b"\r\n\r\n" not in received:
        more = _read(wire)
        if not more:
            return RawReply(0, received, b"")
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    reply = RawReply(int(head.split(b" ", 2)[1]), head, body)
    length = int((reply.header(b"content-length") or [b"0"])[0])
    while len(body) < length and not bodiless:
        more = _read(wire)
        if not more:
            break
        body += more
    return reply._replace(body=body)


def _read(wire: socket.socket) -> bytes:
    try:
        return wire.recv(65536)
    except (ConnectionError, TimeoutError):
        return b""

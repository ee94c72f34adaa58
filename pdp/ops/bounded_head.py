"""HTTP/1.1 requests whose head is bounded, in bytes and in time."""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 65_536
HEAD_SECONDS = 30.0

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, less its patience with heads that are very long or never end.

    A head over `LARGEST_HEAD` bytes is answered with 431, one that is not whole `HEAD_SECONDS`
    after it began with 408; then the connection is closed.
    """

    # What has arrived of a head that is not whole yet; None where no head is being read.
    _begun: int | None = 0
    _measured = False
    _refused = False
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for the first head, but not for ever."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, _TOO_SLOW)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._refused = True
        self._cancel_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes while the head that they may belong to is within its bounds."""
        if self._refused:
            return
        before = self._begun
        # Heads nearly always come whole in one small piece: those cost no second look.
        self._measured = (before or 0) + len(data) > LARGEST_HEAD
        super().data_received(data)
        if self._begun is not None:
            # A head that began within these bytes came after others that are not its own.
            self._begun += 0 if before is None else len(data)
            if self._begun > LARGEST_HEAD:
                self._refuse(_TOO_LARGE)
            elif self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, _TOO_SLOW)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._begun = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: hand the request on, unless it is too long."""
        if self._measured and self._head_size() > LARGEST_HEAD:
            self._refuse(_TOO_LARGE)
        elif not self._refused:
            self._begun = None
            if self._deadline is not None:
                self._cancel_deadline()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, unless its head was refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole, unless its head was refused."""
        if not self._refused:
            super().on_message_complete()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, answer: bytes) -> None:
        self._cancel_deadline()
        if self._refused:
            return
        self._refused = True
        self.transport.write(answer)
        self.transport.close()

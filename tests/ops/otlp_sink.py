"""Takes traces over OTLP/HTTP, as a collector does."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class TakenSpan(NamedTuple):
    """One span, as it came over the wire."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    events: int


class Sink(NamedTuple):
    """A collector that keeps what it is sent."""

    url: str
    resources: list[dict[str, str]]
    spans: list[TakenSpan]

    def named(self, name: str) -> list[TakenSpan]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting() -> Iterator[Sink]:
    """A collector on a free port of this machine."""
    resources: list[dict[str, str]] = []
    spans: list[TakenSpan] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                raw = gzip.decompress(raw)
            for part in ExportTraceServiceRequest.FromString(raw).resource_spans:
                resources.append(
                    {each.key: each.value.string_value for each in part.resource.attributes}
                )
                for scope in part.scope_spans:
                    spans.extend(map(_taken, scope.spans))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Sink(f"http://127.0.0.1:{server.server_port}/v1/traces", resources, spans)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _taken(span: Any) -> TakenSpan:
    attributes = {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }
    return TakenSpan(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        attributes,
        len(span.events),
    )

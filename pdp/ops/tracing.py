"""OpenTelemetry traces: a span for each request, and within it for the evaluation and the store.

The only module that imports the SDK, which is the optional extra `otel`. With tracing off nothing
here is in the way of a request.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pdp import __version__
from pdp.ops.asgi import ASGIApp, Header, Message, Receive, Scope, Send, exchange_of
from pdp.ops.json_endpoint import Call, Handler
from pdp.ops.metrics import area_of
from pdp.settings import TelemetrySettings

_CARRIED = (b"traceparent", b"tracestate")
# What a request's log line says that is also told in its span; never a name, an id or a property.
_TOLD = ("decision", "policy_version")
# A collector that is down must hold up the end of the server no longer than this.
_EXPORT_SECONDS = 2.0
_NO_SPAN = nullcontext()


class Tracing:
    """Makes spans and sends them, in batches and from a thread of its own, over OTLP/HTTP.

    A request that brings a sampled W3C `traceparent` is traced as part of that trace, one that
    brings an unsampled one is not; of the others the configured part is.

    Args:
        settings: what is sampled, and where spans go; the SDK's own variables
            (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`) say the rest.
        instance: this process among all replicas.
    """

    def __init__(self, settings: TelemetrySettings, instance: str) -> None:
        resource = Resource.create(
            {
                "service.name": "authzen-pdp",
                "service.version": __version__,
                "service.instance.id": instance,
            }
        )
        sampler = ParentBased(TraceIdRatioBased(settings.sample))
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("pdp", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def span(self, name: str) -> AbstractContextManager[object]:
        """A span within the one that is open; none outside of a traced request."""
        if not get_current_span().is_recording():
            return _NO_SPAN
        # An exception's text may quote what the caller sent: it goes to the log, not elsewhere.
        return self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        )

    def handler(self, name: str, handler: Handler) -> Handler:
        """The same handler, within a span of its own."""

        async def spanned(call: Call) -> bytes:
            with self.span(name):
                return await handler(call)

        return spanned

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same application, with a span around every HTTP exchange."""

        async def spanned(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._exchange(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return spanned

    def close(self) -> None:
        """Send what waits and stop."""
        self._provider.shutdown()

    async def _exchange(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        method, area = scope["method"], area_of(scope["path"])
        with self._tracer.start_as_current_span(
            f"{method} {area}",
            context=self._propagator.extract(carrier(scope["headers"])),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": area},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            if not span.is_recording():
                await app(scope, receive, send)
                return

            async def seen(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _tell(span, scope, message["status"])
                await send(message)

            await app(scope, receive, seen)


def carrier(headers: Iterable[Header]) -> dict[str, str]:
    """The trace context of a request; none where `traceparent` comes more than once."""
    found = [(name, value) for name, value in headers if name in _CARRIED]
    if sum(name == b"traceparent" for name, _ in found) != 1:
        return {}
    parent = dict(found)
    states = [value for name, value in found if name == b"tracestate"]
    carried = {"traceparent": parent[b"traceparent"].decode("latin-1")}
    return carried | ({"tracestate": b",".join(states).decode("latin-1")} if states else {})


def _tell(span: Span, scope: Scope, status: int) -> None:
    notes = exchange_of(scope).notes
    notes["trace_id"] = f"{span.get_span_context().trace_id:032x}"
    span.set_attribute("http.response.status_code", status)
    for name in _TOLD:
        if name in notes:
            span.set_attribute(f"pdp.{name}", notes[name])
    if status >= 500:
        span.set_status(StatusCode.ERROR)

"""OpenTelemetry: what is sent, of what, and that nothing is when it is off."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pdp.settings import SettingsError, TelemetrySettings
from tests.conformance.worlds import Pep, World, in_process
from tests.ops.otlp_sink import Sink, collecting

QUESTION = {
    "subject": {"type": "user", "id": "alice", "properties": {"badge": "s3cret-badge"}},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "101"},
}
EVALUATION = "/access/v1/evaluation"
REQUEST_SPAN = f"POST {EVALUATION}"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"

Serve = Callable[..., AbstractContextManager[Pep]]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A collector."""
    with collecting() as found:
        yield found


@pytest.fixture
def serve(sink: Sink, tmp_path: Path) -> Serve:
    """Serves with traces sent to the collector; at the end all of them are there."""

    @contextmanager
    def serving(**telemetry: Any) -> Iterator[Pep]:
        chosen = TelemetrySettings(enabled=True, endpoint=sink.url, **telemetry)
        with in_process(World("certification"), tmp_path, telemetry=chosen) as pep:
            yield pep

    return serving


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of requests."""
    found = map(json.loads, (folder / "requests.log").read_text().splitlines())
    return [line for line in found if line["event"] == "request"]


def test_a_request_is_a_span_with_its_evaluation_within(
    serve: Serve, sink: Sink, tmp_path: Path
) -> None:
    with serve(sample=1.0) as pep:
        assert pep.post(EVALUATION, QUESTION).status == 200
    (request,) = sink.named(REQUEST_SPAN)
    (evaluation,) = sink.named("evaluation")
    assert (evaluation.trace, evaluation.parent) == (request.trace, request.id)
    assert request.parent == ""
    assert request.attributes.keys() == {
        *("http.request.method", "http.route", "http.response.status_code"),
        *("pdp.decision", "pdp.policy_version"),
    }
    assert request.attributes["http.response.status_code"] == 200
    assert sink.resources[0]["service.name"] == "authzen-pdp"
    assert [line["trace_id"] for line in lines_of(tmp_path)] == [request.trace]


def test_the_trace_of_the_caller_is_taken_over(serve: Serve, sink: Sink) -> None:
    with serve(sample=0.0) as pep:
        pep.post(EVALUATION, QUESTION, traceparent=f"00-{TRACE}-{PARENT}-01")
        pep.post(EVALUATION, QUESTION, traceparent=f"00-{TRACE}-{PARENT}-00")
        pep.post(EVALUATION, QUESTION)
    (request,) = sink.named(REQUEST_SPAN)
    assert (request.trace, request.parent) == (TRACE, PARENT)
    assert [span.trace for span in sink.named("evaluation")] == [TRACE]


@pytest.mark.parametrize(
    "parent", ["", "00-zz-zz-01", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", "ž" * 9]
)
def test_a_bad_trace_context_begins_a_new_trace(serve: Serve, sink: Sink, parent: str) -> None:
    with serve(sample=1.0) as pep:
        sent = {"traceparent": parent.encode(), "authorization": b"Bearer demo-pep-key"}
        assert (
            pep.client.request("POST", EVALUATION, json=QUESTION, headers=sent).status_code == 200
        )
    (request,) = sink.named(REQUEST_SPAN)
    assert request.trace not in (TRACE, "0" * 32)
    assert request.parent == ""


def test_two_trace_contexts_are_none(serve: Serve, sink: Sink) -> None:
    parent = f"00-{TRACE}-{PARENT}-01"
    headers = [("traceparent", parent), ("traceparent", parent)]
    headers.append(("authorization", "Bearer demo-pep-key"))
    with serve(sample=1.0) as pep:
        pep.client.request("POST", EVALUATION, json=QUESTION, headers=headers)
    (request,) = sink.named(REQUEST_SPAN)
    assert request.trace != TRACE


def test_the_store_has_a_span_of_its_own(serve: Serve, sink: Sink) -> None:
    with serve(sample=1.0) as pep:
        pep.with_key("demo-admin-key").get("/admin/v1/entities/User/nobody")
    (request,) = sink.named("GET /admin/v1/entities")
    within = [span.name for span in sink.spans if span.parent == request.id]
    assert within == ["store peek"]
    assert request.attributes["http.response.status_code"] == 404


def test_spans_hold_nothing_that_a_caller_sent(serve: Serve, sink: Sink) -> None:
    with serve(sample=1.0) as pep:
        pep.post(EVALUATION, QUESTION)
        pep.post(EVALUATION, QUESTION | {"subject": {"type": "user", "id": 7}})
        pep.get("/admin/v1/entities/User/alice?x=s3cret-badge")
        pep.get("/s3cret-badge")
    assert len([span for span in sink.spans if not span.parent]) == 4
    assert not any(span.events for span in sink.spans)
    told = repr(sink.spans)
    for private in ("alice", "s3cret", "demo-pep", "101", "subject/id"):
        assert private not in told


@pytest.mark.slow
def test_a_collector_that_is_down_holds_up_nobody(tmp_path: Path) -> None:
    chosen = TelemetrySettings(enabled=True, sample=1.0, endpoint="http://127.0.0.1:9/v1/traces")
    with in_process(World("certification"), tmp_path, telemetry=chosen) as pep:
        assert pep.post(EVALUATION, QUESTION).status == 200


def test_without_the_packages_the_start_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pdp.ops.tracing", None)
    chosen = TelemetrySettings(enabled=True)
    with (
        pytest.raises(SettingsError, match=r"pip install 'authzen-pdp\[otel\]'"),
        in_process(World("certification"), tmp_path, telemetry=chosen),
    ):
        pass


@pytest.mark.slow
def test_the_sdk_is_not_even_imported_when_tracing_is_off() -> None:
    program = (
        "import sys, pdp.app, pdp.services\n"
        "pdp.app.openapi_document()\n"
        "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

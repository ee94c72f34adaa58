"""What Prometheus may scrape: fixed label sets, never an id in a label."""

import os
from collections.abc import Callable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_DECISION_BUCKETS = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0,
)  # fmt: skip
_KNOWN_PREFIXES = ("/access/v1/", "/oauth/v1/", "/queue/v1/", "/admin/v1/", "/ui/")
_KNOWN_NAMES = frozenset({
    "evaluation", "evaluations", "search", "jwks", "requests", "schemas", "forms", "catalogs",
    "catalog", "token-requests", "deferrals", "backchannel-requests", "transaction-challenges",
    "tasks", "decisions", "events", "subscriptions", "approvals", "entities", "policies", "audit",
    "outbox", "shadow",
})  # fmt: skip
_KNOWN_PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")

_VERSIONS_SHOWN = 5

SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """All counters of this process; with several workers they are summed when scraped."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter, histogram, gauge = self._makers()
        self._decisions = counter("pdp_decisions", "Evaluations by outcome", ["outcome"])
        self._latency = histogram(
            "pdp_evaluation_seconds", "Time to answer an evaluation call", buckets=_DECISION_BUCKETS
        )
        self._exchanges = counter("pdp_http_requests", "HTTP exchanges", ["area", "status"])
        self._reloads = counter("pdp_policy_reloads", "Policy reloads by outcome", ["outcome"])
        self._dropped = counter(
            "pdp_log_dropped", "Log lines and decision records lost to a full buffer", ["log"]
        )
        self._events = counter("pdp_events", "Counted events by kind", ["kind"])
        self.gauge_of = gauge
        self.queue_depth = gauge("pdp_queue_depth", "Work that waits, by queue", ["queue"])
        self.policies = gauge("pdp_policies", "Policies in the running set")
        self.entities = gauge("pdp_entities", "Entities known")
        self.loaded_at = gauge("pdp_policy_loaded_timestamp_seconds", "When the set was loaded")
        self.fault = gauge("pdp_policy_fault", "1 while the policy folder is broken")
        self._versions = gauge("pdp_policy_version_info", "The running set", ["version"])
        self._shown: list[str] = []
        self.permitted = self._decisions.labels("permit").inc
        self.denied = self._decisions.labels("deny").inc
        self.requestable = self._decisions.labels("requestable").inc
        self.failed = self._decisions.labels("error").inc
        self.evaluated: Callable[[float], None] = self._latency.observe
        self._area_cache: dict[tuple[str, int], Any] = {}

    def exchange(self, path: str, status: int, seconds: float) -> None:
        """Count one HTTP exchange of `seconds`."""
        key = (path, status)
        child = self._area_cache.get(key)
        if child is None:
            child = self._exchanges.labels(area_of(path), str(status or 499))
            if len(self._area_cache) < 1000:
                self._area_cache[key] = child
        child.inc()
        if path.startswith("/access/v1/evaluation"):
            self.evaluated(seconds)

    def reloaded(self, ok: bool) -> None:
        """Count one reload of the policy folder."""
        self._reloads.labels("ok" if ok else "failed").inc()

    def dropped(self, log: str, lost: int) -> None:
        """Count what a full buffer lost."""
        self._dropped.labels(log).inc(lost)

    def event(self, kind: str) -> None:
        """Count one event of a fixed kind, such as `deferral_redeemed`."""
        self._events.labels(kind).inc()

    def policy_version(self, version: str) -> None:
        """Publish the version of the running set: 1 for the one in force, 0 for a few before."""
        if self._shown[-1:] == [version]:
            return
        for older in self._shown[-1:]:
            self._versions.labels(older).set(0)
        self._versions.labels(version).set(1)
        self._shown = [*(each for each in self._shown if each != version), version]
        if len(self._shown) > _VERSIONS_SHOWN:
            oldest = self._shown.pop(0)
            # What several workers share is a file, from which nothing can be taken.
            if SHARED_DIRECTORY not in os.environ:
                self._versions.remove(oldest)

    def render(self) -> bytes:
        """The text exposition format, summed over all workers of this server."""
        if SHARED_DIRECTORY in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self.registry)

    def _makers(self) -> tuple[Any, Any, Any]:
        def counter(name: str, text: str, labels: list[str] | None = None) -> Counter:
            return Counter(name, text, labels or [], registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, buckets=buckets, registry=self.registry)

        def gauge(name: str, text: str, labels: list[str] | None = None) -> Gauge:
            return Gauge(
                name, text, labels or [], registry=self.registry, multiprocess_mode="livemax"
            )

        return counter, histogram, gauge


def area_of(path: str) -> str:
    """The part of the API that a path belongs to: one of few, whatever the path."""
    if path in _KNOWN_PATHS:
        return path
    for prefix in _KNOWN_PREFIXES:
        if path.startswith(prefix):
            name = path[len(prefix) :].split("/", 1)[0]
            return prefix + name if name in _KNOWN_NAMES else prefix
    return "other"

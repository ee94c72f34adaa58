"""The parts of one server process: made, started and stopped here, in this order."""

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pdp.background.wake import wake_after_commits
from pdp.core.approval_state import STATE_TYPE
from pdp.deferring import deferral_of
from pdp.evaluation.decision_log import DecisionLog
from pdp.evaluation.decision_sinks import Sink, database_sink, descriptor_sink
from pdp.evaluation.presented import StateTrust
from pdp.evaluation.reconsider import Approvals
from pdp.evaluation.redaction import Redaction
from pdp.evaluation.standing import Standing
from pdp.ops.health import Check, Health
from pdp.ops.line_log import LineLog
from pdp.ops.log_lines import LineHandler
from pdp.ops.metrics import Metrics
from pdp.policy.authorizer import Authorizer
from pdp.policy.bundle import Bundle
from pdp.policy.live import LivePolicies
from pdp.policy.source import PolicySource
from pdp.requesting import desk_of, endpoint_of, runner_of
from pdp.settings import Settings, SettingsError
from pdp.store import clients, policy_versions, versions
from pdp.store import entities as stored_entities
from pdp.store.changes import Changes
from pdp.store.engine import Database, Session
from pdp.store.migrate import upgrade
from pdp.trust.callers import Authenticator
from pdp.trust.keys import KeyRing
from pdp.trust.limits import RateLimit
from pdp.trust.trusted_pdps import TrustedPdps

if TYPE_CHECKING:
    from pdp.ops.tracing import Tracing

_STANDARD_OUTPUT = 1


class Services:
    """Everything that the routes are given.

    Opening migrates the database and loads the policy folder, so that a server that listens is
    a server that can answer; the first fault found ends the start.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._closing = ExitStack()
        try:
            self._open(settings, clock)
        except BaseException:
            self._closing.close()
            raise

    def _open(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        self.metrics = Metrics()
        self.database = Database.open(settings.database)
        self._closing.callback(self.database.close)
        upgrade(self.database)
        self.keys = KeyRing.open(self.database, settings, now=clock())
        self.authenticator = Authenticator.from_settings(settings)
        self.authenticator.use_stored(self.database.read(clients.all_clients))
        self.rate = RateLimit.from_settings(settings.limits, time.monotonic)
        self.source = PolicySource(settings.policies, settings.schemas, clock=clock)
        self.live = LivePolicies(self.source.current)
        self._entity_version = 0
        self._follow_entities(0)
        self.standing = Standing(self.database)
        self.approvals = self._approvals()
        self.changes = Changes(self.database)
        self.desk = desk_of(settings, self.database, self.keys, self.live, clock)
        self.runner = runner_of(self.desk, self.keys, replica_name(), self.metrics.event)
        self.deferral = deferral_of(
            settings,
            self.desk,
            self.keys,
            self.approvals,
            lambda: self.decision_log,
            self.metrics,
        )
        self.line_log = LineLog(
            _STANDARD_OUTPUT,
            on_drop=lambda n: self.metrics.dropped("request", n),
            least=settings.log.level,
        )
        self.decision_log = self._decision_log()
        self.health = Health([Check("database", self._probe_database)])
        self.tracing = self._tracing()

    def start(self) -> None:
        """Begin following the folder and the database, and writing the logs."""
        self.live.subscribe(self._publish)
        self._publish(self.live.current)
        self.source.subscribe(self._bundle_loaded)
        self.source.subscribe_faults(lambda fault: self._bundle_refused())
        self.changes.subscribe("entities", self._follow_entities)
        self.changes.subscribe("clients", self._follow_clients)
        self.changes.subscribe("keys", lambda version: self.keys.refresh())
        self.changes.subscribe("approvals", lambda version: self.standing.follow(self.clock()))
        self.changes.subscribe("policies", lambda version: self.source.poke())
        self.changes.start()
        self.standing.follow(self.clock())
        self._closing.callback(self.changes.close)
        self.line_log.start()
        self._closing.callback(self.line_log.close)
        self._log_into_lines()
        self.decision_log.start()
        self._closing.callback(self.decision_log.close)
        self.deferral.pace.start()
        self._closing.callback(self.deferral.pace.close)
        self._announce(self.source.current)
        self.source.start()
        self._closing.callback(self.source.close)
        self.runner.start()
        self._closing.callback(self.runner.stop)
        wake_after_commits(self.database, self.runner.poke)

    def close(self) -> None:
        """Stop everything that `start` began, newest first, and close the database."""
        self.health.stop()
        self._closing.close()

    def _approvals(self) -> Approvals:
        settings, keys = self.settings, self.keys
        others = TrustedPdps.from_settings(settings, time.time, settings.trusted_services)
        verifiers = others.verifiers()
        own = endpoint_of(settings) if settings.access_requests.endpoint is None else ""
        if own:
            verifiers[own] = lambda token: keys.verify(token, STATE_TYPE)
        prepare = others.prepare if settings.trusted_services else None
        trust = StateTrust(own, settings.base_url, verifiers, prepare)
        return Approvals(self.database, trust, self.standing)

    def _decision_log(self) -> DecisionLog:
        log = self.settings.log
        sinks: dict[str, Callable[[], Sink | None]] = {
            "database": lambda: database_sink(self.database),
            "stdout": lambda: descriptor_sink(_STANDARD_OUTPUT),
            "file": lambda: descriptor_sink(_append_to(str(log.decisions_file))),
            "none": lambda: None,
        }
        return DecisionLog(
            sinks[log.decisions](),
            Redaction(log.redact),
            log.sample_allow,
            on_drop=lambda lost: self.metrics.dropped("decision", lost),
        )

    def _tracing(self) -> "Tracing | None":
        if not self.settings.telemetry.enabled:
            return None
        try:
            from pdp.ops.tracing import Tracing
        except ImportError:
            raise SettingsError(
                "`telemetry.enabled` needs further packages: `pip install 'authzen-pdp[otel]'`"
            ) from None
        tracing = Tracing(self.settings.telemetry, replica_name())
        self._closing.callback(tracing.close)
        self.database.span = tracing.span
        return tracing

    def _log_into_lines(self) -> None:
        root, handler = logging.getLogger(), LineHandler(self.line_log)
        root.addHandler(handler)
        self._closing.callback(lambda: root.removeHandler(handler))

    def _probe_database(self) -> None:
        self.database.peek(lambda session: versions.of_topic(session, "policies"))

    def _follow_entities(self, version: int) -> None:
        seen = self._entity_version
        changes = self.database.read(lambda session: stored_entities.changes_since(session, seen))
        if changes.puts or changes.deletes:
            self.live.take_entities(changes.puts, changes.deletes)
        self._entity_version = changes.version

    def _follow_clients(self, version: int) -> None:
        self.authenticator.use_stored(self.database.read(clients.all_clients))

    def _bundle_loaded(self, bundle: Bundle) -> None:
        self.live.take_bundle(bundle)
        self.metrics.reloaded(True)
        self.metrics.fault.set(0)
        self._announce(bundle)

    def _bundle_refused(self) -> None:
        self.metrics.reloaded(False)
        self.metrics.fault.set(1)

    def _announce(self, bundle: Bundle) -> None:
        load = policy_versions.PolicyVersion(
            replica=replica_name(),
            version=bundle.version,
            loaded_at=bundle.loaded_at,
            folder=str(self.settings.policies),
        )

        def note(session: Session) -> None:
            known = policy_versions.history(session, 1)
            if not known or (known[0].version, known[0].replica) != (load.version, load.replica):
                policy_versions.loaded(session, load)

        self.database.write(note)

    def _publish(self, authorizer: Authorizer) -> None:
        self.metrics.policies.set(len(authorizer.bundle.policies))
        self.metrics.entities.set(len(authorizer.entities))
        self.metrics.loaded_at.set(authorizer.bundle.loaded_at.timestamp())
        self.metrics.policy_version(authorizer.version)


def replica_name() -> str:
    """This process among all replicas: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def _append_to(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

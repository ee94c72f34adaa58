"""The record of every decision: batched, bounded, redacted, and never in the way of an answer."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import NamedTuple

from pdp.core.authzen import Evaluation
from pdp.core.values import JsonObject
from pdp.evaluation.redaction import Redaction

FLUSH_SECONDS = 0.2
MOST_WAITING = 50_000
# One of its own: what runs beside must not move the one that all of the process share.
_chance = Random()
BATCH = 100
"""Records written at once. Writing one costs about as much as an evaluation, so that a large batch
would hold the evaluations of its moment up: the tail of their latency is the length of a batch."""


class DecisionNote(NamedTuple):
    """One decision as it was taken; turned into a record later, off the evaluation path.

    Attributes:
        approval: names the approval that an allow rests on.
    """

    at: datetime
    request_id: bytes
    caller: str
    evaluation: Evaluation
    allowed: bool
    policies: tuple[str, ...]
    policy_version: str
    entity_version: str
    evaluation_id: str | None
    approval: str | None = None


Sink = Callable[[Sequence[JsonObject]], object]


class DecisionLog:
    """Takes notes at once, writes them in batches from one thread.

    Args:
        sink: writes a batch of records: to the database, a file or standard output.
        sample_allow: share of permits that is kept, 0 to 1; denials are always kept.
        redaction: what is removed from a record before it is written.
        on_drop: called with the number of records lost to a full buffer or a failing sink.
    """

    def __init__(
        self,
        sink: Sink | None,
        redaction: Redaction,
        sample_allow: float = 1.0,
        on_drop: Callable[[int], object] = lambda lost: None,
    ) -> None:
        self._sink = sink
        self._redaction = redaction
        self._sample_allow = sample_allow
        self._on_drop = on_drop
        self._waiting: deque[DecisionNote] = deque()
        self._lost = 0
        self._stopping = False
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)

    def start(self) -> None:
        """Begin writing."""
        if self._sink is not None:
            self._thread.start()

    def add(self, note: DecisionNote) -> None:
        """Keep a note, unless sampling leaves it out; never blocks and never raises."""
        if self._sink is None:
            return
        if note.allowed and self._sample_allow < 1.0 and _chance.random() >= self._sample_allow:
            return
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(note)
            if len(self._waiting) == BATCH:
                self._wake.set()
        else:
            self._lost += 1

    @property
    def depth(self) -> int:
        """How many notes wait to be written."""
        return len(self._waiting)

    def flush(self) -> None:
        """Write what waits, now; used at shutdown and before the log is read."""
        if self._sink is None:
            return
        with self._writing:
            lost, self._lost = self._lost, 0
            for _ in range(-(-len(self._waiting) // BATCH)):
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    self._sink([self._record(note) for note in batch])
                except Exception:  # noqa: BLE001 - whatever the sink does, the server goes on
                    lost += len(batch)
            if lost:
                self._on_drop(lost)

    def close(self) -> None:
        """Write what waits and stop."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self.flush()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            if self._waiting or self._lost:
                self.flush()

    def _record(self, note: DecisionNote) -> JsonObject:
        subject, action, resource, context = note.evaluation
        if "approval" in context:
            # Its id and state are secrets: what is recorded is the reference of what was found.
            context = {name: value for name, value in context.items() if name != "approval"}
        body = {
            "subject": subject.json,
            "action": action.json,
            "resource": resource.json,
            "context": context,
        }
        return {
            "at": note.at,
            "request_id": note.request_id[:200].decode("latin-1"),
            "caller": note.caller,
            "evaluation_id": note.evaluation_id,
            "decision": note.allowed,
            "policies": list(note.policies),
            "approval": note.approval,
            "policy_version": note.policy_version,
            "entity_version": note.entity_version,
            "request": self._redaction.apply(body),
        }

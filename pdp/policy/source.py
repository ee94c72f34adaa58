"""The policy set in force, following its folder: loaded aside, swapped at once, last good kept."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from pdp.policy.bundle import Bundle, BundleError, Finding, build_bundle, load_bundle, read
from pdp.policy.pace import gently, give_back_memory
from pdp.policy.watch import FolderWatch

# A new event within this time restarts the wait, so that a slow writer can finish; in seconds.
SETTLE = 0.08
SETTLE_AT_MOST = 2.0

_log = logging.getLogger(__name__)


class Fault(NamedTuple):
    """The last failed load: when, why it was tried, and everything that was found."""

    at: datetime
    reason: str
    findings: tuple[Finding, ...]


class PolicySource:
    """Holds the bundle in force and replaces it when its folder changes.

    Making one loads the folder and raises `BundleError` when it cannot be used. From then on a
    broken folder only sets `last_fault`, and the bundle stays.
    """

    def __init__(
        self, policies: Path, schemas: Path | None, *, clock: Callable[[], datetime]
    ) -> None:
        self._policies = policies
        self._schemas = schemas
        self._clock = clock
        self._loading = threading.Lock()
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._loader = threading.Thread(target=self._follow, name="policy-loader", daemon=True)
        folders = [policies] if schemas is None else [policies, schemas]
        self._watch = FolderWatch(folders, lambda: self._wanted.put("the folder changed"))
        self._listeners: list[Callable[[Bundle], object]] = []
        self._fault_listeners: list[Callable[[Fault], object]] = []
        self._fault: Fault | None = None
        self.reloads = 0
        self.failures = 0
        self._current = load_bundle(policies, schemas, now=clock())
        give_back_memory()

    @property
    def current(self) -> Bundle:
        """The bundle in force."""
        return self._current

    @property
    def last_fault(self) -> Fault | None:
        """Why the folder as it is now was refused; None when it is the one in force."""
        return self._fault

    def subscribe(self, listener: Callable[[Bundle], object]) -> None:
        """Have `listener` called after each swap, and when a fault is over, by the loader."""
        self._listeners.append(listener)

    def subscribe_faults(self, listener: Callable[[Fault], object]) -> None:
        """Have `listener` called after each load that failed."""
        self._fault_listeners.append(listener)

    def start(self) -> None:
        """Begin to follow the folder."""
        self._loader.start()
        self._watch.start()
        # What changed between the first load and now went unseen.
        self.poke("the server started")

    def close(self) -> None:
        """Stop following; a load that is under way is finished first."""
        self._watch.close()
        self._wanted.put(None)
        if self._loader.is_alive():
            self._loader.join()

    def poke(self, reason: str = "asked for") -> None:
        """Ask for a load soon; harmless from any thread and from a signal handler."""
        self._wanted.put(reason)

    async def reload(self, reason: str) -> Bundle:
        """Load the folder now, in a worker thread; gives the bundle then in force."""
        return await anyio.to_thread.run_sync(self.reload_now, reason)

    def reload_now(self, reason: str) -> Bundle:
        """Load the folder now, in this thread; a broken one is noted and changes nothing."""
        with self._loading:
            try:
                with gently() as pace:
                    sources = read(self._policies, self._schemas, pace)
                    if sources.version == self._current.version:
                        self._unchanged()
                        return self._current
                    bundle = build_bundle(
                        sources, now=self._clock(), pace=pace, previous=self._current
                    )
            except BundleError as error:
                self._refused(Fault(self._clock(), reason, error.findings))
                return self._current
            self._current = bundle
            self._fault = None
            self.reloads += 1
            self._tell(self._listeners, bundle)
        give_back_memory()
        return bundle

    def _unchanged(self) -> None:
        if self._fault is not None:
            self._fault = None
            self._tell(self._listeners, self._current)

    def _refused(self, fault: Fault) -> None:
        self._fault = fault
        self.failures += 1
        for finding in fault.findings:
            if finding.severity == "error":
                _log.error("policy folder refused: %s", finding)
        self._tell(self._fault_listeners, fault)

    def _tell(self, listeners: list[Callable[..., object]], what: Bundle | Fault) -> None:
        for listener in listeners:
            try:
                listener(what)
            except Exception:  # noqa: BLE001
                # One listener's trouble must end neither the others' turn nor this thread.
                _log.exception("a listener of the policy folder failed")

    def _follow(self) -> None:
        while (reason := self._wanted.get()) is not None:
            if self._settled():
                return
            try:
                self.reload_now(reason)
            except Exception:  # noqa: BLE001
                _log.exception("loading the policy folder failed")

    def _settled(self) -> bool:
        """Wait until no event came for a while; whether the end was asked for meanwhile."""
        until = time.monotonic() + SETTLE_AT_MOST
        while time.monotonic() < until:
            try:
                if self._wanted.get(timeout=SETTLE) is None:
                    return True
            except queue.Empty:
                break
        return False

"""The runner: takes jobs from the outbox under a lease and does them, at least once each.

One thread claims jobs and writes down how they ended, in one transaction a turn; a few others do
them. It claims no more than can begin at once, so a lease need only outlast one handler. A runner
that dies loses nothing: its leases end and another takes the jobs.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random

from pdp.background.jobs import Handlers
from pdp.background.outcome import Outcome, attempt
from pdp.background.periodic import Periodic
from pdp.background.turn import Turn
from pdp.store.engine import CommitUnknown, Database, StoreUnavailable
from pdp.store.outbox import Job

INTERVAL_SECONDS = 0.5
LEASE = timedelta(seconds=60)
THREADS = 8
PERIODIC_SECONDS = 60.0
_log = logging.getLogger("pdp.background")
# One of its own: what runs beside must not move the one that all of the process share.
_chance = Random()


class Runner:
    """Does the jobs of the outbox in this process; any number of processes share the work.

    Args:
        database: where the outbox is.
        handlers: what does the jobs of each kind.
        clock: the present time.
        name: this runner among all of the deployment.
        periodic: what comes round again; the runner sees that its next job is there.
        lease: for how long a claimed job is kept from others; longer than any handler takes.
        threads: how many jobs are done at the same time.
        interval: seconds between two looks when nothing is to be done.
        count: told of each attempt as `outbox_done`, `outbox_failed`, `outbox_dead` or
            `outbox_lease_lost`.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        clock: Callable[[], datetime],
        name: str,
        *,
        periodic: Sequence[Periodic] = (),
        lease: timedelta = LEASE,
        threads: int = THREADS,
        interval: float = INTERVAL_SECONDS,
        count: Callable[[str], object] = lambda kind: None,
    ) -> None:
        self._turn = Turn(database, name, lease, periodic, count)
        self._handlers = handlers
        self._clock = clock
        self._threads = threads
        self._interval = interval
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._running = 0
        self._ended: list[Outcome] = []
        self._ensured: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._loop, name="runner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more, wait for the jobs that are being done, and write down their end."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def poke(self) -> None:
        """Look at once: there may be a new job."""
        self._wake.set()

    def run_due(self, now: datetime | None = None) -> int:
        """Do every job that is due, and what those put in turn, in this thread; gives how many.

        Args:
            now: the moment to take for the present; by default what the clock says.
        """
        self._turn.ensure_periodic(now or self._clock())
        done = 0
        ended: list[Outcome] = []
        while True:
            at = now or self._clock()
            claimed = self._turn.take(ended, 1, at)
            if not claimed and not ended:
                return done
            ended = [attempt(job, self._handlers, at, _chance.random()) for job in claimed]
            done += len(claimed)

    def _loop(self) -> None:
        with ThreadPoolExecutor(self._threads, thread_name_prefix="runner-job") as pool:
            while not self._stopping.is_set():
                self._dispatch_safely(pool)
                self._wake.wait(self._interval * _chance.uniform(0.75, 1.25))
                self._wake.clear()
        self._write_down_the_rest()

    def _dispatch_safely(self, pool: ThreadPoolExecutor) -> None:
        try:
            self._see_to_periodic()
            self._dispatch(pool)
        except (StoreUnavailable, CommitUnknown) as fault:
            _log.warning("the outbox cannot be worked on: %s", fault)
        except Exception:  # noqa: BLE001 - nothing may end the loop
            _log.exception("the outbox could not be worked on")

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        with self._guard:
            ended, self._ended = self._ended, []
            free = self._threads - self._running
        try:
            claimed = self._turn.take(ended, free, self._clock())
        except BaseException:
            with self._guard:
                self._ended = ended + self._ended
            raise
        with self._guard:
            self._running += len(claimed)
        for job in claimed:
            pool.submit(self._do, job)

    def _do(self, job: Job) -> None:
        outcome = attempt(job, self._handlers, self._clock(), _chance.random())
        with self._guard:
            self._running -= 1
            self._ended.append(outcome)
        self._wake.set()

    def _see_to_periodic(self) -> None:
        if self._ensured is None or time.monotonic() - self._ensured >= PERIODIC_SECONDS:
            self._turn.ensure_periodic(self._clock())
            self._ensured = time.monotonic()

    def _write_down_the_rest(self) -> None:
        try:
            self._turn.take(self._ended, 0, self._clock())
        except (StoreUnavailable, CommitUnknown) as fault:
            _log.warning("jobs that were done will be done again: %s", fault)
        self._ended = []

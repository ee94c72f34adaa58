"""One turn of the runner at the database: write down what ended, claim what is due."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pdp.background.outcome import Outcome, settle
from pdp.background.periodic import Periodic, ensure
from pdp.store import outbox
from pdp.store.engine import CommitUnknown, Database, Session, StoreUnavailable
from pdp.store.outbox import Job

_log = logging.getLogger("pdp.background")
_AGAIN_AFTER = timedelta(minutes=1)


class Turn:
    """What a runner asks of the database; `Runner` describes the arguments."""

    def __init__(
        self,
        database: Database,
        name: str,
        lease: timedelta,
        periodic: Sequence[Periodic],
        count: Callable[[str], object],
    ) -> None:
        self._database = database
        self._name = name
        self._lease = lease
        self._periodic = periodic
        self._count = count

    def take(self, ended: Sequence[Outcome], free: int, now: datetime) -> list[Job]:
        """Write down what ended and claim up to `free` jobs, all in one transaction."""
        if not ended and not free:
            return []

        def work(session: Session) -> tuple[list[bool], list[Job]]:
            held = [settle(session, outcome, now) for outcome in ended]
            if not free:
                return held, []
            return held, outbox.claim(session, self._name, free, now=now, lease=self._lease)

        try:
            held, claimed = self._database.write(work)
        except (StoreUnavailable, CommitUnknown):
            raise
        except Exception:
            if not ended:
                raise
            held, claimed = [self._settle_alone(outcome, now) for outcome in ended], []
        for outcome, kept in zip(ended, held, strict=True):
            self._tell(outcome, kept)
        return claimed

    def ensure_periodic(self, now: datetime) -> None:
        """See that the next job of everything periodic is there."""
        if self._periodic:
            self._database.write(
                lambda session: [ensure(session, each, now) for each in self._periodic]
            )

    def _settle_alone(self, outcome: Outcome, now: datetime) -> bool:
        try:
            return self._database.write(lambda session: settle(session, outcome, now))
        except (StoreUnavailable, CommitUnknown):
            raise
        except Exception as fault:  # noqa: BLE001 - as above
            _log.exception("the end of job %s cannot be written", outcome.job.seq)
            error = f"its end could not be written: {type(fault).__name__}: {fault}"[:500]
            bare = replace(outcome, end="failed", error=error, pause=_AGAIN_AFTER, also=None)
            return self._database.write(lambda session: settle(session, bare, now))

    def _tell(self, outcome: Outcome, kept: bool) -> None:
        self._count(f"outbox_{outcome.end}" if kept else "outbox_lease_lost")
        if outcome.end == "done":
            return
        job = outcome.job
        level = logging.ERROR if outcome.end == "dead" else logging.INFO
        text = "job %s of the kind `%s`: %s at attempt %s: %s"
        _log.log(level, text, job.seq, job.kind, outcome.end, job.attempts, outcome.error)

"""Work that comes round again: one job for each slot of time, whoever of the replicas does it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pdp.store import outbox
from pdp.store.engine import Session

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A kind of job that is due once in every slot.

    Attributes:
        kind: the kind of its jobs.
        every: the length of a slot; slots begin at multiples of it.
        offset: how long after the beginning of its slot the job is due.
    """

    kind: str
    every: timedelta
    offset: timedelta = timedelta()

    def next_after(self, now: datetime) -> datetime:
        """When the first job after `now` is due."""
        slots = (now - _EPOCH - self.offset) // self.every + 1
        return _EPOCH + self.offset + slots * self.every


def ensure(session: Session, periodic: Periodic, now: datetime) -> bool:
    """Put the next job of its kind, unless it is there; tells whether it was put."""
    due = periodic.next_after(now)
    job = outbox.Job(
        kind=periodic.kind,
        key=f"{periodic.kind}@{due:%Y-%m-%dT%H:%M:%SZ}",
        payload={},
        created_at=now,
        run_at=due,
    )
    return outbox.put(session, job)

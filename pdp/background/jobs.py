"""What a handler of jobs is, and how it says that a job did not work out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pdp.background.backoff import INTERNAL, Schedule
from pdp.store.engine import Session
from pdp.store.outbox import Job

Also = Callable[[Session], object]
"""Written in the transaction that notes how a job ended; it may run more than once."""


class Retry(Exception):
    """The job should be tried again, by its schedule; the text says why and is kept.

    Args:
        error: the cause, without secrets and without what another server answered.
        after: the least time to wait, where the other side asked for it.
        also: written with the note of the failure.
    """

    def __init__(
        self, error: str, *, after: timedelta | None = None, also: Also | None = None
    ) -> None:
        super().__init__(error)
        self.after = after
        self.also = also


class GiveUp(Exception):
    """The job can never work: it is buried at once, for an operator to look at."""

    def __init__(self, error: str, *, also: Also | None = None) -> None:
        super().__init__(error)
        self.also = also


Run = Callable[[Job, datetime], Also | None]


@dataclass(frozen=True, slots=True)
class Handler:
    """Does the jobs of one kind.

    Attributes:
        run: does a job, which may have been done before: it must be harmless twice. It may return
            what is to be written together with the note that the job is done.
        schedule: when it is tried again.
    """

    run: Run
    schedule: Schedule = INTERNAL


Handlers = Mapping[str, Handler]

"""How a job ended, and writing that down."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pdp.background.backoff import INTERNAL
from pdp.background.jobs import Also, GiveUp, Handlers, Retry
from pdp.store import audit, outbox
from pdp.store.engine import Session
from pdp.store.outbox import Job

DEAD = "outbox.dead"
"""The audit event of a job that is given up."""
_LONGEST_ERROR = 500

End = Literal["done", "failed", "dead"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended; `pause` is set when the job is tried again."""

    job: Job
    end: End
    error: str = ""
    pause: timedelta | None = None
    also: Also | None = None


def attempt(job: Job, handlers: Handlers, now: datetime, chance: float) -> Outcome:
    """Do a claimed job; whatever its handler raises becomes an outcome."""
    handler = handlers.get(job.kind)
    schedule = handler.schedule if handler else INTERNAL
    if job.attempts > schedule.attempts:
        return Outcome(job, "dead", "it was begun again and again and never ended")
    try:
        if handler is None:
            raise Retry(f"nothing here does jobs of the kind `{job.kind}`")
        return Outcome(job, "done", also=handler.run(job, now))
    except GiveUp as fault:
        return Outcome(job, "dead", _text(fault), also=fault.also)
    except Retry as fault:
        pause = schedule.pause(job.attempts, chance, fault.after)
        return Outcome(job, "failed" if pause else "dead", _text(fault), pause, fault.also)
    except Exception as fault:  # noqa: BLE001 - no job may end the loop that does all the others
        pause = schedule.pause(job.attempts, chance)
        text = f"{type(fault).__name__}: {fault}"[:_LONGEST_ERROR]
        return Outcome(job, "failed" if pause else "dead", text, pause)


def settle(session: Session, outcome: Outcome, now: datetime) -> bool:
    """Write down how a job ended; False when its lease was lost to another runner."""
    job, pause = outcome.job, outcome.pause
    if outcome.end == "done":
        held = outbox.complete(session, job, now)
    elif pause is not None:
        held = outbox.fail(session, job, outcome.error, again_at=now + pause)
    else:
        held = outbox.bury(session, job, outcome.error, now)
        if held:
            audit.append(session, _burial(job, outcome.error, now))
    if held and outcome.also is not None:
        outcome.also(session)
    return held


def _burial(job: Job, error: str, now: datetime) -> audit.AuditEvent:
    details = {"seq": job.seq, "kind": job.kind, "attempts": job.attempts, "error": error}
    return audit.AuditEvent(
        at=now, event=DEAD, task_id=job.task_id, actor_type="system", actor_id="runner",
        details=details,
    )  # fmt: skip


def _text(fault: Exception) -> str:
    return str(fault)[:_LONGEST_ERROR]

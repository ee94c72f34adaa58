"""The outbox as an operator may see and touch it: never the payloads, which may hold secrets."""

from datetime import datetime
from typing import Any

from pdp.background.wake import TOPIC
from pdp.store import audit, outbox_admin
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job

REPLAYED = "outbox.replayed"
_SHOWN = (
    "seq", "kind", "task_id", "created_at", "run_at", "ready_at", "attempts", "last_error",
    "done_at", "dead_at",
)  # fmt: skip


def shown(job: Job) -> dict[str, Any]:
    """A job as JSON, without its payload."""
    return job.model_dump(mode="json", include=set(_SHOWN))


def replay(
    database: Database, seq: int, now: datetime, actor_type: str, actor_id: str
) -> Job | None:
    """Have a buried job run again and record who asked for it; None when it is not buried."""

    def work(session: Session) -> Job | None:
        if not outbox_admin.replay(session, seq, now):
            return None
        job = outbox_admin.get(session, seq)
        session.topics.add(TOPIC)
        event = audit.AuditEvent(
            at=now,
            event=REPLAYED,
            task_id=job.task_id if job else None,
            actor_type=actor_type,
            actor_id=actor_id,
            details={"seq": seq, "kind": job.kind if job else None},
        )
        audit.append(session, event)
        return job

    return database.write(work)

"""All kinds of jobs with what does them, ready for a runner."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from pdp.background import (
    audit_heads,
    callbacks,
    deferral_notices,
    external_calls,
    publishing,
    retention,
    timers,
    webhooks,
)
from pdp.background.audit_heads import HeadSigner
from pdp.background.callbacks import Handles
from pdp.background.credentials import Credentials
from pdp.background.deliveries import Deliverer, Poster, Signer
from pdp.background.external_calls import Questions
from pdp.background.jobs import Handlers
from pdp.background.retention import Keep
from pdp.background.runner import LEASE
from pdp.background.timers import TaskTimers
from pdp.background.webhooks import Unsealer
from pdp.store.audit_chain import AuditHead
from pdp.store.engine import Database

PERIODIC = (timers.SWEEP, audit_heads.SIGNING, retention.NIGHTLY, deferral_notices.SWEEP)
"""What comes round again."""


class Keys(Signer, HeadSigner, Unsealer, Protocol):
    """What is needed of the key ring."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers need.

    Attributes:
        issuer: this server's identifier: its base URL.
        hand_over: given each signed head of the audit, to be kept elsewhere.
    """

    database: Database
    keys: Keys
    issuer: str
    poster: Poster
    credentials: Credentials
    timers: TaskTimers
    handles: Handles
    questions: Questions
    hand_over: Callable[[AuditHead], object]
    keep: Keep = field(default_factory=Keep)


def handlers(parts: Parts) -> Handlers:
    """The handler of every kind of job."""
    database, keys = parts.database, parts.keys
    deliverer = Deliverer(parts.poster, keys, parts.issuer)
    timer = timers.timer_handler(parts.timers)
    return {
        timers.TASK_TIMER: timer,
        timers.REVIEW_DUE: timer,
        timers.SWEEP.kind: timers.sweep_handler(database, parts.timers),
        callbacks.KIND: callbacks.callback_handler(
            database, parts.handles, deliverer, parts.credentials
        ),
        external_calls.KIND: external_calls.external_handler(
            database, parts.questions, deliverer, parts.credentials, keys
        ),
        publishing.WEBHOOK: webhooks.webhook_handler(database, deliverer, keys),
        audit_heads.SIGNING.kind: audit_heads.head_handler(
            database, keys, parts.issuer, parts.hand_over
        ),
        deferral_notices.KIND: deferral_notices.notice_handler(database, deliverer, keys),
        deferral_notices.SWEEP.kind: deferral_notices.sweep_handler(database),
        retention.KIND: retention.retention_handler(database, parts.keep),
    }


def lease_for(outbound_seconds: float) -> timedelta:
    """A lease that outlasts the longest handler, given how long a delivery may take."""
    return max(LEASE, timedelta(seconds=2 * outbound_seconds + 30))

"""What follows from a change of a task: values that the services carry out or record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from pdp.core.scope import Scope
from pdp.core.task import Outcome, Status, Task, Vote
from pdp.core.values import EntityUid, JsonObject
from pdp.core.workflow import External, Interaction, Workflow

Notice = Literal[
    "approval_needed", "reminder", "escalated", "assigned", "emergency", "skipped", "resolved"
]
Reason = Literal[
    "closed",
    "expired",
    "claimed",
    "already_voted",
    "not_eligible",
    "not_named",
    "no_such_item",
    "no_such_step",
    "not_open",
    "passed",
    "narrowing",
    "scope",
]


class AuditEvent(NamedTuple):
    """One thing to be recorded, at the moment it took effect."""

    event: str
    at: datetime
    details: JsonObject


class VoteCast(NamedTuple):
    """A vote to be kept under its slot, once per person."""

    position: int
    slot: int
    vote: Vote


class Timer(NamedTuple):
    """The task must be looked at again at that moment; it replaces any earlier timer."""

    at: datetime
    kind: str


class Notify(NamedTuple):
    """Somebody is to be told: the people of a queue, or one person."""

    kind: Notice
    queue: str | None = None
    person: EntityUid | None = None
    step: str | None = None
    positions: tuple[int, ...] = ()


class AskPolicy(NamedTuple):
    """A `policy` step has begun: Cedar is to be asked in the same transaction."""

    step: str
    leaf: int
    positions: tuple[int, ...]


class CallExternal(NamedTuple):
    """An `external` step has begun: the third party is to be called, if it has a URL."""

    step: str
    leaf: int
    positions: tuple[int, ...]
    external: External
    until: datetime


class AskInteraction(NamedTuple):
    """An `interaction` step has begun: the subject is to be sent to its page."""

    step: str
    leaf: int
    positions: tuple[int, ...]
    interaction: Interaction
    until: datetime


class StepEnded(NamedTuple):
    """A step of these items is over; links that were given out for it are void."""

    step: str
    leaf: int
    positions: tuple[int, ...]
    outcome: Outcome


class ApprovalGranted(NamedTuple):
    """An item was approved; the approval is to be made.

    Attributes:
        standing: evaluations are to find it by themselves.
        review_by: until when the use of an emergency approval must be reviewed.
        approvers: those whose votes made it, and those they stood in for.
        evidence: the policies that permitted the votes or approved by themselves.
    """

    position: int
    workflow: Workflow
    approved_at: datetime
    approved_until: datetime
    scope: Scope
    single_use: bool
    standing: bool
    emergency: bool
    review_by: datetime | None
    approvers: tuple[EntityUid, ...]
    evidence: tuple[str, ...]


class ItemResolved(NamedTuple):
    """An item left `pending`."""

    position: int
    status: Status
    reason_code: str | None = None


class TaskResolved(NamedTuple):
    """The last item left `pending`."""

    status: Status


class Callback(NamedTuple):
    """The PEP is to be called back, if it asked for this event."""

    event: Status


Effect = (
    AuditEvent
    | VoteCast
    | Timer
    | Notify
    | AskPolicy
    | CallExternal
    | AskInteraction
    | StepEnded
    | ApprovalGranted
    | ItemResolved
    | TaskResolved
    | Callback
)


class Refusal(NamedTuple):
    """Why an event was not accepted.

    `not_eligible` and `not_named` say that the person may not; `no_such_item`, `no_such_step`,
    `passed`, `narrowing` and `scope` that the event itself is wrong; the others that the task's
    state does not allow it.
    """

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an event made of a task.

    A refused event may come with a changed task, when time had moved on unseen: the change is to
    be kept all the same.
    """

    task: Task
    effects: tuple[Effect, ...] = ()
    refusal: Refusal | None = None

    def then(self, following: "Change") -> "Change":
        """Both changes as one; `following` started from this one's task."""
        return Change(following.task, self.effects + following.effects, following.refusal)

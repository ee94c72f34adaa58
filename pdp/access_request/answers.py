"""What a third party reports about an `external` step, and the subject's visit to a page.

Each wait has a secret of its own, known to whom it was sent; with it one answer is taken, once.
Where the step names a secret of the third party, the answer must also be signed with that
(Standard Webhooks). Nothing here approves a request: it ends one step of its workflow.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pdp.access_request.case import Case, load_case
from pdp.access_request.desk import Desk
from pdp.access_request.transition import keep, retrying
from pdp.core.authzen import InvalidRequest
from pdp.core.cause import Cause
from pdp.core.task_answers import external_result, interaction_done
from pdp.core.task_effects import Change
from pdp.core.values import JsonObject, JsonValue
from pdp.core.workflow import Step
from pdp.errors import CONFLICT, UNAUTHENTICATED, Problem
from pdp.store import interactions
from pdp.store.interactions import Interaction
from pdp.store.session import Session
from pdp.trust.webhook_signature import BadSignature, parse_secret, verify

Outcome = Literal["approved", "refused", "failed", "done"]
OUTCOMES: tuple[Outcome, ...] = ("approved", "refused", "failed", "done")
LONGEST_REASON = 200
LONGEST_TOKEN = 512
_REPLAY = "this was answered before, or is over"


class Answer(NamedTuple):
    """What was answered.

    Attributes:
        outcome: `done` of a page that was visited; the others of a third party.
        reason: a code, kept with a refusal.
        details: whatever else was sent, kept for the audit and used for nothing.
    """

    outcome: Outcome
    reason: str | None = None
    details: JsonObject | None = None


class Message(NamedTuple):
    """An answer as it was received: what its signature is about."""

    headers: Mapping[str, str]
    body: bytes


def answer_from(body: JsonValue) -> Answer:
    """Read `{"outcome", "reason", "details"}`; raises `InvalidRequest`."""
    if not isinstance(body, dict):
        raise InvalidRequest("", "must be an object")
    outcome, reason, details = body.get("outcome"), body.get("reason"), body.get("details")
    if outcome not in OUTCOMES:
        raise InvalidRequest("/outcome", f"must be one of {', '.join(OUTCOMES)}")
    if reason is not None and (type(reason) is not str or len(reason) > LONGEST_REASON):
        raise InvalidRequest("/reason", f"must be a text of at most {LONGEST_REASON} characters")
    if details is not None and type(details) is not dict:
        raise InvalidRequest("/details", "must be an object")
    return Answer(outcome, reason, details)


def take_answer(
    session: Session,
    desk: Desk,
    token: str,
    answer: Answer,
    message: Message | None,
    *,
    origin: JsonObject | None,
    now: datetime,
) -> Case:
    """Take the one answer of a wait, in the caller's transaction.

    1. Which wait is it? 2. is it signed as its step wants? 3. was it answered before? 4. end the
    step, with all that follows.

    Args:
        message: what was received; None where the subject itself used our page.

    Raises:
        Problem: 401 for an unknown token or a bad signature, 409 for a second answer, for one
            that is too late, or for one of the wrong kind.
    """
    waiting = waiting_for(session, token)
    case = load_case(session, waiting.task_id)
    if case is None:
        raise _unknown()
    if message is not None:
        require_signature(desk, step_of(case, waiting), message, now)
    if (answer.outcome == "done") != (waiting.kind == "interaction"):
        raise Problem(CONFLICT, f"`{answer.outcome}` does not answer what was asked")
    given = {"outcome": answer.outcome, "reason": answer.reason, "details": answer.details}
    if not interactions.answer(session, waiting.id, given, now):
        raise Problem(CONFLICT, _REPLAY)
    actor = "subject" if waiting.kind == "interaction" else "third_party"
    who = case.row.subject_id if actor == "subject" else str(waiting.data["step"])
    cause = Cause(actor, who, {"details": answer.details} if answer.details else None, origin)
    return answered(session, desk, case, waiting, answer, cause=cause, now=now)


def answered(
    session: Session,
    desk: Desk,
    case: Case,
    waiting: Interaction,
    answer: Answer,
    *,
    cause: Cause,
    now: datetime,
) -> Case:
    """End the step that waited; raises `Problem` 409 when it waits no longer."""

    def change_of(found: Case) -> Change:
        step, positions = str(waiting.data["step"]), waiting.data["positions"]
        if answer.outcome == "done":
            return interaction_done(found.task, step, now, positions=positions)
        return external_result(
            found.task, step, answer.outcome, now, positions=positions, reason=answer.reason
        )

    return _ended(session, desk, case, change_of, cause, now)


def report_step(
    session: Session,
    desk: Desk,
    case: Case,
    step: str,
    answer: Answer,
    *,
    positions: Sequence[int] | None,
    cause: Cause,
    now: datetime,
) -> Case:
    """End an `external` step by a report through the API, of someone whom policy lets.

    Raises:
        Problem: 409 when the step does not wait.
    """
    if answer.outcome == "done":
        raise Problem(CONFLICT, "`done` does not answer what was asked")
    outcome = answer.outcome
    for waiting in interactions.of_task(session, case.row.id):
        open_ = waiting.state in ("waiting", "visited") and waiting.kind == "external"
        if open_ and waiting.data.get("step") == step:
            about = waiting.data.get("positions", [])
            if positions is None or set(about) <= set(positions):
                given = {"outcome": outcome, "reason": answer.reason}
                interactions.answer(session, waiting.id, given, now)

    def change_of(found: Case) -> Change:
        return external_result(
            found.task, step, outcome, now, positions=positions, reason=answer.reason
        )

    return _ended(session, desk, case, change_of, cause, now)


def waiting_for(session: Session, token: str) -> Interaction:
    """The wait that a secret belongs to; raises `Problem` 401."""
    found = interactions.by_secret(session, token) if 0 < len(token) <= LONGEST_TOKEN else None
    if found is None:
        raise _unknown()
    return found


def step_of(case: Case, waiting: Interaction) -> Step:
    """The step that waits, as it was when the request was made."""
    position = int(waiting.data["positions"][0])
    plan = case.task.plan_of(case.task.items[position])
    return plan.workflow.leaves()[waiting.step]


def require_signature(desk: Desk, step: Step, message: Message, now: datetime) -> None:
    """Let an answer pass that is signed as its step wants; raises `Problem` 401."""
    name = step.external.secret if step.external is not None else None
    if name is None:
        return
    configured: Any = desk.settings.secrets.get(name)
    try:
        if configured is None:
            raise BadSignature(f"no secret `{name}` is configured")
        verify(message.headers, message.body, [parse_secret(configured.get_secret_value())], now)
    except BadSignature as fault:
        raise Problem(UNAUTHENTICATED, str(fault)) from None


def _ended(
    session: Session,
    desk: Desk,
    case: Case,
    change_of: Callable[[Case], Change],
    cause: Cause,
    now: datetime,
) -> Case:
    first: list[Case] = [case]

    def once() -> Case | None:
        found = first.pop() if first else load_case(session, case.row.id)
        if found is None:
            raise _unknown()
        change = change_of(found)
        if change.refusal is not None:
            raise Problem(CONFLICT, change.refusal.detail)
        return keep(session, desk, found, change, cause=cause, now=now)

    return retrying(once)


def _unknown() -> Problem:
    return Problem(UNAUTHENTICATED, "the token is not known")

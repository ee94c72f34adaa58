"""The parts of a process that serve authorization servers, put together."""

import time
from collections.abc import Callable
from datetime import datetime

from pdp.access_request.desk import Desk
from pdp.core.authzen import Evaluation
from pdp.deferral.pace import Pace
from pdp.deferral.parts import Parts
from pdp.evaluation.decision_log import DecisionLog, DecisionNote
from pdp.evaluation.evaluate import Outcome
from pdp.evaluation.reconsider import Approvals
from pdp.ops.metrics import Metrics
from pdp.policy.authorizer import Authorizer
from pdp.settings import Settings
from pdp.trust.callers import Caller
from pdp.trust.keys import KeyRing
from pdp.trust.trusted_pdps import TrustedPdps


def deferral_of(
    settings: Settings,
    desk: Desk,
    keys: KeyRing,
    approvals: Approvals,
    log: Callable[[], DecisionLog],
    metrics: Metrics,
) -> Parts:
    """The parts of the OAuth API of this process."""

    def note(
        evaluation: Evaluation,
        outcome: Outcome,
        caller: Caller,
        authorizer: Authorizer,
        now: datetime,
    ) -> None:
        if outcome.allowed:
            metrics.permitted()
        else:
            metrics.denied()
        taken = DecisionNote(
            now,
            b"",
            caller.id,
            _without_approval(evaluation),
            outcome.allowed,
            tuple(policy.id for policy in outcome.answer.determining),
            authorizer.version,
            authorizer.entity_version,
            None,
            outcome.approval_ref,
        )
        log().add(taken)

    resources = TrustedPdps.from_settings(settings, time.time, settings.resources)
    return Parts(desk, keys, approvals, resources, note, Pace(desk.database))


def _without_approval(evaluation: Evaluation) -> Evaluation:
    """An approval that we present to ourselves is a secret, and is in nobody's log."""
    context = {name: value for name, value in evaluation.context.items() if name != "approval"}
    return evaluation._replace(context=context)

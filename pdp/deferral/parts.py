"""What the services of the OAuth API work with, put together by the composition root."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from pdp.access_request.desk import Desk
from pdp.core.authzen import Evaluation
from pdp.core.cause import Cause
from pdp.deferral.pace import Pace
from pdp.evaluation.evaluate import Outcome
from pdp.evaluation.reconsider import Approvals
from pdp.policy.authorizer import Authorizer
from pdp.trust.callers import Caller
from pdp.trust.keys import KeyRing
from pdp.trust.trusted_pdps import TrustedPdps

Note = Callable[[Evaluation, Outcome, Caller, Authorizer, datetime], object]
"""Takes a note of a decision."""


class Parts(NamedTuple):
    """The parts of the services.

    Attributes:
        resources: verifies the transaction challenges of registered resources.
        note: called with every decision that is taken here.
        pace: when handles were polled last.
    """

    desk: Desk
    keys: KeyRing
    approvals: Approvals
    resources: TrustedPdps
    note: Note
    pace: Pace


class Asker(NamedTuple):
    """The authorization server that calls, and from where.

    Attributes:
        key: of `Idempotency-Key`, if any.
    """

    caller: Caller
    cause: Cause
    key: str | None = None

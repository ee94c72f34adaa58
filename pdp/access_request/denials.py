"""The denials that a submission presents, held against it; each opens one request only."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pdp.access_request.denial_proof import DenialProof
from pdp.access_request.desk import Desk
from pdp.access_request.order import UsedDenial
from pdp.access_request.submission import Submission, denials_of
from pdp.core.denial import Accepted, Denial, Refused
from pdp.core.moment import format_moment
from pdp.core.values import JsonObject
from pdp.errors import EXPIRED_DENIAL, INVALID_DENIAL_BINDING, NOT_REQUESTABLE, Kind, Problem
from pdp.trust.compact import issuer_of

_KINDS: Mapping[str, Kind] = {
    "not_requestable": NOT_REQUESTABLE,
    "invalid_denial_binding": INVALID_DENIAL_BINDING,
    "expired_denial": EXPIRED_DENIAL,
}

LARGEST_SKEW = timedelta(seconds=60)


class Proven(NamedTuple):
    """A denial that holds, and its place in the submission."""

    at: str
    denial: Denial
    accepted: Accepted
    own_issuer: str

    @property
    def issuer(self) -> str:
        """Which PDP gave it."""
        return self.accepted.issuer or self.own_issuer

    def marks(self) -> Iterator[UsedDenial]:
        """What is remembered of its use: its token, and its evaluation where it is one of ours.

        An `evaluation_id` beside the token of another PDP need not be protected, so that it could
        be that of somebody else's denial.
        """
        until = self.accepted.deadline + 2 * LARGEST_SKEW
        token, evaluation = self.denial.binding_token, self.accepted.evaluation_id
        if token is not None:
            at = f"{self.at}/binding_token"
            value = self.accepted.token_id or hashlib.sha256(token.encode()).hexdigest()
            kind = "jti" if self.accepted.token_id else "token"
            yield UsedDenial(kind, self.issuer, value, until, at)
        if evaluation is not None and self.issuer == self.own_issuer:
            name = "evaluation_id" if token is None else "binding_token"
            yield UsedDenial("evaluation", self.issuer, evaluation, until, f"{self.at}/{name}")

    def kept(self) -> JsonObject:
        """What is kept of it with the request."""
        told = {
            "issuer": self.issuer,
            "expires_at": format_moment(self.denial.expires_at),
            "evaluation_id": self.accepted.evaluation_id,
            "token_id": self.accepted.token_id,
            "template": self.accepted.template,
            "reason": self.denial.reason,
            "evaluated_at": self.denial.evaluated_at and format_moment(self.denial.evaluated_at),
        }
        return {name: value for name, value in told.items() if value is not None}


def proof_of(desk: Desk) -> DenialProof:
    """Checks the denials of this PDP and of those that are trusted."""
    issuers = {**desk.trusted.verifiers(), desk.identifier: desk.keys.verify}
    return DenialProof(
        desk.identifier,
        desk.endpoint,
        desk.keys,
        issuers,
        issuer_of,
        desk.settings.access_requests.clock_skew,
    )


def prove_denials(
    desk: Desk, submission: Submission, caller: str, now: datetime
) -> dict[str, Proven]:
    """Every denial of a submission, by its place; a fault of binding comes before expiry.

    Raises:
        Problem: one of ARAP's, with the place of the fault.
    """
    presented = denials_of(submission)
    if isinstance(presented, Refused):
        raise problem_of(presented)
    proof = proof_of(desk)
    expired: Refused | None = None
    found: dict[str, Proven] = {}
    for at, denial, bound in presented:
        checked = proof.check(denial, bound, caller, now, at)
        if isinstance(checked, Accepted):
            found[at] = Proven(at, denial, checked, desk.identifier)
        elif checked.kind != "expired_denial":
            raise problem_of(checked)
        else:
            expired = expired or checked
    if expired is not None:
        raise problem_of(expired)
    return found


def problem_of(refused: Refused) -> Problem:
    """The problem that a refused denial is answered with."""
    text = f"`{refused.pointer}` {refused.detail}"
    errors = [{"pointer": refused.pointer, "detail": refused.detail}]
    return Problem(_KINDS[refused.kind], text, errors=errors)


def tokens_of(submission: Submission) -> Iterator[str]:
    """Every binding token that is presented, to have its issuer's keys at hand."""
    for denial in (submission.denial, *(item.denial for item in submission.items)):
        token = denial.get("binding_token") if isinstance(denial, dict) else None
        if isinstance(token, str):
            yield token

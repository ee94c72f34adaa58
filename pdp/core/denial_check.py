"""Whether a submitted denial is one of ours, for this very request, and still fresh (ARAP).

What is decided here is decided over claims whose signature or MAC the caller has verified. Faults
of the binding come before expiry, so that nobody learns the age of a denial that is not theirs.
"""

from datetime import datetime, timedelta

from pdp.core.binding import binding_hashes, bound_context, hash_fits, same, same_subject
from pdp.core.denial import SKEW, Accepted, Denial, Recipient, Refused, Submission, unbound
from pdp.core.denial_claims import BindingClaims
from pdp.core.evaluation_id import EvaluationId
from pdp.core.jcs import NotCanonical
from pdp.core.values import JsonObject, JsonValue


def check_denial(
    claims: BindingClaims,
    denial: Denial,
    submission: Submission,
    recipient: Recipient,
    *,
    now: datetime,
    skew: timedelta = SKEW,
    at: str = "/denial",
) -> Accepted | Refused:
    """Check a denial by the claims of its token, whose signature has been verified.

    The steps are those of the profile's Binding Token Integrity: issuer and audience; what the
    token names besides; the bound request; the agreement of the expiries; freshness. Whether the
    token was used before is for the caller to see, by issuer and `token_id`.
    """
    refused = (
        _for_somebody_else(claims, recipient, now + skew, f"{at}/binding_token")
        or _named_otherwise(claims, denial, at)
        or _bound_otherwise(claims, submission, f"{at}/binding_token")
    )
    if refused is not None:
        return refused
    deadline = _deadline(claims, denial, at)
    if isinstance(deadline, Refused):
        return deadline
    if now > deadline + skew:
        return _expired(at)
    evaluation_id = claims.evaluation_id or denial.evaluation_id
    return Accepted(
        deadline,
        claims.members or (),
        claims.template or denial.template,
        evaluation_id,
        claims.issuer,
        claims.token_id,
    )


def check_reference(
    reference: EvaluationId | None,
    denial: Denial,
    *,
    proven: bool,
    now: datetime,
    skew: timedelta = SKEW,
    at: str = "/denial",
) -> Accepted | Refused:
    """Check a denial by its `evaluation_id` alone; the expiry that it carries decides.

    Args:
        reference: what `denial.evaluation_id` was read as.
        proven: whether its MAC fits the submission and the caller.
    """
    place = f"{at}/evaluation_id"
    if reference is None:
        return unbound(place, "is not known")
    if reference.expires_at is None:
        return Refused("not_requestable", place, "is not of a denial that can be requested")
    if not proven:
        return unbound(place, "does not fit this request")
    if denial.template is not None and denial.template != reference.template:
        return unbound(f"{at}/template", "is not the template of the denial")
    if now > reference.expires_at + skew:
        return _expired(at)
    return Accepted(
        reference.expires_at, reference.members, reference.template, denial.evaluation_id
    )


def _for_somebody_else(
    claims: BindingClaims, recipient: Recipient, latest: datetime, at: str
) -> Refused | None:
    if claims.issuer not in recipient.issuers:
        return unbound(at, "is of an issuer that is not trusted")
    if not set(claims.audience) & set(recipient.audiences):
        return unbound(at, "is not addressed to this service")
    if claims.caller is not None and claims.caller != recipient.caller:
        return unbound(at, "was given to another caller")
    if claims.not_before is not None and claims.not_before > latest:
        return unbound(at, "is not valid yet")
    return None


def _named_otherwise(claims: BindingClaims, denial: Denial, at: str) -> Refused | None:
    for member, claimed, echoed in (
        ("evaluation_id", claims.evaluation_id, denial.evaluation_id),
        ("template", claims.template, denial.template),
    ):
        if claimed is not None and echoed is not None and claimed != echoed:
            return unbound(f"{at}/{member}", "differs from that of the binding token")
    return None


def _bound_otherwise(claims: BindingClaims, submission: Submission, at: str) -> Refused | None:
    if claims.binding_hash is None and claims.inline is None:
        return unbound(at, "does not say which request it is for")
    if claims.binding_hash is not None:
        try:
            hashes = binding_hashes(*submission, claims.members or ())
        except NotCanonical as error:
            return unbound(error.at, str(error).partition(": ")[2])
        if not hash_fits(claims.binding_hash, hashes):
            return unbound(at, "is for another request")
    if claims.inline is not None:
        return _differs(claims.inline, submission, claims.members or ())
    return None


def _differs(
    inline: JsonObject, submission: Submission, members: tuple[str, ...]
) -> Refused | None:
    subject = inline.get("subject")
    if not isinstance(subject, dict) or not same_subject(subject, submission.subject):
        return unbound("/subject", "differs from that of the denial")
    if "items" in submission.asked or "items" in inline:
        if not same(_pairs(inline.get("items")), _pairs(submission.asked.get("items"))):
            return unbound("/items", "differ from those of the denial, or in their order")
    else:
        for member in ("resource", "action"):
            if not same(inline.get(member), submission.asked[member]):
                return unbound(f"/{member}", "differs from that of the denial")
    context = inline.get("context", {})
    bound = bound_context(context if isinstance(context, dict) else {}, members)
    if not same(bound, bound_context(submission.context, members)):
        return unbound("/context", "differs from that of the denial")
    return None


def _pairs(items: JsonValue) -> JsonValue:
    if not isinstance(items, list):
        return None
    return [
        {name: item.get(name) for name in ("resource", "action")}
        if isinstance(item, dict)
        else item
        for item in items
    ]


def _deadline(claims: BindingClaims, denial: Denial, at: str) -> datetime | Refused:
    protected = claims.denial_expires_at
    if protected is not None:
        if protected != denial.expires_at:
            return unbound(f"{at}/expires_at", "differs from that of the binding token")
        return min(protected, claims.expires_at or protected)
    if claims.expires_at is None:
        return unbound(f"{at}/binding_token", "does not say when it expires")
    if claims.expires_at > denial.expires_at:
        return unbound(f"{at}/binding_token", "does not prove when the denial expires")
    return claims.expires_at


def _expired(at: str) -> Refused:
    return Refused("expired_denial", f"{at}/expires_at", "the denial has expired: evaluate again")

"""The claims of a signed `approval.state`: an approval that a PDP can verify without our store.

Draft 1 names no claims but `iss` and `aud`; these are those of the editors' examples and what the
profile says that the material must convey.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from pdp.core.approval import Approval, Presenter, Unusable, Usable
from pdp.core.authzen import Evaluation
from pdp.core.binding import binding_hash, binding_hashes, hash_fits
from pdp.core.jcs import NotCanonical
from pdp.core.values import JsonObject

STATE_TYPE = "approval-state+jwt"
"""`typ` of the states signed here, so that no other token of ours can pass for one."""


class ApprovalState(NamedTuple):
    """What a signed state says.

    Attributes:
        issuer: who signed it: the access request service.
        audience: the PDPs that may take it.
        approval_id: the secret id that it belongs to.
        binding_hash: of the approved subject, resource, action and bound context.
        scope: the kind of the scope; only `exact` can be checked without the record.
    """

    issuer: str
    audience: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    token_id: str
    approval_id: str
    task_id: str
    template: str
    binding_hash: str
    members: tuple[str, ...]
    requester: str
    scope: str = "exact"
    client_id: str | None = None
    evaluation_id: str | None = None
    single_use: bool = False


class InvalidState(ValueError):
    """A payload that is not that of an `approval.state`."""


def state_of(
    approval: Approval, approval_id: str, *, issuer: str, audience: str, token_id: str
) -> ApprovalState:
    """The state of an approval; it lives exactly as long.

    Raises:
        NotCanonical: when what was approved has no canonical form.
    """
    bound = (approval.subject, approval.resource, approval.action, approval.context)
    return ApprovalState(
        issuer,
        (audience,),
        approval.approved_at,
        approval.approved_until,
        token_id,
        approval_id,
        approval.task_id,
        approval.template,
        binding_hash(*bound, approval.members),
        approval.members,
        approval.requester,
        approval.scope.kind,
        approval.client_id,
        approval.evaluation_id,
        approval.single_use,
    )


def state_to_json(state: ApprovalState) -> JsonObject:
    """The payload of the JWS."""
    payload: JsonObject = {
        "iss": state.issuer,
        "aud": state.audience[0] if len(state.audience) == 1 else list(state.audience),
        "iat": int(state.issued_at.timestamp()),
        "exp": int(state.expires_at.timestamp()),
        "jti": state.token_id,
        "approval_id": state.approval_id,
        "task_id": state.task_id,
        "evaluation_id": state.evaluation_id,
        "template": state.template,
        "scope": state.scope,
        "binding_context_members": list(state.members),
        "binding_hash": state.binding_hash,
        "requester": state.requester,
        "client_id": state.client_id,
        "single_use": state.single_use,
    }
    return {name: value for name, value in payload.items() if value is not None}


def state_from_json(payload: JsonObject) -> ApprovalState:
    """Read the payload of a verified JWS; claims that are not known are left aside.

    Raises:
        InvalidState: when a claim is missing or of another type.
    """
    texts = {name: payload.get(name) for name in _TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise InvalidState(f"`{name}` is missing")
    audience = payload.get("aud")
    several = [audience] if isinstance(audience, str) else audience
    members = payload.get("binding_context_members")
    if not isinstance(several, list) or not several or not isinstance(members, list):
        raise InvalidState("`aud` and `binding_context_members` are needed")
    return ApprovalState(
        issuer=str(texts["iss"]),
        audience=tuple(map(str, several)),
        issued_at=_moment(payload, "iat"),
        expires_at=_moment(payload, "exp"),
        token_id=str(texts["jti"]),
        approval_id=str(texts["approval_id"]),
        task_id=str(texts["task_id"]),
        template=str(texts["template"]),
        binding_hash=str(texts["binding_hash"]),
        members=tuple(map(str, members)),
        requester=str(texts["requester"]),
        scope=str(texts["scope"]),
        client_id=payload.get("client_id"),
        evaluation_id=payload.get("evaluation_id"),
        single_use=payload.get("single_use") is True,
    )


def state_fits(
    state: ApprovalState,
    presented_id: str,
    *,
    issuers: frozenset[str],
    audience: str,
    now: datetime,
) -> bool:
    """Whether a state, whose signature is good, is for us, in force, and of the id beside it."""
    return (
        state.issuer in issuers
        and audience in state.audience
        and now < state.expires_at
        and state.approval_id == presented_id
    )


def state_agrees(state: ApprovalState, approval: Approval) -> bool:
    """Whether a state is of this approval; the record, not the state, says what has become of it."""
    return (state.task_id, state.template, state.members, state.requester, state.client_id) == (
        approval.task_id,
        approval.template,
        approval.members,
        approval.requester,
        approval.client_id,
    )


def check_state_alone(
    state: ApprovalState, evaluation: Evaluation, presenter: Presenter, *, now: datetime
) -> Usable | Unusable:
    """Whether an evaluation may rest on a state whose record cannot be looked up.

    Revocation cannot be seen here, nor whether a single-use approval is spent; so a single-use
    one is never usable, nor one of a scope wider than `exact` on another resource.
    """
    if presenter.caller != state.requester or state.client_id not in (None, presenter.client_id):
        return Unusable("approval_unverifiable")
    if state.single_use:
        return Unusable("approval_unverifiable")
    if now >= state.expires_at:
        return Unusable("approval_expired")
    asked = {"resource": evaluation.resource.json, "action": evaluation.action.json}
    try:
        hashes = binding_hashes(evaluation.subject.json, asked, evaluation.context, state.members)
    except NotCanonical:
        return Unusable("out_of_scope")
    if not hash_fits(state.binding_hash, hashes):
        return Unusable("out_of_scope")
    return Usable(state.expires_at)


_TEXTS = (
    *("iss", "jti", "approval_id", "task_id", "template", "binding_hash", "requester"),
    "scope",
)


def _moment(payload: JsonObject, name: str) -> datetime:
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidState(f"`{name}` is missing")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise InvalidState(f"`{name}` is not a moment") from None

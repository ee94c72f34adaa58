"""The requestable denial: when an approval would change the answer, and how it says so (ARAP).

A denial is requestable by a template exactly when the same evaluation, with a completed approval
of that template in its context, would be allowed. What it binds is signed into it, so that a
submission proves by itself which denial it is for, on every replica, with nothing written here.
"""

import base64
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from pdp.core.authzen import Evaluation
from pdp.core.binding import bindable, binding_hash
from pdp.core.catalog_handle import SEAL, CatalogHandle
from pdp.core.denial_claims import BindingClaims, claims_to_json
from pdp.core.evaluation_id import RANDOM_BYTES, EvaluationId, new_evaluation_id, proof_bytes
from pdp.core.jcs import NotCanonical
from pdp.core.language import display_of, preferred
from pdp.core.moment import format_moment, whole_seconds
from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.mapping import CedarRequest
from pdp.policy.offered import offered
from pdp.trust.callers import Caller

EVALUATION_ID_MAC = "evaluation-id"


class Signer(Protocol):
    """What of the key ring a denial needs."""

    def sign(self, claims: JsonObject, typ: str | None = None) -> str:
        """A compact JWS of claims."""

    def mac(self, purpose: str, data: bytes) -> bytes:
        """A keyed MAC."""

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt something that only this deployment may read."""

    def conceal(self, token: str) -> str:
        """A signed token that only this deployment can read."""


class Issuer(NamedTuple):
    """In whose name denials are given, and where they are taken.

    Attributes:
        identifier: the policy decision point, `iss` of every binding token.
        endpoint: the Access Request Endpoint, `aud` of every binding token.
        base: prefix of the form, schema and catalog addresses.
        signer: its keys.
    """

    identifier: str
    endpoint: str
    base: str
    signer: Signer


class Asked(NamedTuple):
    """A denied evaluation: the question, how Cedar saw it, and the answer."""

    evaluation: Evaluation
    request: CedarRequest
    answer: Answer


def offered_workflow(
    asked: Asked, caller: Caller, authorizer: Authorizer, now: datetime
) -> Workflow | None:
    """The first workflow, in the order of `workflows.yaml`, whose approval would allow this."""
    return offered(asked.request, asked.answer, authorizer, now, caller.facts)


def bound_members(asked: Asked) -> tuple[str, ...]:
    """The members of the context that a policy of the slice looks at and that may be bound."""
    members = asked.answer.slice.context_members
    return bindable(asked.evaluation.context if members is None else members)


def requestable_context(
    asked: Asked,
    workflow: Workflow,
    caller: Caller,
    issuer: Issuer,
    now: datetime,
    language: bytes | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> JsonObject | None:
    """The Decision Context of a denial that `workflow` can lift; None where nothing can bind it."""
    expires_at = whole_seconds(now + workflow.denial_ttl + timedelta(milliseconds=999))
    members = bound_members(asked)
    evaluation = asked.evaluation
    try:
        bound = binding_hash(
            evaluation.subject.json,
            evaluation.resource.json,
            evaluation.action.json,
            evaluation.context,
            members,
        )
    except NotCanonical:
        return None
    identifier = _evaluation_id(now, random, expires_at, workflow, members)
    identifier = identifier.proven(
        issuer.signer.mac(EVALUATION_ID_MAC, proof_bytes(identifier, bound, caller.id))
    )
    named, token_id = str(identifier), "bt_" + random(16).hex()
    token = _token(identifier, named, token_id, bound, issuer, caller, now)
    if workflow.hide_payload:
        token = issuer.signer.conceal(token)
    return {
        "evaluation_id": named,
        "evaluated_at": format_moment(whole_seconds(now)),
        "reason": workflow.reason,
        "access_request": _access_request(
            workflow,
            issuer,
            expires_at,
            token,
            language,
            _handle(asked, workflow, caller, issuer, expires_at),
        ),
    }


def _evaluation_id(
    now: datetime,
    random: Callable[[int], bytes],
    expires_at: datetime,
    workflow: Workflow,
    members: tuple[str, ...],
) -> EvaluationId:
    plain = new_evaluation_id(now, random(RANDOM_BYTES))
    return plain.offering(expires_at, workflow.name, members)


def _token(
    identifier: EvaluationId,
    named: str,
    token_id: str,
    bound: str,
    issuer: Issuer,
    caller: Caller,
    now: datetime,
) -> str:
    """The binding token of the denial that `identifier`, as text `named`, is of."""
    claims = BindingClaims(
        issuer.identifier,
        (issuer.endpoint,),
        issued_at=now,
        expires_at=identifier.expires_at,
        token_id=token_id,
        evaluation_id=named,
        denial_expires_at=identifier.expires_at,
        members=identifier.members,
        binding_hash=bound,
        template=identifier.template,
        caller=caller.id,
    )
    return issuer.signer.sign(claims_to_json(claims))


def _handle(
    asked: Asked, workflow: Workflow, caller: Caller, issuer: Issuer, expires_at: datetime
) -> str:
    """The end of the addresses of catalogs, which says what they are looked at for."""
    if not workflow.catalogs:
        return ""
    subject = asked.evaluation.subject.json
    handle = CatalogHandle(caller.id, workflow.name, subject, expires_at)
    sealed = issuer.signer.seal(handle.to_bytes(), SEAL)
    return "/" + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _access_request(
    workflow: Workflow,
    issuer: Issuer,
    expires_at: datetime,
    token: str,
    language: bytes | None,
    handle: str,
) -> JsonObject:
    hint: JsonObject = {
        "endpoint": issuer.endpoint,
        "template": workflow.name,
        "expires_at": format_moment(expires_at),
        "binding_token": token,
    }
    if workflow.form is not None:
        hint["form_url"] = f"{issuer.base}/access/v1/forms/{workflow.name}{handle}"
        hint["request_schema_url"] = f"{issuer.base}/access/v1/schemas/{workflow.name}"
        if workflow.catalogs:
            catalogs = f"{issuer.base}/access/v1/catalogs/{workflow.name}{handle}"
            hint["request_catalogs_url"] = catalogs
    if workflow.title or workflow.description or workflow.call_to_action:
        hint["display"] = display_of(workflow, preferred((language or b"").decode("latin-1")))
    return hint

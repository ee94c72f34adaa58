"""A transaction challenge: a resource, itself a PEP, has signed what it wants authorized."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from pdp.core.deferral import bound
from pdp.core.values import JsonObject
from pdp.deferral.contact import check_contact
from pdp.deferral.grant import granted
from pdp.deferral.kept import Reply, repeat_of
from pdp.deferral.opening import Wish
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.token_request import defer
from pdp.deferral.unit import evaluate_unit
from pdp.deferral.wire import Asked, asked_from, contact_from, object_of, text_of
from pdp.errors import OAuthFault
from pdp.store import deferral_answers
from pdp.store.deferral_answers import UsedChallenge
from pdp.trust.claims import LEEWAY_SECONDS, BadToken, check_claims
from pdp.trust.compact import header_of, issuer_of

CHALLENGE_TYPE = "txn-authz-challenge+jwt"
GRANT = "urn:ietf:params:oauth:grant-type:transaction-authorization"
LONGEST_CHALLENGE = 16_384


async def request_transaction(parts: Parts, body: JsonObject, asker: Asker) -> Reply:
    """Answer a transaction challenge that a client brings to its AS.

    1. the signature of a registered resource, its audience and times, and the key it is bound to;
    2. each challenge is taken once; 3. policy is asked for what it says, whatever the resource
    found; 4. a denial that can be lifted opens a request.

    Raises:
        OAuthFault: what the client is to be answered.
    """
    body = object_of(body)
    now = parts.desk.clock()
    token = text_of(body, "transaction_challenge", longest=LONGEST_CHALLENGE)
    if token is None:
        raise OAuthFault("invalid_request", "`transaction_challenge` is required")
    repeat = repeat_of(asker, parts, "transaction", body)
    if repeat is not None:
        known = await parts.desk.database.aread(lambda s: repeat.find(s, parts, now))
        if known is not None:
            return known
    await parts.resources.prepare(token)
    claims = await anyio.to_thread.run_sync(_verified, parts, token, now)
    asked = _asked(body, claims)
    contact = contact_from(body)
    if not bound(asked.client.key, public=asked.client.public):
        raise OAuthFault("unauthorized_client", "a public client must prove a key")
    await check_contact(parts, contact)
    until = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=2 * LEEWAY_SECONDS)
    used = UsedChallenge(issuer=claims["iss"], jti=claims["jti"], expires_at=until)
    unit = await evaluate_unit(parts, asked, asker.caller, now)
    taken = await parts.desk.database.awrite(lambda s: deferral_answers.use_challenge(s, used))
    if not taken:
        raise _refused("was used before")
    if unit.allowed:
        return Reply(200, granted(asked, unit, now))
    return await defer(parts, asked, unit, asker, "txn", Wish(contact), repeat, now)


def _verified(parts: Parts, token: str, now: datetime) -> JsonObject:
    """The claims of a challenge whose signature and registered claims are good."""
    try:
        kind = str(header_of(token).get("typ", "")).lower().removeprefix("application/")
        issuer = issuer_of(token) or ""
        resource = next(
            (each for each in parts.desk.settings.resources if each.issuer == issuer), None
        )
        if kind != CHALLENGE_TYPE or resource is None:
            raise BadToken("of another type, or of a resource that is not registered")
        claims = parts.resources.verifiers(CHALLENGE_TYPE)[issuer](token)
        check_claims(
            claims,
            issuer=issuer,
            audience=resource.audience,
            now=now.timestamp(),
            required=("jti", "exp", "txn", "authorization_details"),
        )
    except BadToken as fault:
        raise _refused(f"is not good: {fault}") from None
    if not isinstance(claims["jti"], str) or not isinstance(claims["txn"], str):
        raise _refused("has claims of the wrong type")
    return claims


def _asked(body: JsonObject, claims: JsonObject) -> Asked:
    asked = asked_from({**body, "authorization_details": None, "scope": None}, GRANT)
    if asked.subject is None:
        raise OAuthFault("invalid_request", "`subject` is required")
    confirmed: Any = claims.get("cnf")
    if confirmed is not None:
        jkt = confirmed.get("jkt") if isinstance(confirmed, dict) else None
        if jkt is None or jkt != asked.client.key.jkt:
            raise OAuthFault("invalid_dpop_proof", "the challenge is bound to another key")
    details = claims["authorization_details"]
    if type(details) is not list or not details:
        raise _refused("has no `authorization_details`")
    context = asked.context | {"txn": claims["txn"], "resource_issuer": claims["iss"]}
    return asked._replace(authorization_details=details, txn=claims["txn"], context=context)


def _refused(detail: str) -> OAuthFault:
    return OAuthFault("invalid_request", f"`transaction_challenge` {detail}")

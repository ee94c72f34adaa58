"""A token request of a client: allowed, refused, or "not yet" (DTR, Token Endpoint)."""

from datetime import datetime

from pdp.access_request.case import Case
from pdp.core.deferral import Skin, bound, wants_deferral
from pdp.core.values import JsonObject
from pdp.deferral.contact import check_contact
from pdp.deferral.grant import granted
from pdp.deferral.kept import OtherFirst, Repeat, Reply, repeat_of
from pdp.deferral.opening import Opened, Wish, open_and_give, order_of
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.standing import state_of_case
from pdp.deferral.unit import Unit, evaluate_unit, refusal
from pdp.deferral.wire import Asked, asked_from, contact_from, text_of
from pdp.errors import OAuthFault
from pdp.store import approvals
from pdp.store.session import Session

_CHALLENGE_LENGTH = 43
_REFRESH = "refresh_token"


async def request_token(parts: Parts, body: JsonObject, asker: Asker) -> Reply:
    """Answer a token request.

    1. read it; a hint that was given earlier binds (DTR, Pre-Token Hints); 2. ask policy for all of
    it; 3. everything allowed: permit; 4. nothing to be done about a denial, or the client did not
    opt in, or could not be bound: refuse; 5. open a request and give out a `deferral_code`.

    Raises:
        OAuthFault: what the client is to be answered.
    """
    asked = asked_from(body)
    if asked.subject is None:
        raise OAuthFault("invalid_request", "`subject` is required")
    opted = _opted_in(body)
    contact = contact_from(body)
    repeat = repeat_of(asker, parts, "token-request", body)
    now = parts.desk.clock()
    if repeat is not None:
        known = await parts.desk.database.aread(lambda s: repeat.find(s, parts, now))
        if known is not None:
            return known
    unit = await evaluate_unit(parts, asked, asker.caller, now, asked.approvals)
    if unit.allowed:
        once = await rests_on_single_use(parts, unit)
        return Reply(200, granted(asked, unit, now, once=once))
    refuse_presented(asked, unit)
    if not opted or not bound(asked.client.key, public=asked.client.public):
        raise refusal(unit.denied[0])
    await check_contact(parts, contact)
    wish = Wish(contact, challenge=_challenge(body))
    return await defer(parts, asked, unit, asker, "dtr", wish, repeat, now)


async def defer(
    parts: Parts,
    asked: Asked,
    unit: Unit,
    asker: Asker,
    skin: Skin,
    wish: Wish,
    repeat: Repeat | None,
    now: datetime,
) -> Reply:
    """Open a request for what is denied and give out its handle, or answer what came of it at once.

    Raises:
        OAuthFault: the request cannot be opened, or was refused at once.
    """
    if not parts.desk.settings.access_requests.enabled:
        raise refusal(unit.denied[0])
    order = order_of(parts, asked, unit, asker, skin, wish, now)

    def write(session: Session) -> tuple[Opened, Reply | None]:
        opened = open_and_give(session, parts, order, asked, asker, wish, now)
        if opened.given is None:
            return opened, None
        state = state_of_case(session, parts, opened.case, now)
        error = "authorization_pending"
        if state.interaction_uri is not None and skin == "dtr":
            error = "interaction_required"
        told = opened.given.told(now)
        if skin == "dtr":
            reply = Reply(400, {"error": error} | told | _interaction(state.interaction_uri))
        else:
            reply = Reply(200, told)
        if repeat is not None:
            repeat.keep(session, parts, opened.given.deferral.ref, reply, now)
        return opened, reply

    try:
        opened, reply = await parts.desk.database.awrite(write)
    except OtherFirst:
        assert repeat is not None
        known = await parts.desk.database.aread(lambda s: repeat.find(s, parts, now))
        if known is None:
            raise OAuthFault("temporarily_unavailable", status=503) from None
        return known
    if reply is not None:
        return reply
    return await _settled(parts, asked, opened.case, asker, now)


async def _settled(parts: Parts, asked: Asked, case: Case, asker: Asker, now: datetime) -> Reply:
    """The answer to a request that policy decided at once."""
    state = await parts.desk.database.aread(lambda s: state_of_case(s, parts, case, now))
    ids = [identifier for identifier, _ in state.approvals]
    unit = await evaluate_unit(parts, asked, asker.caller, now, ids)
    if state.standing != "approved" or not unit.allowed:
        raise OAuthFault("access_denied", "the request was refused")
    return Reply(200, granted(asked, unit, now, state.approvals))


async def rests_on_single_use(parts: Parts, unit: Unit) -> bool:
    """Whether it is allowed for once only; so is what rests on an approval that is not kept here."""
    refs = [part.outcome.approval_ref for part in unit.parts if part.outcome.approval_ref]
    if not refs:
        return False
    rows = await parts.desk.database.aread(
        lambda session: [approvals.by_ref(session, ref) for ref in refs]
    )
    return any(row is None or row.single_use or row.emergency for row in rows)


def refuse_presented(asked: Asked, unit: Unit) -> None:
    """A refresh or an exchange under an approval that no longer holds is over (AROP, 45)."""
    if asked.approvals or asked.grant_type == _REFRESH:
        raise OAuthFault("invalid_grant", "what was granted is no longer allowed")


def _interaction(uri: str | None) -> JsonObject:
    return {} if uri is None else {"interaction_uri": uri}


def _opted_in(body: JsonObject) -> bool:
    opted = wants_deferral(text_of(body, "completion_mode"))
    if wants_deferral(text_of(body, "completion_mode_hint")) and not opted:
        raise OAuthFault(
            "invalid_request", "`completion_mode` lacks `deferred`, which was announced before"
        )
    return opted


def _challenge(body: JsonObject) -> str | None:
    challenge = text_of(body, "code_challenge")
    if challenge is None:
        return None
    if text_of(body, "code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_LENGTH:
        raise OAuthFault("invalid_request", "`code_challenge` must be one of the method S256")
    return challenge

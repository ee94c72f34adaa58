"""Backchannel authentication (CIBA): the subject is asked on a device of its own."""

import unicodedata
from datetime import datetime
from typing import Any

from pdp.core.deferral import Handle, Key, bound
from pdp.core.values import JsonObject
from pdp.deferral.contact import check_contact
from pdp.deferral.grant import granted
from pdp.deferral.handles import Given, Terms, find, give, shortened
from pdp.deferral.kept import Reply, repeat_of
from pdp.deferral.opening import Wish
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.token_request import defer
from pdp.deferral.unit import evaluate_unit
from pdp.deferral.wire import Asked, Contact, asked_again, asked_from, contact_from, text_of
from pdp.errors import OAuthFault
from pdp.store.deferrals import Deferral
from pdp.store.session import Session

GRANT = "urn:openid:params:grant-type:ciba"
LONGEST_MESSAGE = 200
LONGEST_EXPIRY = 366 * 86_400
_HINTS = ("subject", "login_hint", "login_hint_token", "id_token_hint")
_MODES = ("poll", "ping", "push")


async def request_backchannel(parts: Parts, body: JsonObject, asker: Asker) -> Reply:
    """Answer a backchannel request.

    1. read it, as CIBA wants it (sections 7.1 and 13); 2. a `login_hint` that is a deferral code
    of the same client: a second handle on that request; 3. else ask policy: what it allows without
    anybody is permitted at once; 4. else open a request that only its subject can approve.

    Raises:
        OAuthFault: what the client is to be answered.
    """
    asked = asked_from(body, GRANT)
    hint = _hint(body)
    contact, seconds = _contact(body), _expiry(body)
    message = _message(body)
    if not bound(asked.client.key, public=asked.client.public):
        raise OAuthFault("unauthorized_client", "a public client must prove a key")
    await check_contact(parts, contact)
    now = parts.desk.clock()
    if hint is not None:
        return await _second(parts, asked, hint, Wish(contact, seconds), asker, now)
    if "openid" not in (asked.scope or "").split(" "):
        raise OAuthFault("invalid_scope", "`scope` must contain `openid`")
    if message is not None:
        asked = asked._replace(context=asked.context | {"binding_message": message})
    repeat = repeat_of(asker, parts, "backchannel", body)
    if repeat is not None:
        known = await parts.desk.database.aread(lambda s: repeat.find(s, parts, now))
        if known is not None:
            return known
    unit = await evaluate_unit(parts, asked, asker.caller, now)
    if unit.allowed:
        return Reply(200, granted(asked, unit, now))
    return await defer(parts, asked, unit, asker, "ciba", Wish(contact, seconds), repeat, now)


async def _second(
    parts: Parts, asked: Asked, hint: str, wish: Wish, asker: Asker, now: datetime
) -> Reply:
    """A second handle on the request of a deferral code; it needs the key of the first."""

    def write(session: Session) -> Given:
        owner = asker.caller.id
        first = find(session, parts.keys, "dtr", owner, asked.client.id, hint)
        if first is None or not _same_key(first.handle(), asked.client.key):
            raise OAuthFault("unknown_user_id", "`login_hint` names nobody that is known here")
        if now >= first.expires_at:
            raise OAuthFault("expired_login_hint_token", "the deferral code has expired")
        if first.state != "open":
            raise OAuthFault("access_denied", "the deferral code has ended")
        return _on(session, first)

    def _on(session: Session, first: Deferral) -> Given:
        terms = Terms("ciba", shortened(first.expires_at, wish.seconds, now))
        again = asked_again(first.request)
        owner = asker.caller.id
        return give(session, parts.keys, again, owner, first.task_id, terms, wish.contact, now)

    given = await parts.desk.database.awrite(write)
    return Reply(200, given.told(now))


def _hint(body: JsonObject) -> str | None:
    """The hint that stands for the subject; None where the subject is given."""
    given = [name for name in _HINTS if body.get(name) is not None]
    if len(given) != 1:
        raise OAuthFault("invalid_request", "needs exactly one hint, or the subject")
    if given == ["subject"]:
        return None
    if given != ["login_hint"]:
        # Whom a token names is for the authorization server to find out.
        raise OAuthFault("unknown_user_id", f"`{given[0]}` must be resolved to a subject first")
    return text_of(body, "login_hint")


def _contact(body: JsonObject) -> Contact:
    mode = body.get("delivery_mode", "poll")
    if mode not in _MODES:
        raise OAuthFault("invalid_request", "`delivery_mode` must be poll, ping or push")
    contact = contact_from(body)
    if mode != "poll" and contact.token is None:
        raise OAuthFault("invalid_request", "ping and push need `client_notification_token`")
    if mode == "ping" and contact.endpoint is None:
        raise OAuthFault("invalid_request", "ping needs `notification_endpoint`")
    # Of a push the authorization server hears as an event, and delivers by itself.
    return contact if mode == "ping" else Contact()


def _expiry(body: JsonObject) -> int | None:
    found: Any = body.get("requested_expiry")
    if found is None:
        return None
    if type(found) is not int or not 0 < found <= LONGEST_EXPIRY:
        raise OAuthFault("invalid_request", "`requested_expiry` must be a number of seconds")
    return found


def _message(body: JsonObject) -> str | None:
    """A text that may be shown as it is: short, and without what could make it look another."""
    found = body.get("binding_message")
    if found is None:
        return None
    safe = isinstance(found, str) and 0 < len(found) <= LONGEST_MESSAGE
    if not safe or any(unicodedata.category(letter)[0] in "C" for letter in found):
        raise OAuthFault("invalid_binding_message", "`binding_message` cannot be shown")
    if any(unicodedata.category(letter) in ("Zl", "Zp") for letter in found):
        raise OAuthFault("invalid_binding_message", "`binding_message` cannot be shown")
    return str(found)


def _same_key(handle: Handle, key: Key) -> bool:
    return all(
        wanted is None or wanted == proven for wanted, proven in zip(handle.key, key, strict=True)
    )

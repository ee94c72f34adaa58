"""A poll: the one place where a handle becomes a grant, at most once (DTR, Polling)."""

from datetime import datetime
from typing import NamedTuple

from pdp.core.deferral import UNKNOWN, Move, Ready, Refusal, Skin, deny, redeem, supersede
from pdp.core.deferral import poll as poll_handle
from pdp.core.values import JsonObject
from pdp.deferral.grant import granted
from pdp.deferral.handles import MEMBERS, find, hash_of
from pdp.deferral.kept import OtherFirst, Repeat, Reply, repeat_of
from pdp.deferral.parts import Asker, Parts
from pdp.deferral.standing import State, glance, state_of
from pdp.deferral.unit import evaluate_unit
from pdp.deferral.wire import Client, asked_again, client_from, code_of, object_of, text_of
from pdp.errors import OAuthFault
from pdp.store import approvals, deferrals
from pdp.store.approvals import Approval
from pdp.store.deferral_glimpse import glimpse
from pdp.store.deferrals import Deferral
from pdp.store.session import Session

_TIMES = 16


class Poll(NamedTuple):
    """A poll, read."""

    skin: Skin
    client: Client
    code: str
    verifier: str | None
    repeat: Repeat | None


class Seen(NamedTuple):
    """The handle of a poll whose request is approved."""

    deferral: Deferral
    state: State
    move: Move


async def poll(parts: Parts, body: JsonObject, asker: Asker, skin: Skin = "dtr") -> Reply:
    """Answer a poll.

    1. a repeat is answered as before; 2. the handle of this client of this AS, and what the pure
    machine makes of it: mostly "not yet", which changes only the pace; 3. approved: everything is
    evaluated anew, by current policy and with the approvals; 4. still allowed: the handle is
    redeemed, unless somebody was faster.

    Raises:
        OAuthFault: what the client is to be answered.
    """
    asking = _read(parts, body, asker, skin)
    for _ in range(_TIMES):
        now = parts.desk.clock()
        try:
            seen: Reply | Seen | None = await _glance(parts, asking, asker, now)
            if seen is None:
                seen = await parts.desk.database.awrite(
                    lambda s, now=now: _look(s, parts, asking, asker, now)  # type: ignore[misc]
                )
            if isinstance(seen, Seen):
                seen = await _decide(parts, asking, seen, asker, now)
        except OtherFirst:
            continue
        if seen is not None:
            return seen
    raise OAuthFault("temporarily_unavailable", "others poll with the same code", status=503)


def _read(parts: Parts, body: JsonObject, asker: Asker, skin: Skin) -> Poll:
    body = object_of(body)
    if "completion_mode" in body:
        raise OAuthFault("invalid_request", "a poll has no `completion_mode`")
    return Poll(
        skin,
        client_from(body),
        code_of(body, MEMBERS[skin]),
        text_of(body, "code_verifier"),
        repeat_of(asker, parts, f"poll {skin}", body),
    )


async def _glance(parts: Parts, asking: Poll, asker: Asker, now: datetime) -> Reply | None:
    """The answer to a poll that finds its request pending, in its time; None for all others.

    It is answered without a transaction. What is kept for a repeat needs one.
    """
    if asking.repeat is not None:
        return None

    client = asking.client
    hashed = hash_of(parts.keys, asking.skin, asker.caller.id, client.id, asking.code)

    def look(session: Session) -> Reply | None:
        found = glimpse(session, hashed)
        if found is None:
            return Reply(400, _error(Refusal("invalid_grant", UNKNOWN)))
        state = glance(found, now)
        if state is None:
            return None
        before = parts.pace.known(hashed, found.handle)
        move = poll_handle(before, client.key, state.standing, now, asking.verifier)
        if move.handle != before._replace(polled_at=now) or not isinstance(move.answer, Refusal):
            return None
        noted = parts.pace.note(hashed, before, now)
        return Reply(400, _error(move.answer, state)) if noted else None

    return await parts.desk.database.apeek(look)


def _look(
    session: Session, parts: Parts, asking: Poll, asker: Asker, now: datetime
) -> Reply | Seen | None:
    """What the machine says now; None when the handle changed meanwhile."""
    if asking.repeat is not None:
        known = asking.repeat.find(session, parts, now)
        if known is not None:
            return known
    owner, client = asker.caller.id, asking.client
    deferral = find(session, parts.keys, asking.skin, owner, client.id, asking.code)
    if deferral is None:
        return Reply(400, _error(Refusal("invalid_grant", UNKNOWN)))
    state = state_of(session, parts, deferral, now)
    handle = parts.pace.known(deferral.hash, deferral.handle())
    move = poll_handle(handle, client.key, state.standing, now, asking.verifier)
    if isinstance(move.answer, Ready):
        return Seen(deferral, state, move)
    return _settle(session, parts, asking, deferral, move, state, now)


def _settle(
    session: Session,
    parts: Parts,
    asking: Poll,
    deferral: Deferral,
    move: Move,
    state: State,
    now: datetime,
) -> Reply | None:
    """Keep what became of the handle, and give its answer; None when it changed meanwhile."""
    assert isinstance(move.answer, Refusal)
    if move.handle != deferral.handle():
        if not deferrals.move(session, deferral, move.handle, now):
            return None
        if not move.handle.live:
            deferrals.dispose(session, deferral.ref)
    reply = Reply(400, _error(move.answer, state))
    if asking.repeat is not None:
        asking.repeat.keep(session, parts, deferral.ref, reply, now)
    return reply


async def _decide(
    parts: Parts, asking: Poll, seen: Seen, asker: Asker, now: datetime
) -> Reply | None:
    """Evaluate anew, and redeem or refuse; None when the handle changed meanwhile."""
    deferral, state = seen.deferral, seen.state
    asked = asked_again(deferral.request)
    ids = [identifier for identifier, _ in state.approvals]
    unit = await evaluate_unit(parts, asked, asker.caller, now, ids)
    if not unit.allowed and all(part.pending for part in unit.denied):
        waiting = poll_handle(
            parts.pace.known(deferral.hash, deferral.handle()),
            asking.client.key,
            "pending",
            now,
            asking.verifier,
        )
        return await parts.desk.database.awrite(
            lambda s: _settle(s, parts, asking, deferral, waiting, state, now)
        )
    if not unit.allowed or not _by_the_right_people(parts, state):
        return await parts.desk.database.awrite(
            lambda s: _settle(s, parts, asking, deferral, deny(seen.move.handle), state, now)
        )
    reply = Reply(200, granted(asked, unit, now, state.approvals))
    return await parts.desk.database.awrite(
        lambda s: _redeem(s, parts, asking, seen, asker, reply, now)
    )


def _redeem(
    session: Session,
    parts: Parts,
    asking: Poll,
    seen: Seen,
    asker: Asker,
    reply: Reply,
    now: datetime,
) -> Reply | None:
    """Hand out the grant in one transaction with the end of every handle on the request."""
    deferral, case = seen.deferral, seen.state.case
    handle = redeem(seen.move.handle, now)
    rows = [approvals.by_ref(session, row.ref) for _, row in seen.state.approvals]
    if handle is None or not all(_in_force(row, now) for row in rows):
        return None
    if not deferrals.move(session, deferral, handle, now):
        return None
    deferrals.dispose(session, deferral.ref)
    for other in deferrals.of_task(session, deferral.task_id):
        if other.ref != deferral.ref and other.state == "open":
            deferrals.move(session, other, supersede(other.handle()), now)
            deferrals.dispose(session, other.ref)
    if asking.repeat is not None:
        asking.repeat.keep(session, parts, deferral.ref, reply, now)
    if case is not None:
        details: JsonObject = {"deferral": deferral.ref, "skin": deferral.skin}
        parts.desk.record(session, "deferral.redeemed", details, case.row, asker.cause, now)
    return reply


def _in_force(row: Approval | None, now: datetime) -> bool:
    return row is not None and row.revoked_at is None and now < row.approved_until


def _by_the_right_people(parts: Parts, state: State) -> bool:
    """What was begun under CIBA counts only when its own subject approved it, and nobody else."""
    if state.case is None or state.case.row.transport != "ciba":
        return True
    row = state.case.row
    subject = {"type": parts.desk.authorizer().mapping.entity_type(row.subject_type),
               "id": row.subject_id}  # fmt: skip
    return all(approval.approvers == [subject] for _, approval in state.approvals)


def _error(answer: Refusal, state: State | None = None) -> JsonObject:
    body: JsonObject = {"error": answer.error}
    description = answer.description
    if answer.error in ("authorization_pending", "interaction_required") and state is not None:
        description = f"step={state.step}" if state.step else ""
        if answer.error == "interaction_required":
            body["interaction_uri"] = state.interaction_uri
    if description:
        body["error_description"] = description
    return body

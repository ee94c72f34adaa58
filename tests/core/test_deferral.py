"""The machine of handles: polls, paces, keys, ends."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from pdp.core.deferral import (
    MOST_TOO_FAST,
    REDEEMED,
    Handle,
    Key,
    Ready,
    Refusal,
    Skin,
    Standing,
    State,
    bound,
    challenge_of,
    deny,
    poll,
    redeem,
    revoke,
    supersede,
    wants_deferral,
)

START = datetime(2026, 4, 30, 20, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
NO_KEY = Key()


def handle(skin: Skin = "dtr", **more: object) -> Handle:
    return Handle(skin, START, START + HOUR)._replace(**more)  # type: ignore[arg-type]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def error(found: Handle, standing: Standing, now: datetime, key: Key = NO_KEY) -> str:
    answer = poll(found, key, standing, now).answer
    return answer.error if isinstance(answer, Refusal) else "ready"


@pytest.mark.requirement("DTR-001")
@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        (None, False),
        ("", False),
        ("deferred", True),
        ("unknown deferred", True),
        ("DEFERRED", False),
        ("deferredly sync", False),
    ],
)
def test_only_the_value_deferred_counts(mode: str | None, wanted: bool) -> None:
    assert wants_deferral(mode) is wanted


@pytest.mark.requirement("DTR-013")
def test_a_public_client_without_a_key_is_not_bound() -> None:
    assert not bound(NO_KEY, public=True)
    assert bound(NO_KEY, public=False)
    assert bound(Key(jkt="k"), public=True)
    assert bound(Key(x5t="c"), public=True)


@pytest.mark.requirement("DTR-021")
def test_the_key_is_looked_at_before_anything_else_and_changes_nothing() -> None:
    for state in get_args(State):
        kept = handle(state=state, key=Key(jkt="mine"))
        move = poll(kept, Key(jkt="other"), "approved", after(9))
        assert move.handle == kept
        assert isinstance(move.answer, Refusal)
        assert move.answer.error == "invalid_dpop_proof"
    with_certificate = handle(key=Key(x5t="mine"))
    assert error(with_certificate, "approved", after(9)) == "invalid_grant"
    assert error(with_certificate, "approved", after(9), Key(x5t="mine")) == "ready"


@pytest.mark.requirement("DTR-021")
@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("redeemed", "invalid_grant"),
        ("superseded", "invalid_grant"),
        ("cancelled", "access_denied"),
        ("denied", "access_denied"),
        ("blocked", "invalid_request"),
    ],
)
def test_what_has_ended_stays_ended(state: State, wanted: str) -> None:
    for standing in get_args(Standing):
        for moment in (after(9), after(90_000)):
            move = poll(handle(state=state), NO_KEY, standing, moment)
            assert isinstance(move.answer, Refusal)
            assert (move.answer.error, move.handle.state) == (wanted, state)


@pytest.mark.requirement("DTR-024")
def test_a_redeemed_code_says_so_and_is_redeemed_once() -> None:
    once = redeem(handle(), after(9))
    assert once is not None
    assert redeem(once, after(10)) is None
    answer = poll(once, NO_KEY, "approved", after(10)).answer
    assert answer == Refusal("invalid_grant", REDEEMED)


@pytest.mark.requirement("DTR-021")
def test_nothing_is_granted_once_the_code_has_expired() -> None:
    for standing in get_args(Standing):
        assert error(handle(), standing, START + HOUR) == "expired_token"
    assert redeem(handle(), START + HOUR) is None


def test_what_became_of_the_request_is_told() -> None:
    assert error(handle(), "pending", after(9)) == "authorization_pending"
    assert error(handle(), "approved", after(9)) == "ready"
    assert error(handle(), "refused", after(9)) == "access_denied"
    assert error(handle(), "expired", after(9)) == "expired_token"


@pytest.mark.requirement("DTR-012")
def test_waiting_for_the_user_and_for_others_may_alternate() -> None:
    found = handle()
    for seconds, standing, wanted in (
        (6, "interaction", "interaction_required"),
        (12, "pending", "authorization_pending"),
        (18, "interaction", "interaction_required"),
    ):
        move = poll(found, NO_KEY, standing, after(seconds))  # type: ignore[arg-type]
        assert isinstance(move.answer, Refusal)
        assert move.answer.error == wanted
        found = move.handle


@pytest.mark.parametrize("skin", ["ciba", "txn"])
def test_other_skins_know_no_interaction(skin: Skin) -> None:
    assert error(handle(skin), "interaction", after(9)) == "authorization_pending"


@pytest.mark.requirement("DTR-023")
def test_a_poll_too_soon_makes_the_interval_longer_each_time_and_then_ends_the_code() -> None:
    found = poll(handle(), NO_KEY, "pending", START).handle
    for count in range(1, MOST_TOO_FAST + 1):
        move = poll(found, NO_KEY, "pending", after(count))
        assert move.answer == Refusal("slow_down", "wait longer between polls")
        assert move.handle.interval == 5 + 5 * count
        found = move.handle
    ended = poll(found, NO_KEY, "pending", after(MOST_TOO_FAST + 1))
    assert isinstance(ended.answer, Refusal)
    assert (ended.answer.error, ended.handle.state) == ("invalid_request", "blocked")
    assert error(ended.handle, "approved", after(1000)) == "invalid_request"


@pytest.mark.requirement("DTR-023")
def test_a_longer_interval_stays_and_patience_is_counted_anew() -> None:
    found = poll(handle(), NO_KEY, "pending", START).handle
    slower = poll(found, NO_KEY, "pending", after(1)).handle
    assert error(slower, "pending", after(9)) == "slow_down"
    patient = poll(slower, NO_KEY, "pending", after(11))
    assert isinstance(patient.answer, Refusal)
    assert patient.answer.error == "authorization_pending"
    assert (patient.handle.interval, patient.handle.too_fast) == (10, 0)


def test_what_is_decided_is_told_however_soon_the_poll_comes() -> None:
    found = poll(handle(), NO_KEY, "pending", START).handle
    assert error(found, "approved", after(1)) == "ready"
    assert error(found, "refused", after(1)) == "access_denied"


@pytest.mark.requirement("DTR-040", "DTR-042")
def test_a_code_given_up_is_denied_even_when_the_request_was_approved() -> None:
    gone = revoke(handle(), NO_KEY, after(5))
    assert gone is not None
    assert error(gone, "approved", after(6)) == "access_denied"
    assert redeem(gone, after(6)) is None


@pytest.mark.requirement("DTR-041")
def test_giving_up_what_is_over_changes_nothing() -> None:
    for state in get_args(State):
        if state != "open":
            assert revoke(handle(state=state), NO_KEY, after(5)) is None
    assert revoke(handle(), NO_KEY, START + HOUR) is None


@pytest.mark.requirement("DTR-044")
def test_giving_up_a_bound_code_needs_its_key() -> None:
    assert revoke(handle(key=Key(jkt="mine")), NO_KEY, after(5)) is None
    assert revoke(handle(key=Key(jkt="mine")), Key(jkt="mine"), after(5)) is not None


@pytest.mark.requirement("DTR-070")
def test_the_first_poll_proves_the_verifier_and_later_ones_need_none() -> None:
    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    begun = handle(challenge=challenge_of(verifier))
    for wrong in (None, "", "other"):
        move = poll(begun, NO_KEY, "approved", after(5), wrong)
        assert isinstance(move.answer, Refusal)
        assert (move.answer.error, move.handle) == ("invalid_grant", begun)
    proven = poll(begun, NO_KEY, "pending", after(5), verifier)
    assert isinstance(proven.answer, Refusal)
    assert proven.answer.error == "authorization_pending"
    assert isinstance(poll(proven.handle, NO_KEY, "approved", after(12)).answer, Ready)


@pytest.mark.requirement("CIBA-005")
def test_a_handle_whose_sibling_was_redeemed_can_not_be() -> None:
    left = supersede(handle("ciba"))
    assert redeem(left, after(1)) is None
    assert error(left, "approved", after(9)) == "invalid_grant"
    assert supersede(deny(handle()).handle).state == "denied"

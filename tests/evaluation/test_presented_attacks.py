"""Approvals that are stolen, swapped, altered or forged: none of them allows anything."""

import base64
import json
from datetime import timedelta

import pytest

from pdp.core.approval_state import STATE_TYPE, state_from_json, state_to_json
from pdp.core.values import JsonObject
from pdp.trust.callers import Caller
from pdp.trust.jose import PrivateKey
from tests.evaluation.approving import (
    A1,
    ALICE,
    BASE,
    E1,
    ENDPOINT,
    MINUTE,
    NOW,
    OTHER_PEP,
    PAYMENT,
    Asked,
    Given,
    Pdp,
    said,
)

READ = Asked(context={"region": "north"})
EVERYTHING = frozenset({"pep", "as", "approver_proxy", "admin", "auditor"})


@pytest.fixture
def given(pdp: Pdp) -> Given:
    """An approval of Alice's read of a plan in the north."""
    return pdp.grant(READ, members=("region",))


@pytest.mark.requirement("ARAP-186")
@pytest.mark.requirement("ARAP-189")
@pytest.mark.parametrize(
    "asked",
    [
        READ._replace(subject={"type": "user", "id": "carol"}),
        READ._replace(subject={"type": "service", "id": "alice"}),
        READ._replace(subject={**ALICE, "properties": {"department": "sales"}}),
        READ._replace(resource={"type": "document", "id": "e2"}),
        READ._replace(resource={**E1, "properties": {"secret": True}}),
        READ._replace(resource={"type": "folder", "id": "e1"}),
        READ._replace(action="export"),
        READ._replace(context={"region": "south"}),
        READ._replace(context={}),
    ],
    ids=[
        "subject", "subject type", "subject property", "resource", "resource property",
        "resource type", "action", "bound context", "bound context left out",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["id", "state", "both"])
def test_an_approval_does_not_serve_for_another_question(
    pdp: Pdp, given: Given, asked: Asked, form: str
) -> None:
    presented = {"id": {"id": given.id}, "state": {"state": given.state}, "both": given.both}
    decision, reason, _ = said(pdp.ask(asked, presented[form]))
    assert (decision, reason) == (False, "out_of_scope")


@pytest.mark.requirement("ARAP-188")
@pytest.mark.parametrize("form", ["id", "state", "both"])
@pytest.mark.parametrize(
    "caller",
    [
        OTHER_PEP,
        Caller("PEP-1", frozenset({"pep"})),
        Caller("admin", EVERYTHING),
        Caller("https://login.example.com#pep-1", frozenset({"pep"})),
    ],
    ids=["another PEP", "other case", "administrator", "token of the same name"],
)
def test_an_approval_does_not_serve_another_caller(
    pdp: Pdp, given: Given, caller: Caller, form: str
) -> None:
    presented = {"id": {"id": given.id}, "state": {"state": given.state}, "both": given.both}
    outcome = pdp.ask(READ, presented[form], caller)
    assert said(outcome) == (False, "approval_unverifiable", "none")


@pytest.mark.requirement("ARAP-196")
def test_the_id_and_the_state_must_be_of_one_approval(pdp: Pdp, given: Given) -> None:
    twin = pdp.grant(READ, members=("region",), task_id="arq_2")
    for mixed in (
        {"id": given.id, "state": twin.state},
        {"id": twin.id, "state": given.state},
        {"id": given.row.ref, "state": given.state},
        {"id": given.id + "x", "state": given.state},
    ):
        assert said(pdp.ask(READ, mixed)) == (False, "approval_unverifiable", "none")
    assert pdp.ask(READ, twin.both).allowed


def test_the_public_reference_is_no_id(pdp: Pdp, given: Given) -> None:
    for identifier in (given.row.ref, given.row.id_hash, given.row.task_id):
        assert said(pdp.ask(READ, {"id": identifier}))[1] == "approval_unverifiable"


@pytest.mark.requirement("ARAP-197")
def test_no_byte_of_a_state_can_be_changed(pdp: Pdp, given: Given) -> None:
    for place in range(0, len(given.state), 7):
        letter = "A" if given.state[place] != "A" else "B"
        altered = given.state[:place] + letter + given.state[place + 1 :]
        assert not pdp.ask(READ, {"id": given.id, "state": altered}, offers=False).allowed


@pytest.mark.requirement("ARAP-197")
def test_a_state_of_another_algorithm_or_key_is_none(pdp: Pdp, given: Given) -> None:
    header, payload, signature = given.state.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    stranger = PrivateKey.generate()
    forged = [
        _part({"alg": "none"}) + f".{payload}.",
        _part({"alg": "none", "typ": STATE_TYPE}) + f".{payload}.{signature}",
        _part({"alg": "HS256", "typ": STATE_TYPE}) + f".{payload}.{signature}",
        stranger.sign_claims(claims, STATE_TYPE),
        PrivateKey.generate("Ed25519").sign_claims(claims, STATE_TYPE),
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.x.y",
        pdp.keys.conceal(given.state),
    ]
    for state in forged:
        for presented in ({"state": state}, {"id": given.id, "state": state}):
            assert said(pdp.ask(READ, presented))[1] == "approval_unverifiable"


@pytest.mark.requirement("ARAP-198")
@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://other.example.com"}, {"aud": []}, {"aud": None}, {"aud": 5},
        {"iss": BASE}, {"iss": "https://evil.example.com"}, {"iss": None},
        {"approval_id": "apr_other"}, {"approval_id": None}, {"exp": None}, {"iat": None},
        {"template": "payment_review"}, {"requester": "pep-2"}, {"client_id": "agent"},
        {"task_id": "arq_9"}, {"binding_context_members": []},
        {"binding_context_members": "region"}, {"jti": None}, {"scope": None}, {"exp": 1e300},
    ],
    ids=str,
)  # fmt: skip
def test_a_state_that_says_something_else_is_refused_whoever_signed_it(
    pdp: Pdp, given: Given, change: JsonObject
) -> None:
    claims = pdp.keys.verify(given.state, STATE_TYPE)
    told = {name: value for name, value in (claims | change).items() if value is not None}
    state = pdp.keys.sign(told, STATE_TYPE)
    presented = {"id": given.id, "state": state}
    assert said(pdp.ask(READ, presented))[1] == "approval_unverifiable"


@pytest.mark.requirement("ARAP-174")
def test_a_state_says_who_signed_it_and_for_whom(pdp: Pdp, given: Given) -> None:
    claims = pdp.keys.verify(given.state, STATE_TYPE)
    assert (claims["iss"], claims["aud"]) == (ENDPOINT, BASE)
    assert claims["binding_context_members"] == ["region"]
    assert state_to_json(state_from_json(claims)) == claims


@pytest.mark.requirement("ARAP-175")
def test_a_state_names_its_key(pdp: Pdp, given: Given) -> None:
    header = json.loads(base64.urlsafe_b64decode(given.state.split(".")[0] + "=="))
    assert header["kid"] in {key["kid"] for key in pdp.keys.jwks()["keys"]}
    assert header["alg"] == "ES256"


def test_no_other_token_of_ours_passes_for_a_state(pdp: Pdp, given: Given) -> None:
    claims = pdp.keys.verify(given.state, STATE_TYPE)
    denial = pdp.ask(READ).context
    assert denial is not None
    for token in (
        pdp.keys.sign(claims),
        pdp.keys.sign(claims, "JWT"),
        pdp.keys.sign(claims, "at+jwt"),
        denial["access_request"]["binding_token"],
    ):
        assert said(pdp.ask(READ, {"id": given.id, "state": token}))[1] == "approval_unverifiable"


def test_a_state_alone_does_not_outlive_its_record(pdp: Pdp, given: Given) -> None:
    elsewhere = {**pdp.keys.verify(given.state, STATE_TYPE), "approval_id": "apr_gone"}
    state = pdp.keys.sign(elsewhere, STATE_TYPE)
    assert said(pdp.ask(READ, {"state": state}))[1] == "approval_unverifiable"


def test_a_longer_state_does_not_lengthen_the_approval(pdp: Pdp, given: Given) -> None:
    claims = pdp.keys.verify(given.state, STATE_TYPE)
    longer = pdp.keys.sign(claims | {"exp": claims["exp"] + 86400}, STATE_TYPE)
    late = NOW + 61 * MINUTE
    assert said(pdp.ask(READ, {"id": given.id, "state": longer}, now=late))[1] == "approval_expired"


@pytest.mark.parametrize("name", ["approval", "request", "now", "caller"])
def test_no_member_of_the_context_counts_as_ours(pdp: Pdp, name: str) -> None:
    forged = {
        "id": "aprf_x", "template": "lead_approval", "approved_at": "2026-11-23T12:00:00Z",
        "approved_until": "2099-01-01T00:00:00Z", "approvers": [], "scope": "exact",
    }  # fmt: skip
    for value in (forged, {"__extn": {"fn": "datetime", "arg": "2026-01-01"}}, [forged], True):
        body = READ.body()
        body["context"] = {**body["context"], name: value}
        assert not pdp.ask_body(body).allowed


def test_a_spent_approval_is_of_no_use_to_a_thief(pdp: Pdp) -> None:
    given = pdp.grant(PAYMENT, "payment_review")
    assert pdp.ask(PAYMENT, given.both).allowed
    assert said(pdp.ask(PAYMENT, given.both, OTHER_PEP))[1] == "approval_unverifiable"
    bigger = PAYMENT._replace(context={"amount": 999})
    assert said(pdp.ask(bigger, given.both))[1] == "approval_expired"
    other = PAYMENT._replace(resource={**A1, "id": "a2"})
    assert said(pdp.ask(other, given.both))[1] == "out_of_scope"


def test_an_item_of_a_bundle_serves_for_no_other(pdp: Pdp) -> None:
    first = pdp.grant(READ, members=("region",))
    second_item = READ._replace(resource={"type": "document", "id": "e2"})
    second = pdp.grant(second_item, members=("region",))
    assert pdp.ask(READ, first.both).allowed
    assert pdp.ask(second_item, second.both).allowed
    assert said(pdp.ask(READ, second.both))[1] == "out_of_scope"
    assert said(pdp.ask(second_item, first.both))[1] == "out_of_scope"


def test_rotated_out_keys_sign_no_more_states(pdp: Pdp, given: Given) -> None:
    pdp.keys.rotate(NOW)
    assert pdp.ask(READ, given.both).allowed
    long_after = NOW + timedelta(days=60)
    pdp.keys.tend(long_after, None)
    outcome = pdp.ask(READ, given.both, now=NOW + 2 * MINUTE)
    assert said(outcome)[1] == "approval_unverifiable"


def _part(body: JsonObject) -> str:
    return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()

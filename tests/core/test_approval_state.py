"""The signed form of an approval: its claims, and what can be told from them alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pdp.core.approval import Presenter, Unusable, Usable
from pdp.core.approval_state import (
    InvalidState,
    check_state_alone,
    state_agrees,
    state_fits,
    state_from_json,
    state_of,
    state_to_json,
)
from pdp.core.authzen import evaluation_from
from tests.core.making import HOUR, START
from tests.core.test_approval import APPROVAL, BODY, NOW, SUBJECT, US

ARS, PDP = "https://pdp.example/access/v1/requests", "https://pdp.example"
STATE = state_of(APPROVAL, "apr_secret", issuer=ARS, audience=PDP, token_id="as_1")


@pytest.mark.requirement("ARAP-174")
@pytest.mark.requirement("ARAP-176")
@pytest.mark.requirement("ARAP-177")
def test_a_state_conveys_what_a_pdp_without_the_record_needs() -> None:
    payload = state_to_json(STATE)
    assert payload == {
        "iss": ARS,
        "aud": PDP,
        "iat": 1777580100,
        "exp": 1777594500,
        "jti": "as_1",
        "approval_id": "apr_secret",
        "task_id": "arq_1",
        "template": "manager",
        "scope": "exact",
        "binding_context_members": ["tenant", "region"],
        "binding_hash": STATE.binding_hash,
        "requester": "pep-1",
        "single_use": False,
    }


def test_a_state_comes_back_as_it_was() -> None:
    for state in (STATE, STATE._replace(client_id="c", evaluation_id="e", audience=(PDP, ARS))):
        assert state_from_json(state_to_json(state) | {"unknown": 1}) == state


@pytest.mark.requirement("ARAP-196")
@pytest.mark.requirement("ARAP-198")
@pytest.mark.requirement("ARAP-199")
@pytest.mark.parametrize(
    ("changed", "presented", "fits"),
    [
        ({}, "apr_secret", True),
        ({}, "apr_other", False),
        ({"issuer": "https://evil.example"}, "apr_secret", False),
        ({"audience": ("https://other.example",)}, "apr_secret", False),
        ({"audience": ("https://other.example", PDP)}, "apr_secret", True),
        ({"expires_at": NOW}, "apr_secret", False),
        ({"expires_at": NOW + timedelta(seconds=1)}, "apr_secret", True),
    ],
)
def test_a_state_is_for_us_in_force_and_of_the_id_beside_it(
    changed: dict[str, Any], presented: str, fits: bool
) -> None:
    state = STATE._replace(**changed)
    issuers = frozenset({ARS})
    assert state_fits(state, presented, issuers=issuers, audience=PDP, now=NOW) == fits


def test_a_state_agrees_with_its_record_only() -> None:
    assert state_agrees(STATE, APPROVAL)
    assert not state_agrees(STATE, replace(APPROVAL, task_id="arq_2"))
    assert not state_agrees(STATE, replace(APPROVAL, requester="pep-2"))
    assert not state_agrees(STATE, replace(APPROVAL, members=()))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": None},
        {"aud": None},
        {"aud": []},
        {"exp": None},
        {"exp": "x"},
        {"exp": 1e300},
        {"approval_id": 7},
        {"binding_context_members": None},
        {"binding_hash": None},
        {"requester": None},
    ],
)
def test_a_payload_that_lacks_something_is_no_state(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidState):
        state_from_json(state_to_json(STATE) | changed)


@pytest.mark.requirement("ARAP-187")
@pytest.mark.parametrize(
    ("changed", "presenter", "verdict"),
    [
        ({}, US, Usable(START + 4 * HOUR)),
        ({"subject": SUBJECT | {"id": "bob"}}, US, Unusable("out_of_scope")),
        ({"action": {"name": "write"}}, US, Unusable("out_of_scope")),
        ({"context": {"tenant": "other"}}, US, Unusable("out_of_scope")),
        ({"context": {"tenant": 2**60}}, US, Unusable("out_of_scope")),
        ({}, Presenter("pep-2"), Unusable("approval_unverifiable")),
    ],
)
def test_what_can_be_told_from_a_state_alone(
    changed: dict[str, Any], presenter: Presenter, verdict: Usable | Unusable
) -> None:
    evaluation = evaluation_from(BODY | changed)
    assert check_state_alone(STATE, evaluation, presenter, now=NOW) == verdict


def test_a_state_alone_cannot_say_whether_a_single_use_is_spent() -> None:
    once = STATE._replace(single_use=True)
    verdict = check_state_alone(once, evaluation_from(BODY), US, now=NOW)
    assert verdict == Unusable("approval_unverifiable")


def test_a_state_alone_ends_with_its_approval() -> None:
    late = START + 4 * HOUR
    verdict = check_state_alone(STATE, evaluation_from(BODY), US, now=late)
    assert verdict == Unusable("approval_expired")

"""The `denial` object and the claims of a binding token, as they are read and written."""

from typing import Any

import pytest

from pdp.core.denial import Denial, Refused, denial_from
from pdp.core.denial_claims import (
    BindingClaims,
    InvalidClaims,
    claims_from_json,
    claims_to_json,
)
from tests.core.denials import ARS, BUNDLE_INLINE, END, HASHED, INLINE, NOW, PDP

GOOD = {"expires_at": "2026-04-30T20:25:00Z", "evaluation_id": "eval_1", "binding_token": "a.b.c"}


def test_the_denial_object_is_read() -> None:
    whole = GOOD | {"template": "t", "reason": "r", "evaluated_at": "2026-04-30T20:15:00Z", "x": 1}
    assert denial_from(whole) == Denial(END, "eval_1", "a.b.c", "t", "r", NOW)


@pytest.mark.requirement("ARAP-071")
@pytest.mark.requirement("ARAP-072")
@pytest.mark.requirement("ARAP-073")
@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (None, "/denial"),
        ([], "/denial"),
        ({}, "/denial"),
        ({"expires_at": GOOD["expires_at"]}, "/denial"),
        ({"evaluation_id": "e"}, "/denial/expires_at"),
        (GOOD | {"expires_at": "tomorrow"}, "/denial/expires_at"),
        (GOOD | {"expires_at": 7}, "/denial/expires_at"),
        (GOOD | {"evaluation_id": 7}, "/denial/evaluation_id"),
        (GOOD | {"binding_token": ""}, "/denial/binding_token"),
        (GOOD | {"evaluated_at": "x"}, "/denial/evaluated_at"),
    ],
)
def test_a_denial_that_lacks_something_binds_nothing(value: Any, pointer: str) -> None:
    verdict = denial_from(value)
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.pointer) == ("invalid_denial_binding", pointer)


@pytest.mark.requirement("ARAP-074")
def test_the_denial_of_an_item_is_named_by_its_place() -> None:
    verdict = denial_from({}, "/items/3/denial")
    assert isinstance(verdict, Refused)
    assert verdict.pointer == "/items/3/denial"


@pytest.mark.requirement("ARAP-040")
@pytest.mark.requirement("ARAP-042")
@pytest.mark.requirement("ARAP-044")
@pytest.mark.requirement("ARAP-045")
def test_the_claims_are_written_as_the_profile_names_them() -> None:
    payload = claims_to_json(HASHED._replace(members=()))
    assert payload == {
        "iss": PDP,
        "aud": ARS,
        "iat": 1777580100,
        "exp": 1777580700,
        "jti": "bt_1",
        "evaluation_id": "eval_1",
        "denial_expires_at": "2026-04-30T20:25:00Z",
        "binding_context_members": [],
        "binding_hash": HASHED.binding_hash,
        "template": "manager",
        "caller": "pep-1",
    }


@pytest.mark.parametrize(
    "claims",
    [
        HASHED,
        INLINE,
        BUNDLE_INLINE,
        HASHED._replace(audience=(ARS, PDP)),
        BindingClaims("i", ("a",)),
    ],
)
def test_claims_come_back_as_they_were(claims: BindingClaims) -> None:
    assert claims_from_json(claims_to_json(claims)) == claims


@pytest.mark.requirement("ARAP-051")
def test_claims_that_are_not_known_are_left_aside() -> None:
    payload = claims_to_json(HASHED) | {"txn": "t", "policy_version": 7}
    assert claims_from_json(payload) == HASHED


@pytest.mark.requirement("ARAP-085")
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": None},
        {"aud": []},
        {"aud": 7},
        {"aud": [7]},
        {"iss": None},
        {"iss": 7},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"denial_expires_at": "soon"},
        {"denial_expires_at": 7},
        {"binding_context_members": "tenant"},
        {"binding_context_members": [1]},
        {"binding_hash": 7},
        {"jti": 7},
    ],
)
def test_claims_of_another_type_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidClaims):
        claims_from_json(claims_to_json(HASHED) | changed)

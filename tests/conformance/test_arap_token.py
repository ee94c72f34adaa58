"""ARAP: the claims of a denial's token and the keys that prove it, read as a stranger reads them."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import ALICE, NOW, Pdp, serving
from tests.conformance.test_arap_denial import claims_of, context_of

READ = {"name": "read"}


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with serving(f"sqlite:///{tmp_path}/pdp.db") as found:
        yield found


def digest(subject: JsonObject, resource: str, context: JsonObject) -> str:
    """The hash of a binding, made without the code under test; ASCII and integers only."""
    bound = {
        "subject": subject,
        "resource": {"type": "doc", "id": resource},
        "action": READ,
        "context": context,
    }
    canonical = json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


@pytest.mark.requirement("ARAP-006")
@pytest.mark.requirement("ARAP-007")
@pytest.mark.requirement("ARAP-008")
def test_every_published_key_says_what_it_is(pdp: Pdp) -> None:
    keys = pdp.call("GET", "/access/v1/jwks", None).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) >= 1
    for key in keys:
        assert key["use"] == "sig" and not {"d", "k", "p", "q"} & key.keys()


@pytest.mark.requirement("ARAP-042")
@pytest.mark.requirement("ARAP-044")
@pytest.mark.requirement("ARAP-045")
def test_a_token_lives_for_minutes_and_says_what_of_the_context_binds(pdp: Pdp) -> None:
    context = context_of(pdp)
    claims = claims_of(context["access_request"]["binding_token"])
    assert claims["iat"] == NOW.timestamp()
    assert 60 <= claims["exp"] - claims["iat"] <= 3600
    assert claims["denial_expires_at"] == context["access_request"]["expires_at"]
    assert claims["binding_context_members"] == []


@pytest.mark.requirement("ARAP-037")
@pytest.mark.requirement("ARAP-038")
@pytest.mark.requirement("ARAP-047")
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"access_request": {"template": "x"}, "evaluation_id": "y", "evaluated_at": "z"},
        {"reason": "please", "time": "2026-04-30T20:15:00Z", "request_id": "7"},
    ],
)
def test_what_the_profile_itself_puts_there_never_binds(pdp: Pdp, more: dict[str, Any]) -> None:
    asked = {"tenant": "acme", **more}
    claims = claims_of(context_of(pdp, "bound-1", context=asked)["access_request"]["binding_token"])
    assert claims["binding_context_members"] == ["tenant"]
    assert claims["binding_hash"] == digest(ALICE, "bound-1", {"tenant": "acme"})


@pytest.mark.requirement("ARAP-047")
@pytest.mark.requirement("ARAP-100")
@pytest.mark.parametrize(
    ("sent", "bound"),
    [
        ({}, {}),
        ({"properties": {"b": [2, 1], "a": {"y": 1, "x": "2"}}},) * 2,
        ({"properties": {"team": 7, "act": {"sub": "agent"}}}, {"properties": {"team": 7}}),
        ({"properties": {"act": {"sub": "agent"}}}, {}),
    ],
)
def test_the_hash_is_of_what_was_asked_less_the_actor(
    pdp: Pdp, sent: JsonObject, bound: JsonObject
) -> None:
    context = context_of(pdp, subject={**ALICE, **sent})
    claims = claims_of(context["access_request"]["binding_token"])
    assert claims["binding_hash"] == digest({**ALICE, **bound}, "manager-1", {})

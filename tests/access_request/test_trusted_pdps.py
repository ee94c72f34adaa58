"""Denials that another PDP gave, which is trusted to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.binding import binding_hash, bulk_binding_hash
from pdp.core.values import JsonObject
from pdp.trust.jose import PrivateKey
from tests.access_request.world import ALICE, BASE, MINUTE, NOW, Pdp, problem, question, serving

EAST = "https://east.example"
KEY, STRANGER = PrivateKey.generate(), PrivateKey.generate()
READ = {"name": "read"}
ITEMS = [
    {"resource": {"type": "doc", "id": "manager-1"}, "action": READ},
    {"resource": {"type": "doc", "id": "manager-2"}, "action": READ},
]


@pytest.fixture
def pdp(database_url: str, tmp_path: Path) -> Iterator[Pdp]:
    """A PDP that takes the denials of another."""
    keys = tmp_path / "east.json"
    keys.write_text(json.dumps({"keys": [KEY.public_jwk()]}))
    trusted = [{"issuer": EAST, "jwks_file": keys}]
    with serving(database_url, trusted_pdps=trusted) as found:
        yield found


def claims(**more: Any) -> JsonObject:
    """What the other PDP signs, for Alice and a document."""
    asked = question("manager-1")
    return {
        "iss": EAST,
        "aud": f"{BASE}/access/v1/requests",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + 5 * MINUTE).timestamp()),
        "jti": "bt-1",
        "denial_expires_at": "2026-04-30T20:20:00Z",
        "binding_context_members": [],
        "binding_hash": binding_hash(ALICE, asked["resource"], READ, {}, []),
        "template": "manager",
        **more,
    }


def body(signed: JsonObject, key: PrivateKey = KEY, **more: Any) -> JsonObject:
    """A submission with that denial."""
    denial = {"binding_token": key.sign_claims(signed), "expires_at": "2026-04-30T20:20:00Z"}
    return question("manager-1") | {"denial": denial} | more


@pytest.mark.requirement("ARAP-084")
def test_the_hashed_and_the_inline_form_are_taken(pdp: Pdp) -> None:
    assert pdp.submit(body(claims())).status_code == 202
    inline = {name: value for name, value in claims(jti="bt-2").items() if name != "binding_hash"}
    asked = question("manager-1")
    assert pdp.submit(body(inline | asked)).status_code == 202


@pytest.mark.requirement("ARAP-048")
@pytest.mark.requirement("ARAP-105")
@pytest.mark.requirement("ARAP-076")
def test_the_denial_of_a_bundle_covers_every_item_in_its_order(pdp: Pdp) -> None:
    hashed = claims(binding_hash=bulk_binding_hash(ALICE, ITEMS, {}, []))
    token = {"binding_token": KEY.sign_claims(hashed), "expires_at": "2026-04-30T20:20:00Z"}
    whole = {"subject": ALICE, "denial": token}
    for wrong in (ITEMS[::-1], ITEMS[:1], ITEMS * 2):
        reply = pdp.submit(whole | {"items": wrong})
        problem(reply, 400, "invalid_denial_binding", "/denial/binding_token")
    task = pdp.submit(whole | {"items": ITEMS}).json()["task"]
    assert [each["status"] for each in task["items"]] == ["pending", "pending"]
    pdp.vote(task["id"], "bob")
    assert pdp.status(task["id"]).json()["task"]["status"] == "approved"


@pytest.mark.parametrize(
    ("change", "key", "status", "name"),
    [
        ({}, STRANGER, 400, "invalid_denial_binding"),
        ({"iss": BASE}, KEY, 400, "invalid_denial_binding"),
        ({"iss": "https://west.example"}, KEY, 400, "invalid_denial_binding"),
        ({"aud": "https://west.example"}, KEY, 400, "invalid_denial_binding"),
        ({"aud": None}, KEY, 400, "invalid_denial_binding"),
        ({"denial_expires_at": "2026-04-30T20:21:00Z"}, KEY, 400, "invalid_denial_binding"),
        ({"binding_context_members": ["tenant"], "binding_hash": "x"}, KEY, 400,
         "invalid_denial_binding"),
        ({"exp": int((NOW - MINUTE).timestamp())}, KEY, 410, "expired_denial"),
        ({"template": "unheard-of"}, KEY, 400, "not_requestable"),
    ],
)  # fmt: skip
def test_a_denial_with_a_fault_is_refused(
    pdp: Pdp, change: JsonObject, key: PrivateKey, status: int, name: str
) -> None:
    found = pdp.submit(body(claims(**change), key))
    assert (found.status_code, found.json()["type"].rpartition(":")[2]) == (status, name)


@pytest.mark.requirement("ARAP-051")
def test_claims_that_are_not_known_are_left_aside(pdp: Pdp) -> None:
    assert pdp.submit(body(claims(**{"urn:x": {"y": 1}}))).status_code == 202


def test_two_pdps_may_use_the_same_token_id(pdp: Pdp) -> None:
    own = pdp.denied("manager-1")
    assert pdp.submit(own).status_code == 202
    assert pdp.submit(body(claims())).status_code == 202
    again = pdp.submit(body(claims()))
    problem(again, 400, "invalid_denial_binding", "/denial/binding_token")


def test_where_no_template_is_named_the_one_that_helps_is_taken(pdp: Pdp) -> None:
    unnamed = claims(template=None)
    task = pdp.submit(body(unnamed)).json()["task"]
    assert task["display"]["title"] == "Manager approval"
    asked = question("free-1")
    hashed = binding_hash(ALICE, asked["resource"], READ, {}, [])
    needless = body(claims(template=None, jti="bt-2", binding_hash=hashed)) | asked
    problem(pdp.submit(needless), 400, "not_requestable", "/denial/template")


def test_a_token_without_an_id_is_used_once_too(pdp: Pdp) -> None:
    unnamed = body(claims(jti=None))
    assert pdp.submit(unnamed).status_code == 202
    problem(pdp.submit(unnamed), 400, "invalid_denial_binding", "/denial/binding_token")


def test_the_evaluation_beside_a_token_of_another_pdp_is_not_used_up(pdp: Pdp) -> None:
    for number in range(2):
        asked = body(claims(jti=f"bt-{number}"))
        asked["denial"]["evaluation_id"] = "somebody-elses"
        assert pdp.submit(asked).status_code == 202

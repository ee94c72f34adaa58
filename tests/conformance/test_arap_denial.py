"""ARAP: what a PDP publishes, and what a requestable denial is."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from pdp.settings import SettingsError
from pdp.settings.load import load_settings
from tests.access_request.world import BASE, MINUTE, Pdp, denial_of, problem, question, serving

CAPABILITY = "urn:openid:authzen:capability:access-request"
WELL_KNOWN = "/.well-known/authzen-configuration"


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with serving(f"sqlite:///{tmp_path}/pdp.db") as found:
        yield found


def context_of(pdp: Pdp, resource: str = "manager-1", **more: Any) -> JsonObject:
    """The Decision Context of a requestable denial."""
    answer = pdp.evaluate(resource, **more)
    assert answer["decision"] is False
    return dict(answer["context"])


def claims_of(token: str) -> JsonObject:
    """The payload of a compact JWS."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


@pytest.mark.requirement("ARAP-001")
@pytest.mark.requirement("ARAP-004")
@pytest.mark.requirement("ARAP-005")
@pytest.mark.requirement("ARAP-011")
def test_the_metadata_names_the_endpoint_its_capability_and_the_keys(pdp: Pdp) -> None:
    found = pdp.call("GET", WELL_KNOWN, None).json()
    assert found["access_request_endpoint"] == f"{BASE}/access/v1/requests"
    assert CAPABILITY in found["capabilities"]
    assert found["jwks_uri"] == f"{BASE}/access/v1/jwks"
    keys = pdp.call("GET", "/access/v1/jwks", None).json()["keys"]
    header = context_of(pdp)["access_request"]["binding_token"].split(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    assert kid in {key["kid"] for key in keys}
    # The same key signs approvals: it is there before the first of them.
    task = pdp.opened("manager-1")
    pdp.vote(task["id"], "bob")
    state = pdp.status(task["id"]).json()["result"]["approval"]["state"]
    first = state.split(".")[0]
    signer = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))["kid"]
    assert signer in {key["kid"] for key in keys}


@pytest.mark.requirement("ARAP-002")
@pytest.mark.parametrize("endpoint", ["http://ars.example.com/requests", "/requests", "ars", ""])
def test_an_endpoint_that_is_no_https_url_refuses_to_start(tmp_path: Path, endpoint: str) -> None:
    file = tmp_path / "pdp.toml"
    file.write_text(
        f'base_url = "{BASE}"\n[access_requests]\nendpoint = "{endpoint}"\n', encoding="utf-8"
    )
    with pytest.raises(SettingsError) as refused:
        load_settings(file, environment={})
    assert "endpoint" in str(refused.value)


@pytest.mark.requirement("ARAP-003")
def test_another_service_that_takes_the_requests_is_named(tmp_path: Path) -> None:
    elsewhere = "https://ars.example.com/requests"
    other = {"access_requests": {"endpoint": elsewhere}}
    with serving(f"sqlite:///{tmp_path}/pdp.db", **other) as pdp:
        assert pdp.call("GET", WELL_KNOWN, None).json()["access_request_endpoint"] == elsewhere
        hint = context_of(pdp)["access_request"]
        assert hint["endpoint"] == elsewhere
        assert claims_of(hint["binding_token"])["aud"] == elsewhere
        assert pdp.submit(pdp.denied("manager-1")).status_code == 400


@pytest.mark.requirement("ARAP-014")
def test_without_an_endpoint_nothing_is_offered(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/pdp.db", access_requests={"enabled": False}) as pdp:
        found = pdp.call("GET", WELL_KNOWN, None).json()
        assert "access_request_endpoint" not in found
        assert CAPABILITY not in found.get("capabilities", [])
        assert "access_request" not in pdp.evaluate("manager-1").get("context", {})


@pytest.mark.requirement("ARAP-012")
def test_a_permit_offers_nothing(pdp: Pdp) -> None:
    answer = pdp.evaluate("free-1")
    assert answer["decision"] is True
    assert "access_request" not in answer.get("context", {})


@pytest.mark.requirement("ARAP-013")
@pytest.mark.parametrize("resource", ["unknown-1", "manager-1"])
def test_a_denial_that_no_approval_would_lift_offers_nothing(pdp: Pdp, resource: str) -> None:
    who = {"type": "user", "id": "leo" if resource == "manager-1" else "alice"}
    answer = pdp.evaluate(resource, subject=who)
    assert answer["decision"] is False
    assert "access_request" not in answer.get("context", {})


@pytest.mark.requirement("ARAP-015")
@pytest.mark.requirement("ARAP-017")
@pytest.mark.requirement("ARAP-018")
@pytest.mark.requirement("ARAP-025")
@pytest.mark.requirement("ARAP-029")
def test_an_offer_is_a_denial_with_both_forms_of_binding(pdp: Pdp) -> None:
    context = context_of(pdp)
    assert context["evaluation_id"].startswith("eval_")
    assert context["access_request"]["binding_token"]
    assert context["reason"] == "approval_required"
    assert context_of(pdp)["reason"] == context["reason"]


@pytest.mark.requirement("ARAP-019")
@pytest.mark.requirement("ARAP-023")
@pytest.mark.requirement("ARAP-036")
@pytest.mark.requirement("ARAP-041")
@pytest.mark.requirement("ARAP-046")
@pytest.mark.requirement("ARAP-049")
def test_the_token_says_by_itself_what_it_binds(pdp: Pdp) -> None:
    context = context_of(pdp, "bound-1", context={"tenant": "acme", "screen": "blue"})
    token = context["access_request"]["binding_token"]
    assert token.count(".") == 2
    claims = claims_of(token)
    assert claims["iss"] == BASE
    assert claims["aud"] == f"{BASE}/access/v1/requests"
    assert claims["binding_context_members"] == ["tenant"]
    assert len(base64.urlsafe_b64decode(claims["binding_hash"] + "=")) == 32
    assert claims["evaluation_id"] == context["evaluation_id"]


@pytest.mark.requirement("ARAP-021")
@pytest.mark.requirement("ARAP-024")
@pytest.mark.requirement("ARAP-031")
def test_the_end_of_the_offer_is_in_the_token(pdp: Pdp) -> None:
    context = context_of(pdp)
    claims = claims_of(context["access_request"]["binding_token"])
    ends = context["access_request"]["expires_at"]
    assert claims["denial_expires_at"] == ends
    assert claims["exp"] <= datetime.fromisoformat(ends).timestamp()
    assert datetime.fromisoformat(context["evaluated_at"]).tzinfo is not None


@pytest.mark.requirement("ARAP-022")
def test_no_byte_of_the_token_can_be_changed(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    token = body["denial"]["binding_token"]
    for place in range(0, len(token), 7):
        if token[place] == ".":
            continue
        other = "A" if token[place] != "A" else "B"
        changed = token[:place] + other + token[place + 1 :]
        denial = body["denial"] | {"binding_token": changed}
        problem(
            pdp.submit(body | {"denial": denial}),
            400,
            "invalid_denial_binding",
            "/denial/binding_token",
        )
    assert pdp.submit(body).status_code == 202


@pytest.mark.requirement("ARAP-028")
@pytest.mark.requirement("ARAP-043")
def test_no_two_denials_share_an_id_or_a_token(pdp: Pdp) -> None:
    found = [context_of(pdp) for _ in range(50)]
    assert len({each["evaluation_id"] for each in found}) == 50
    tokens = [claims_of(each["access_request"]["binding_token"]) for each in found]
    assert len({claims["jti"] for claims in tokens}) == 50


@pytest.mark.requirement("ARAP-030")
def test_a_pep_is_told_no_policy_ids(pdp: Pdp) -> None:
    text = json.dumps(context_of(pdp, "urgent-1"))
    for policy in pdp.services.live.current.bundle.policies:
        if policy.id not in ("urgent", "manager", "second"):
            assert f'"{policy.id}"' not in text


@pytest.mark.requirement("ARAP-032")
def test_every_address_is_an_absolute_https_url(pdp: Pdp) -> None:
    hint = context_of(pdp, "asked-1")["access_request"]
    for name in ("endpoint", "form_url", "request_schema_url"):
        assert hint[name].startswith("https://pdp.example.com/access/v1/")


@pytest.mark.requirement("ARAP-020")
def test_what_cannot_be_bound_is_a_plain_denial(pdp: Pdp) -> None:
    # An integer beyond 2^53 has no canonical form, so nothing could be bound to it.
    asked = question("bound-1") | {"context": {"tenant": "acme"}}
    asked["resource"] = {**asked["resource"], "properties": {"size": 2**60}}
    answer = pdp.call("POST", "/access/v1/evaluation", body=asked).json()
    assert answer["decision"] is False
    assert "access_request" not in answer.get("context", {})


@pytest.mark.requirement("ARAP-142")
def test_whoever_holds_the_clients_credential_follows_its_request(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/pdp.db"
    with serving(database) as first:
        task = first.opened("manager-1")
        with serving(database) as second:
            assert second.status(task["id"]).json() == first.status(task["id"]).json()


def test_an_offer_is_gone_when_its_time_is_over(pdp: Pdp) -> None:
    reply = pdp.call("POST", "/access/v1/evaluation", body=question("manager-1"))
    body = question("manager-1") | {"denial": denial_of(reply.json())}
    pdp.now += 11 * MINUTE
    problem(pdp.submit(body), 410, "expired_denial", "/denial/expires_at")

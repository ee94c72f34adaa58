"""Approvals of another access request service: only their signed state is here, and it must do."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.approval_state import STATE_TYPE
from pdp.core.binding import binding_hash
from pdp.core.values import JsonObject
from pdp.services import Services
from pdp.settings import Settings
from pdp.trust.callers import Caller
from pdp.trust.jose import PrivateKey
from tests.evaluation.approving import (
    BASE,
    ENDPOINT,
    MINUTE,
    NOW,
    OTHER_PEP,
    PAYMENT,
    WORLD,
    Asked,
    Pdp,
    said,
)

SERVICE = "https://requests.example.com/submit"
KEY = PrivateKey.generate()
READ = Asked(context={"region": "north"})


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP that takes the approvals of another service."""
    file = tmp_path / "service.json"
    file.write_text(json.dumps({"keys": [KEY.public_jwk()]}))
    settings = Settings.model_validate(
        {
            "base_url": BASE, "database": f"sqlite:///{tmp_path}/pdp.db", "policies": WORLD,
            "schemas": tmp_path / "none", "keys": {"master_key": base64.b64encode(b"k" * 32).decode()},
            "trusted_services": [{"issuer": SERVICE, "jwks_file": file}],
        }
    )  # fmt: skip
    services = Services(settings, lambda: NOW)
    found = Pdp(services.database)
    found.approvals = services.approvals
    yield found
    services.close()


def state(asked: Asked = READ, template: str = "lead_approval", **changes: Any) -> str:
    """A state as that service signs it."""
    members = ["region"]
    claims: JsonObject = {
        "iss": SERVICE, "aud": BASE, "iat": int(NOW.timestamp()),
        "exp": int((NOW + 60 * MINUTE).timestamp()), "jti": "as_1", "approval_id": "theirs-1",
        "task_id": "task-1", "template": template, "scope": "exact",
        "binding_context_members": members, "requester": "pep-1",
        "binding_hash": binding_hash(
            asked.subject, asked.resource, {"name": asked.action}, dict(asked.context), members
        ),
    }  # fmt: skip
    told = {name: value for name, value in (claims | changes).items() if value is not None}
    return KEY.sign_claims(told)


@pytest.mark.requirement("ARAP-200")
@pytest.mark.parametrize("identifier", [None, "theirs-1"])
def test_a_state_of_a_trusted_service_allows(pdp: Pdp, identifier: str | None) -> None:
    presented: JsonObject = {"state": state()}
    if identifier:
        presented["id"] = identifier
    outcome = pdp.ask(READ, presented)
    assert outcome.allowed
    assert outcome.context == {
        "approval": {"id": "theirs-1", "approved_until": "2026-11-23T13:00:00Z"}
    }


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (READ._replace(subject={"type": "user", "id": "carol"}), "out_of_scope"),
        (READ._replace(resource={"type": "document", "id": "e2"}), "out_of_scope"),
        (READ._replace(action="export"), "out_of_scope"),
        (READ._replace(context={"region": "south"}), "out_of_scope"),
        (READ._replace(context={}), "out_of_scope"),
    ],
    ids=["subject", "resource", "action", "context", "no context"],
)
def test_for_nothing_but_what_it_is_about(pdp: Pdp, asked: Asked, reason: str) -> None:
    assert said(pdp.ask(asked, {"state": state()}))[:2] == (False, reason)


def test_nor_for_another_presenter_nor_after_its_end(pdp: Pdp) -> None:
    presented = {"state": state()}
    assert said(pdp.ask(READ, presented, OTHER_PEP))[1] == "approval_unverifiable"
    admin = Caller("admin", frozenset({"pep", "admin"}))
    assert said(pdp.ask(READ, presented, admin))[1] == "approval_unverifiable"
    late = NOW + 60 * MINUTE
    assert said(pdp.ask(READ, presented, now=late)) == (False, "approval_expired", "request")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example.com"}, {"iss": ENDPOINT}, {"iss": BASE},
        {"aud": "https://other.example.com"}, {"aud": None}, {"single_use": True},
        {"approval_id": "theirs-2"}, {"client_id": "agent-7"}, {"binding_hash": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_it_cannot_prove_is_not_believed(pdp: Pdp, changes: JsonObject) -> None:
    presented = {"id": "theirs-1", "state": state(**changes)}
    assert said(pdp.ask(READ, presented))[1] == "approval_unverifiable"


def test_it_cannot_sign_for_us_nor_we_for_it(pdp: Pdp) -> None:
    own = pdp.keys.sign({"iss": SERVICE}, STATE_TYPE)
    assert said(pdp.ask(READ, {"state": own}))[1] == "approval_unverifiable"


def test_a_wider_scope_still_covers_only_what_was_asked(pdp: Pdp) -> None:
    wide = {"state": state(scope="resource_type")}
    assert pdp.ask(READ, wide).allowed
    other = READ._replace(resource={"type": "document", "id": "e2"})
    assert said(pdp.ask(other, wide))[1] == "out_of_scope"


def test_policy_has_the_last_word(pdp: Pdp) -> None:
    mallory = READ._replace(subject={"type": "user", "id": "mallory"})
    assert said(pdp.ask(mallory, {"state": state(mallory)}))[1] == "policy_denied"
    paying = PAYMENT._replace(context={"amount": 5000, "region": "north"})
    presented = {"state": state(paying, "payment_review")}
    assert said(pdp.ask(paying, presented))[1] == "policy_denied"

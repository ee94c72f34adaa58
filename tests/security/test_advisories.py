"""What went wrong in systems of this kind, each once, as a test that it does not here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from pdp.settings import SettingsError
from pdp.settings.load import load_settings
from tests.access_request.world import BASE, Pdp, denial_of, problem, question, serving
from tests.contract.conftest import database_url, postgres, postgres_template, sqlite_template

__all__ = ["database_url", "postgres", "postgres_template", "sqlite_template"]


@pytest.fixture
def pdp(database_url: str) -> Iterator[Pdp]:
    """A PDP over an empty database, on each kind."""
    with serving(database_url) as found:
        yield found


def put(pdp: Pdp, kind: str, name: str, *groups: str) -> None:
    """Keep a person or document with these groups above it."""
    body = {
        "uid": {"type": kind, "id": name},
        "attrs": {},
        "parents": [
            {"type": "Group" if kind == "User" else "Folder", "id": group} for group in groups
        ],
    }
    reply = pdp.call("PUT", f"/admin/v1/entities/{kind}/{name}", "admin", body)
    assert reply.status_code in (200, 201, 204), reply.text
    pdp.services._follow_entities(0)  # What the watcher of the database does within a second.


def approval_of(pdp: Pdp, resource: str, **asked: Any) -> JsonObject:
    """An approval that was just given to its requester."""
    task = pdp.submit(pdp.denied(resource, **asked)).json()["task"]["id"]
    pdp.vote(task, "bob")
    return dict(pdp.status(task).json()["result"]["approval"])


def test_openfga_cve_2026_33729_nothing_is_remembered_without_its_context(pdp: Pdp) -> None:
    offered = {"context": {"tenant": "acme"}}
    for _ in range(3):
        assert "access_request" in pdp.evaluate("bound-1", **offered)["context"]
        other = pdp.evaluate("bound-1", context={"tenant": "globex"})
        assert "access_request" not in other.get("context", {})
        assert "access_request" not in pdp.evaluate("bound-1").get("context", {})
    both = question("bound-1") | {
        "evaluations": [{"context": {"tenant": "acme"}}, {"context": {"tenant": "globex"}}]
    }
    answers = pdp.call("POST", "/access/v1/evaluations", body=both).json()["evaluations"]
    assert ["access_request" in each.get("context", {}) for each in answers] == [True, False]


def test_openfga_cve_2026_34972_a_key_stands_for_one_whole_request(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    assert pdp.submit(body, idempotency_key="k-1").status_code == 202
    for change in (
        {"requested_access": {"business_reason": "another"}},
        {"context": {"more": True}},
        {"subject": {"type": "user", "id": "tim"}},
    ):
        problem(pdp.submit(body | change, idempotency_key="k-1"), 409, "duplicate_request")


@pytest.mark.parametrize("name", ["Alice", "alice ", "ａlice", "alicé", "alice\u0301", "ALICE"])
def test_openfga_cve_2026_55170_ids_are_the_same_to_the_byte_or_not_at_all(
    pdp: Pdp, name: str
) -> None:
    approval = approval_of(pdp, "manager-1")
    assert pdp.evaluate("manager-1", {"id": approval["id"]})["decision"] is True
    other = {"subject": {"type": "user", "id": name}}
    assert pdp.evaluate("manager-1", {"id": approval["id"]}, **other)["decision"] is False


@pytest.mark.parametrize("missing", ["issuer", "audience", "jwks_uri"])
def test_openfga_cve_2026_55689_no_start_without_issuer_audience_and_keys(
    tmp_path: Path, missing: str
) -> None:
    issuer = {
        "issuer": "https://login.example.com",
        "audience": BASE,
        "jwks_uri": "https://login.example.com/jwks",
    }
    del issuer[missing]
    lines = "\n".join(f'{name} = "{value}"' for name, value in issuer.items())
    file = tmp_path / "pdp.toml"
    file.write_text(f'base_url = "{BASE}"\n[[issuers]]\n{lines}\n', encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings(file, environment={})
    assert "issuers" in str(refused.value)


@pytest.mark.parametrize("header", ["host", "x_forwarded_host", "forwarded"])
def test_openfga_3057_discovery_and_addresses_are_from_the_configuration(
    pdp: Pdp, header: str
) -> None:
    evil = {header: "host=evil.example" if header == "forwarded" else "evil.example"}
    metadata = pdp.call("GET", "/.well-known/authzen-configuration", None, **evil)
    assert "evil" not in metadata.text
    asked = question("manager-1")
    assert "evil" not in pdp.call("POST", "/access/v1/evaluation", body=asked, **evil).text
    reply = pdp.submit(pdp.denied("manager-1"), **evil)
    assert "evil" not in reply.text + reply.headers["location"]


def test_keycloak_cve_2026_9798_the_subject_is_looked_at_again_when_it_counts(pdp: Pdp) -> None:
    approval = approval_of(pdp, "manager-1")
    assert pdp.evaluate("manager-1", {"id": approval["id"]})["decision"] is True
    put(pdp, "User", "alice", "staff", "on-leave")
    answer = pdp.evaluate("manager-1", {"id": approval["id"]})
    assert (answer["decision"], answer["context"]["reason"]) == (False, "policy_denied")
    put(pdp, "User", "alice")
    assert pdp.evaluate("manager-1", {"id": approval["id"]})["decision"] is False
    put(pdp, "User", "alice", "staff")
    assert pdp.evaluate("manager-1", {"id": approval["id"]})["decision"] is True


def test_infisical_an_approver_who_was_removed_has_no_power_any_more(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")["id"]
    put(pdp, "User", "bob", "staff")
    body = {"decision": "approve", "approver": {"type": "user", "id": "bob"}}
    reply = pdp.call("POST", f"/queue/v1/tasks/{task}/decisions", "inbox", body)
    assert problem(reply, 403, "forbidden")["refusal"]["reason"] == "not_eligible"
    assert pdp.status(task).json()["task"]["status"] == "pending"


def test_sanction_a_bundle_is_valid_as_a_whole_before_any_item_has_an_effect(pdp: Pdp) -> None:
    first, second = pdp.denied("manager-1"), pdp.denied("second-1")
    items = [
        {name: each[name] for name in ("resource", "action", "denial")} for each in (first, second)
    ]
    items[1]["denial"] = items[1]["denial"] | {"template": "manager"}
    broken = {"subject": first["subject"], "items": items}
    assert pdp.submit(broken).status_code == 400
    assert pdp.call("GET", "/queue/v1/tasks", "admin").json()["items"] == []
    # The denial of the sound item was not used up.
    assert pdp.submit(first).status_code == 202
    assert pdp.submit(second).status_code == 202


def test_sanction_a_denial_is_used_once_but_a_repeat_finds_what_it_opened(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    first = pdp.submit(body, idempotency_key="k-7")
    again = pdp.submit(body, idempotency_key="k-7")
    assert (first.status_code, again.json()) == (202, first.json())
    problem(pdp.submit(body, idempotency_key="k-8"), 400, "invalid_denial_binding",
            "/denial/binding_token")  # fmt: skip
    assert len(pdp.call("GET", "/queue/v1/tasks", "admin").json()["items"]) == 1


def test_spicedb_a_denial_says_nothing_of_another_subject(pdp: Pdp) -> None:
    hers = pdp.call("POST", "/access/v1/evaluation", body=question("manager-1")).json()
    for change in (
        {"subject": {"type": "user", "id": "tim"}},
        {"resource": {"type": "doc", "id": "manager-2"}},
        {"action": {"name": "write"}},
    ):
        body = question("manager-1") | change | {"denial": denial_of(hers)}
        reply = pdp.submit(body)
        assert reply.status_code == 400
        assert reply.json()["type"].endswith("invalid_denial_binding")

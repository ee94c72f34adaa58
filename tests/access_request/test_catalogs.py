"""Catalogs: what may be chosen, by whom, and that nothing else is taken."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from pdp.core.values import JsonObject
from tests.access_request.test_forms import WORLD, Elements
from tests.access_request.world import (
    BASE,
    CLIENTS,
    Pdp,
    Reply,
    client,
    denial_of,
    problem,
    serving,
)

DANA = {"type": "user", "id": "dana"}
ALICE = {"type": "user", "id": "alice"}


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP with catalogs."""
    clients = [*CLIENTS, client("only-dana", "pep", acts_for=['User::"dana"'])]
    database = f"sqlite:///{tmp_path}/catalogs.db"
    world = {"policies": WORLD / "policies", "schemas": WORLD / "schemas", "clients": clients}
    with serving(database, **world) as found:
        yield found


def asked(subject: JsonObject = ALICE) -> JsonObject:
    """May somebody join?"""
    resource = {"type": "portal", "id": "main"}
    return {"subject": subject, "action": {"name": "join"}, "resource": resource}


def hint(pdp: Pdp, subject: JsonObject = ALICE, key: str = "pep") -> JsonObject:
    """The `access_request` of a denial."""
    reply = pdp.call("POST", "/access/v1/evaluation", key, asked(subject))
    found: JsonObject = reply.json()["context"]["access_request"]
    return found


def document(pdp: Pdp, subject: JsonObject = ALICE) -> JsonObject:
    """The Catalogs Document of a denial."""
    url = hint(pdp, subject)["request_catalogs_url"]
    reply = pdp.call("GET", url.removeprefix(BASE))
    assert reply.status_code == 200
    found: JsonObject = reply.json()["fields"]
    return found


def search(pdp: Pdp, endpoint: str, key: str | None = "pep", **parameters: Any) -> Reply:
    """A call of a Catalog Endpoint."""
    path = endpoint.removeprefix(BASE)
    return pdp.call("GET", f"{path}?{urlencode(parameters)}", key)


def values(reply: Reply) -> list[str]:
    """The values that were found."""
    return [item["value"] for item in reply.json()["items"]]


@pytest.mark.requirement("ARAP-033")
@pytest.mark.requirement("ARAP-221")
def test_the_denial_leads_to_the_catalogs(pdp: Pdp) -> None:
    found = hint(pdp)
    assert found["request_schema_url"].endswith("/access/v1/schemas/role_request")
    fields = document(pdp)
    assert set(fields) == {
        "/requested_access/application", "/requested_access/role", "/requested_access/watchers",
    }  # fmt: skip
    role = fields["/requested_access/role"]
    assert urlsplit(role["endpoint"]).scheme == "https"
    assert role["scope_params"] == {"application": "/requested_access/application"}


@pytest.mark.requirement("ARAP-217")
@pytest.mark.requirement("ARAP-222")
@pytest.mark.requirement("ARAP-223")
def test_items_are_found_by_words_and_scope(pdp: Pdp) -> None:
    endpoint = document(pdp)["/requested_access/role"]["endpoint"]
    everything = search(pdp, endpoint)
    assert values(everything) == ["crm-reader", "crm-writer", "erp-reader", "erp-writer"]
    assert "next_cursor" not in everything.json()
    assert values(search(pdp, endpoint, application="crm")) == ["crm-reader", "crm-writer"]
    assert values(search(pdp, endpoint, q="READ", application="erp")) == ["erp-reader"]
    assert values(search(pdp, endpoint, q="nothing")) == []
    assert values(search(pdp, endpoint, colour="blue", limit="many")) == values(everything)
    first = everything.json()["items"][0]
    assert first == {
        "value": "crm-reader", "label": "CRM reader", "description": "May read",
        "risk_level": "low", "owner": {"type": "User", "id": "bob"}, "granted": True,
    }  # fmt: skip


def test_pages_follow_each_other(pdp: Pdp) -> None:
    endpoint = document(pdp)["/requested_access/role"]["endpoint"]
    found: list[str] = []
    parameters: JsonObject = {"limit": 1}
    while True:
        reply = search(pdp, endpoint, **parameters)
        assert len(reply.json()["items"]) == 1
        found += values(reply)
        if "next_cursor" not in reply.json():
            break
        parameters["cursor"] = reply.json()["next_cursor"]
    assert found == ["crm-reader", "crm-writer", "erp-reader", "erp-writer"]
    applications = document(pdp)["/requested_access/application"]["endpoint"]
    first = search(pdp, applications, limit=1)
    second = search(pdp, applications, limit=1, cursor=first.json()["next_cursor"])
    assert (values(first), values(second)) == (["crm"], ["erp"])


@pytest.mark.parametrize("cursor", ["%", "a", "////", "é"])
def test_a_made_up_cursor_is_refused_or_leads_nowhere(pdp: Pdp, cursor: str) -> None:
    for field in ("/requested_access/role", "/requested_access/application"):
        reply = search(pdp, document(pdp)[field]["endpoint"], cursor=cursor)
        assert reply.status_code in (200, 400)


@pytest.mark.requirement("ARAP-219")
def test_two_subjects_see_different_items(pdp: Pdp) -> None:
    found = {
        name: values(search(pdp, document(pdp, subject)["/requested_access/role"]["endpoint"]))
        for name, subject in (("alice", ALICE), ("dana", DANA))
    }
    assert "crm-root" not in found["alice"]
    assert set(found["dana"]) - set(found["alice"]) == {"crm-root", "erp-root"}
    assert not any("old" in value or "off" in value for value in found["dana"])


@pytest.mark.requirement("ARAP-218")
def test_a_catalog_is_for_the_caller_that_was_denied(pdp: Pdp) -> None:
    url = hint(pdp)["request_catalogs_url"]
    endpoint = document(pdp)["/requested_access/role"]["endpoint"]
    for address in (url.removeprefix(BASE), endpoint.removeprefix(BASE)):
        problem(pdp.call("GET", address, None), 401, "unauthenticated")
        problem(pdp.call("GET", address, "other"), 404, "not_found")
        problem(pdp.call("GET", address, "inbox"), 403, "forbidden")
    hers = hint(pdp, ALICE, "only-dana")["request_catalogs_url"].removeprefix(BASE)
    problem(pdp.call("GET", hers, "only-dana"), 403, "forbidden")


def test_an_address_lives_as_long_as_its_denial(pdp: Pdp) -> None:
    endpoint = document(pdp)["/requested_access/role"]["endpoint"]
    pdp.now += timedelta(minutes=11)
    problem(search(pdp, endpoint), 404, "not_found")


def test_addresses_cannot_be_altered(pdp: Pdp) -> None:
    endpoint = document(pdp)["/requested_access/role"]["endpoint"]
    start, _, handle = endpoint.rpartition("/")
    for altered in (handle[:-2] + "AA", "x", "A" * 5000, handle + "=", handle + "/x"):
        assert search(pdp, f"{start}/{altered}").status_code == 404
    other = endpoint.replace("/catalog/roles/", "/catalogs/plain_request/")
    problem(pdp.call("GET", other.removeprefix(BASE)), 404, "not_found")


def test_without_a_denial_only_what_everybody_may_see_is_shown(pdp: Pdp) -> None:
    problem(pdp.call("GET", "/access/v1/catalog/roles"), 403, "forbidden")
    assert values(pdp.call("GET", "/access/v1/catalog/applications")) == ["crm", "erp"]
    fields = pdp.call("GET", "/access/v1/catalogs/role_request").json()["fields"]
    assert fields["/requested_access/role"]["endpoint"].endswith("/access/v1/catalog/roles")
    for path in ("catalog/nothing", "catalogs/nothing", "catalogs/plain_request"):
        problem(pdp.call("GET", f"/access/v1/{path}"), 404, "not_found")


def submitted(pdp: Pdp, wishes: JsonObject, subject: JsonObject = ALICE) -> Reply:
    """A submission with these choices."""
    answer = pdp.call("POST", "/access/v1/evaluation", body=asked(subject)).json()
    body = asked(subject) | {"denial": denial_of(answer), "requested_access": wishes}
    return pdp.submit(body)


@pytest.mark.requirement("ARAP-224")
@pytest.mark.parametrize(
    ("wishes", "faults"),
    [
        ({"application": "crm", "role": "crm-writer"}, []),
        ({"application": "crm", "role": "crm-writer", "watchers": ["bob", "dana"]}, []),
        ({"application": "crm", "role": "erp-writer"}, ["/requested_access/role"]),
        ({"application": "crm", "role": "crm-root"}, ["/requested_access/role"]),
        ({"application": "crm", "role": "crm-old"}, ["/requested_access/role"]),
        ({"application": "crm", "role": "crm-off"}, ["/requested_access/role"]),
        ({"application": "crm", "role": "crm-none"}, ["/requested_access/role"]),
        ({"application": "crm", "role": "CRM writer"}, ["/requested_access/role"]),
        (
            {"application": "x", "role": "crm-writer"},
            ["/requested_access/application", "/requested_access/role"],
        ),
        (
            {"application": "crm", "role": "crm-writer", "watchers": ["bob", "eve"]},
            ["/requested_access/watchers"],
        ),
    ],
)
def test_only_what_the_catalog_offers_is_taken(
    pdp: Pdp, wishes: JsonObject, faults: list[str]
) -> None:
    reply = submitted(pdp, wishes)
    if not faults:
        assert reply.status_code == 202, reply.text
    else:
        problem(reply, 400, "invalid_request", *faults)


def test_the_choice_is_of_the_subject_not_of_the_caller(pdp: Pdp) -> None:
    assert submitted(pdp, {"application": "crm", "role": "crm-root"}, DANA).status_code == 202


def test_the_page_offers_the_choices_to_whom_the_denial_sends_there(pdp: Pdp) -> None:
    url = hint(pdp)["form_url"].removeprefix(BASE)
    page = pdp.call("GET", url, None).text
    fields = Elements(page).named()
    assert fields["/requested_access/application"][0] == "select"
    assert "Customers" in page
    assert "multiple" in fields["/requested_access/watchers"][1]
    plain = pdp.call("GET", "/access/v1/forms/role_request", None).text
    assert "Customers" not in plain and "dana" not in plain
    sent = urlencode({"/requested_access/application": '"crm"', "/requested_access/role": "x"})
    kind = "application/x-www-form-urlencoded"
    reply = pdp.call("POST", url, None, sent.encode(), content_type=kind, accept="application/json")
    assert reply.json() == {"requested_access": {"application": "crm", "role": "x"}}
    pdp.now += timedelta(minutes=11)
    problem(pdp.call("GET", url, None), 404, "not_found")

"""`/admin/v1/audit`: search, signed head, verification."""

from typing import Any

import pytest
from sqlalchemy import update

from pdp.store import audit
from tests.admin.serving import Client
from tests.contract.make import MINUTE, NOW, audit_event


def append(call: Client, count: int = 1, **changes: Any) -> None:
    events = [audit_event(f"e{n}", at=NOW + n * MINUTE, **changes) for n in range(count)]
    call.database.write(lambda session: [audit.append(session, event) for event in events])


def test_events_are_found_newest_first_page_by_page(call: Client) -> None:
    append(call, 5)
    first = call("GET", "/admin/v1/audit?limit=3").json()
    assert [item["seq"] for item in first["items"]] == [5, 4, 3]
    assert first["items"][0]["actor_id"] == "bob"
    assert first["next_before"] == 3
    rest = call("GET", "/admin/v1/audit?limit=3&before=3").json()
    assert ([item["seq"] for item in rest["items"]], rest["next_before"]) == ([2, 1], None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("task=arq_2", [6]),
        ("event=e1", [2]),
        ("actor=bob", [5, 4, 3, 2, 1]),
        ("actor_type=caller", [6]),
        ("since=2026-11-23T12:02:30Z&until=2026-11-23T12:04:00Z", [4]),
        ("task=nobody", []),
    ],
)
def test_events_are_found_by_what_they_say(call: Client, query: str, found: list[int]) -> None:
    append(call, 5)
    append(call, task_id="arq_2", actor_type="caller", actor_id="pep-1")
    items = call("GET", "/admin/v1/audit?" + query).json()["items"]
    assert [item["seq"] for item in items] == found


@pytest.mark.parametrize("query", ["since=2026-11-23T12:00:00", "limit=0", "before=0", "since=x"])
def test_a_bad_query_is_a_problem(call: Client, query: str) -> None:
    answer = call("GET", "/admin/v1/audit?" + query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_signed_head_that_was_kept_is_held_against_the_chain(call: Client) -> None:
    assert call("GET", "/admin/v1/audit/head").status_code == 404
    append(call, 3)
    head = call("GET", "/admin/v1/audit/head").json()
    assert (head["seq"], len(head["hash"])) == (3, 64)
    append(call)
    for answer in (
        call("GET", "/admin/v1/audit/verify"),
        call("POST", "/admin/v1/audit/verify", json=head),
    ):
        body = answer.json()
        assert (answer.status_code, body["whole"], body["events"]) == (200, True, 4)
    other = call("POST", "/admin/v1/audit/verify", json=head | {"hash": "0" * 64}).json()
    assert (other["whole"], other["fault_seq"]) == (False, 3)
    beyond = call("POST", "/admin/v1/audit/verify", json=head | {"seq": 9}).json()
    assert beyond["fault"] == "events after 4 are missing"


def test_a_changed_event_is_named(call: Client) -> None:
    append(call, 3)
    change = update(audit.audit).where(audit.audit.c.seq == 2).values(event="other")
    call.database.write(lambda session: session.execute(change))
    body = call("GET", "/admin/v1/audit/verify").json()
    assert (body["whole"], body["fault"], body["fault_seq"]) == (
        False, "the event was changed", 2,
    )  # fmt: skip


@pytest.mark.parametrize("body", [[], {}, {"seq": 1}, "x"])
def test_a_body_that_is_no_head_is_refused(call: Client, body: Any) -> None:
    assert call("POST", "/admin/v1/audit/verify", json=body).status_code == 400


@pytest.mark.parametrize("path", ["", "/head", "/verify"])
def test_only_administrators_and_auditors_look(call: Client, path: str) -> None:
    assert call("GET", "/admin/v1/audit" + path, None).status_code == 401
    assert call("GET", "/admin/v1/audit" + path, "demo-pep-key").status_code == 403

"""`/admin/v1/outbox`: what was given up can be seen and tried again, by those who may."""

import pytest

from pdp.store import audit_chain, outbox, outbox_admin
from pdp.store.engine import Session
from tests.admin.serving import Client
from tests.contract.make import MINUTE, NOW, job


def bury(call: Client, *keys: str) -> None:
    def work(session: Session) -> None:
        for key in keys:
            outbox.put(session, job(key, payload={"secret": "hunter2"}, task_id="arq_1"))
        for taken in outbox.claim(session, "r", 99, now=NOW, lease=MINUTE):
            outbox.bury(session, taken, "not delivered: no answer", NOW)

    call.database.write(work)


def test_jobs_that_were_given_up_are_listed_page_by_page(call: Client) -> None:
    bury(call, "a", "b", "c")
    first = call("GET", "/admin/v1/outbox?dead=true&limit=2").json()
    assert [item["seq"] for item in first["items"]] == [1, 2]
    assert first["items"][0]["last_error"] == "not delivered: no answer"
    assert first["next_after"] == 2
    rest = call("GET", "/admin/v1/outbox?dead=true&limit=2&after=2").json()
    assert ([item["seq"] for item in rest["items"]], rest["next_after"]) == ([3], None)


def test_jobs_that_wait_are_listed_without_what_they_carry(call: Client) -> None:
    call.database.write(lambda s: outbox.put(s, job("w", payload={"secret": "hunter2"})))
    answer = call("GET", "/admin/v1/outbox")
    assert [item["kind"] for item in answer.json()["items"]] == ["mail"]
    assert "hunter2" not in answer.text
    assert call("GET", "/admin/v1/outbox?dead=true").json() == {"items": [], "next_after": None}


def test_a_replayed_job_is_due_again_and_the_caller_is_recorded(call: Client) -> None:
    bury(call, "a")
    answer = call("POST", "/admin/v1/outbox/1/replay")
    assert answer.status_code == 202
    assert (answer.json()["seq"], answer.json()["attempts"]) == (1, 0)
    replayed = call.database.read(lambda s: outbox_admin.get(s, 1))
    assert replayed is not None and replayed.dead_at is None and replayed.ready_at is not None
    (event,) = call.database.read(lambda s: list(audit_chain.export(s)))
    assert (event.event, event.task_id, event.actor_type) == ("outbox.replayed", "arq_1", "client")
    again = call("POST", "/admin/v1/outbox/1/replay")
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/9/replay", 404), ("/0/replay", 400), ("/x/replay", 400), (f"/{2**63}/replay", 400)],
)
def test_a_job_that_is_not_there_is_a_problem(call: Client, path: str, status: int) -> None:
    assert call("POST", "/admin/v1/outbox" + path).status_code == status


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", "dead=perhaps"])
def test_a_bad_query_is_a_problem(call: Client, query: str) -> None:
    answer = call("GET", "/admin/v1/outbox?" + query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_only_administrators_replay_and_only_they_and_auditors_look(call: Client) -> None:
    assert call("GET", "/admin/v1/outbox", None).status_code == 401
    assert call("GET", "/admin/v1/outbox", "demo-pep-key").status_code == 403
    assert call("POST", "/admin/v1/outbox/1/replay", None).status_code == 401
    assert call("POST", "/admin/v1/outbox/1/replay", "demo-as-key").status_code == 403

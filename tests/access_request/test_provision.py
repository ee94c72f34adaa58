"""What was approved has to be set up first: until then the answer is to try again."""

import pytest

from tests.access_request.world import CLIENTS, HOUR, Pdp, problem, serving
from tests.deferral.world import SERVERS, Server

SET_UP = "set-up-1"


@pytest.mark.requirement("ARAP-205", "ARAP-207")
def test_it_counts_once_it_is_reported_to_be_in_place(pdp: Pdp) -> None:
    task = pdp.opened(SET_UP)
    pdp.vote(task["id"], "bob")
    approval = pdp.status(task["id"]).json()["result"]["approval"]
    shown = {name: approval[name] for name in ("id", "state")}
    for presented in (shown, {"id": shown["id"]}, {"state": shown["state"]}):
        waiting = pdp.evaluate(SET_UP, presented)
        assert waiting["decision"] is False
        assert waiting["context"] == {
            "reason": "grant_pending",
            "next_action": "retry",
            "retry_after": 5,
        }
    path = f"/queue/v1/approvals/{shown['id']}/provisioned"
    reply = pdp.call("POST", path)
    assert reply.status_code == 200, reply.text
    assert "provisioned" not in reply.json()["approval"]
    assert pdp.evaluate(SET_UP, shown)["decision"] is True
    assert pdp.events(task["id"])[-1] == "approval.provisioned"
    problem(pdp.call("POST", path), 409, "conflict")
    assert pdp.events(task["id"]).count("approval.provisioned") == 1
    assert pdp.verified()


def test_only_its_requester_or_an_administrator_may_say_so(pdp: Pdp) -> None:
    task = pdp.opened(SET_UP)
    pdp.vote(task["id"], "bob")
    ref = pdp.call("GET", "/queue/v1/approvals", "admin").json()["items"][0]["ref"]
    path = f"/queue/v1/approvals/{ref}/provisioned"
    for key in ("other", "inbox", "auditor"):
        assert pdp.call("POST", path, key).status_code == 404
    assert pdp.call("POST", path, None).status_code == 401
    assert (
        pdp.call("GET", f"/queue/v1/approvals/{ref}", "admin").json()["approval"]["provisioned"]
        is False
    )
    assert pdp.call("POST", path, "admin").status_code == 200


def test_what_is_over_is_not_set_up_any_more(pdp: Pdp) -> None:
    task = pdp.opened(SET_UP)
    pdp.vote(task["id"], "bob")
    ref = pdp.call("GET", "/queue/v1/approvals", "admin").json()["items"][0]["ref"]
    pdp.later(5 * HOUR)
    problem(pdp.call("POST", f"/queue/v1/approvals/{ref}/provisioned", "admin"), 409, "conflict")


def test_other_approvals_wait_for_nothing(pdp: Pdp) -> None:
    task = pdp.opened("manager-1")
    pdp.vote(task["id"], "bob")
    ref = pdp.call("GET", "/queue/v1/approvals", "admin").json()["items"][0]["ref"]
    problem(pdp.call("POST", f"/queue/v1/approvals/{ref}/provisioned", "admin"), 409, "conflict")


@pytest.mark.requirement("AROP-043")
def test_a_client_waits_until_it_is_in_place(database_url: str) -> None:
    with serving(database_url, clients=[*CLIENTS, *SERVERS]) as pdp:
        server = Server(pdp)
        code = server.deferred(SET_UP)
        server.approve()
        assert server.error(code) == "authorization_pending"
        ref = pdp.call("GET", "/queue/v1/approvals", "admin").json()["items"][0]["ref"]
        reply = pdp.call("POST", f"/queue/v1/approvals/{ref}/provisioned", "as-1")
        assert reply.status_code == 200, reply.text
        server.later(6)
        assert server.poll(code).status_code == 200

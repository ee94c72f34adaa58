"""A client gives its code up (DTR, Cancellation)."""

import pytest

from tests.deferral.world import AGENT, BOUND, Server


@pytest.mark.requirement("DTR-040", "AROP-051", "DTR-061")
def test_a_pending_code_is_cancelled_with_its_request(server: Server) -> None:
    code = server.deferred("manager-1")
    server.revoke(code)
    assert server.error(code) == "access_denied"
    assert "task.cancelled" in server.pdp.events(server.task())
    assert "deferral.revoked" in server.pdp.events(server.task())
    server.later(86_400)
    assert server.error(code) == "access_denied"


@pytest.mark.requirement("DTR-041", "DTR-044")
def test_what_is_no_code_of_this_client_changes_nothing(server: Server) -> None:
    code = server.deferred("manager-1", client=BOUND)
    server.revoke("never-issued", BOUND)
    server.revoke(code, {"id": "other"})
    server.revoke(code, BOUND, "as-2")
    server.revoke(code, AGENT)
    server.revoke(code, BOUND | {"jkt": "another"})
    assert server.error(code, BOUND) == "authorization_pending"
    server.revoke(code, BOUND)
    server.revoke(code, BOUND)
    assert server.error(code, BOUND) == "access_denied"
    assert server.pdp.events(server.task()).count("deferral.revoked") == 1


@pytest.mark.requirement("DTR-042")
def test_a_code_given_up_after_approval_is_never_granted(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    server.revoke(code)
    assert server.error(code) == "access_denied"
    server.later(60)
    assert server.error(code) == "access_denied"


@pytest.mark.requirement("DTR-041", "DTR-043")
def test_giving_up_a_redeemed_code_takes_nothing_back_but_its_repeats(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    approval = server.poll(code, idem="k").json()["approval"]
    server.revoke(code)
    assert server.error(code) == "invalid_grant"
    assert server.error(code, idem="k") == "invalid_grant"
    again = server.request("manager-1", grant_type="refresh_token", approval=approval)
    assert again.status_code == 200


def test_a_revocation_needs_a_token(server: Server) -> None:
    reply = server.post("/deferrals/revoke", {"client": AGENT})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")

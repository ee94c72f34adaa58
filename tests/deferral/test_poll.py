"""Polls: pending, paced, granted once, repeated."""

import json

import httpx
import pytest
from sqlalchemy import event

from pdp.core.deferral import MOST_TOO_FAST
from pdp.core.values import JsonObject
from pdp.store import approvals
from pdp.store.session import Session
from tests.access_request.world import ALICE, BASE
from tests.deferral.world import AGENT, BOUND, Server, detail


@pytest.mark.requirement("DTR-022", "DTR-027", "AROP-032")
def test_a_pending_poll_says_the_step_and_repeats_nothing(server: Server) -> None:
    code = server.deferred("manager-1")
    reply = server.poll(code)
    assert (reply.status_code, reply.json()) == (
        400,
        {"error": "authorization_pending", "error_description": "step=manager"},
    )


@pytest.mark.requirement("DTR-024", "AROP-037", "DTR-020")
def test_an_approved_request_is_granted_once(server: Server) -> None:
    code = server.deferred("manager-1", scope=None)
    server.approve()
    reply = server.poll(code)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    approval = body.pop("approval")
    assert approval["id"].startswith("apr_")
    assert approval["approved_until"] == "2026-05-01T00:15:00Z"
    assert body == {
        "outcome": "permit",
        "grant_type": "authorization_code",
        "subject": ALICE,
        "authorization_details": detail("manager-1"),
        "expires_in_max": 4 * 3600,
        "refresh_token_allowed": True,
    }
    again = server.poll(code)
    assert again.json() == {
        "error": "invalid_grant",
        "error_description": "the code has been redeemed",
    }


@pytest.mark.requirement("DTR-026")
def test_the_grant_is_in_the_terms_of_the_originating_grant(server: Server) -> None:
    grant = "urn:ietf:params:oauth:grant-type:token-exchange"
    code = server.deferred("manager-1", grant_type=grant)
    server.approve()
    body = server.poll(code).json()
    assert body["grant_type"] == grant
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert "deferral" not in json.dumps(body)


@pytest.mark.requirement("AROP-034", "AROP-026")
def test_several_approvals_end_with_the_first(server: Server) -> None:
    code = server.deferred("manager-1", "second-1", "free-1")
    server.approve()
    body = server.poll(code).json()
    ends = {each["approved_until"] for each in body["approvals"]}
    assert len(body["approvals"]) == 2
    assert body["approval"]["approved_until"] == min(ends)


@pytest.mark.requirement("DTR-021")
def test_a_denied_request_is_denied_for_good(server: Server) -> None:
    code = server.deferred("manager-1")
    server.deny()
    assert server.error(code) == "access_denied"
    server.later(60)
    assert server.error(code) == "access_denied"


@pytest.mark.requirement("AROP-033")
def test_a_bundle_of_which_part_is_denied_is_denied(server: Server) -> None:
    code = server.deferred("manager-1", "second-1")
    server.pdp.vote(server.task(), "bob", "deny", positions=(0,))
    server.pdp.vote(server.task(), "bob", "approve", positions=(1,))
    assert server.error(code) == "access_denied"


@pytest.mark.requirement("DTR-021", "AROP-052")
def test_an_expired_code_stays_expired_though_it_was_approved(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    server.later(3 * 86_400)
    assert server.error(code) == "expired_token"
    pending = server.deferred("manager-2")
    server.later(3 * 86_400)
    assert server.error(pending) == "expired_token"


@pytest.mark.requirement("DTR-025", "AROP-004", "AROP-073")
def test_unknown_and_foreign_codes_are_the_same(server: Server) -> None:
    code = server.deferred("manager-1", client=BOUND)
    server.approve()
    replies = [
        server.poll("never-issued"),
        server.poll("x" * 5000),
        server.poll(code, {"id": "other"}),
        server.poll(code, BOUND, "as-2"),
        server.poll(code.lower(), BOUND),
        server.post("/backchannel-requests/poll", {"auth_req_id": code, "client": BOUND}),
    ]
    assert {reply.status_code for reply in replies} == {400}
    assert {reply.text for reply in replies} == {
        '{"error":"invalid_grant","error_description":"the code is not known"}'
    }
    assert server.poll(code, BOUND).status_code == 200


@pytest.mark.requirement("DTR-025", "DTR-041")
def test_an_unknown_and_a_foreign_code_cost_the_same_work(server: Server) -> None:
    code = server.deferred("manager-1")
    done: list[str] = []
    database = server.pdp.services.database
    engines = {database.writer, database.reader if not database.on_postgres else database.writer}

    def note(*given: object) -> None:
        done.append(str(given[2]))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    found = []
    for ask in (server.poll, server.revoke):
        for given, who, key in (
            ("never-issued", AGENT, "as-1"),
            (code, {"id": "other"}, "as-1"),
            (code, AGENT, "as-2"),
        ):
            done.clear()
            ask(given, who, key)
            found.append(tuple(done))
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    assert found[0]
    assert len(set(found[:3])) == len(set(found[3:])) == 1


@pytest.mark.requirement("DTR-061")
def test_a_code_that_expired_long_ago_is_unknown(server: Server) -> None:
    code = server.deferred("manager-1")
    server.later(3 * 86_400 + 3600)
    assert server.error(code) == "expired_token"
    server.later(86_400)
    server.later(60)
    assert server.error(code) == "invalid_grant"
    assert server.kept() == []


@pytest.mark.requirement("DTR-013", "DTR-021", "DTR-052")
def test_a_bound_code_needs_its_key_at_every_poll(server: Server) -> None:
    code = server.deferred("manager-1", client=BOUND)
    server.approve()
    assert server.error(code, AGENT) == "invalid_dpop_proof"
    assert server.error(code, BOUND | {"jkt": "another"}) == "invalid_dpop_proof"
    body = server.poll(code, BOUND).json()
    assert body["cnf"] == {"jkt": "thumb-of-agent-7"}
    certified = AGENT | {"x5t#S256": "certificate"}
    code = server.deferred("manager-2", client=certified)
    server.approve()
    assert server.error(code, AGENT) == "invalid_grant"
    assert server.poll(code, certified).json()["cnf"] == {"x5t#S256": "certificate"}


@pytest.mark.requirement("DTR-020")
def test_a_poll_changes_nothing_of_the_request(server: Server) -> None:
    code = server.deferred("manager-1")
    assert server.error(code, completion_mode="deferred") == "invalid_request"
    server.approve()
    body = server.poll(code, authorization_details=detail("second-1"), scope="all").json()
    assert body["authorization_details"] == detail("manager-1")
    assert "scope" not in body


@pytest.mark.requirement("DTR-023")
def test_polls_that_come_too_fast_are_slowed_down_and_then_ended(server: Server) -> None:
    code = server.deferred("manager-1")
    assert server.error(code) == "authorization_pending"
    for _ in range(MOST_TOO_FAST):
        assert server.error(code) == "slow_down"
    assert server.error(code) == "invalid_request"
    server.approve()
    assert server.error(code) == "invalid_request"


@pytest.mark.requirement("DTR-070")
def test_a_code_from_the_authorization_endpoint_needs_the_verifier_at_its_first_poll(
    server: Server,
) -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    more = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = server.deferred("manager-1", **more)
    assert server.error(code) == "invalid_grant"
    assert server.error(code, code_verifier="wrong") == "invalid_grant"
    assert server.error(code, code_verifier=verifier) == "authorization_pending"
    server.approve()
    assert server.poll(code).status_code == 200
    reply = server.request("manager-1", code_challenge=challenge)
    assert reply.json()["error"] == "invalid_request"


def test_a_repeated_poll_is_answered_the_same_for_ten_minutes(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    first = server.poll(code, idem="k1")
    assert first.status_code == 200
    server.later(599)
    assert server.poll(code, idem="k1").json() == first.json()
    assert server.poll(code).json()["error"] == "invalid_grant"
    assert server.error("other", idem="k1") == "invalid_request"
    assert server.error(code, key="as-2", idem="k1") == "invalid_grant"
    server.later(2)
    assert server.error(code, idem="k1") == "invalid_grant"


def test_a_repeated_poll_does_not_count_as_too_fast(server: Server) -> None:
    code = server.deferred("manager-1")
    first = server.poll(code, idem="k1")
    for _ in range(MOST_TOO_FAST + 2):
        assert server.poll(code, idem="k1").text == first.text
    server.later(6)
    assert server.error(code, idem="k2") == "authorization_pending"


@pytest.mark.requirement("DTR-024", "AROP-044", "AROP-053")
def test_of_many_polls_at_once_one_is_granted(server: Server) -> None:
    for _ in range(3):
        code = server.deferred("once-1")
        server.approve()
        requests = [
            httpx.Request(
                "POST",
                f"{BASE}/oauth/v1/deferrals/poll",
                headers={"authorization": "Bearer as-1"},
                json={"deferral_code": code, "client": AGENT},
            )
            for _ in range(8)
        ]
        replies = server.pdp.at_once(*requests)
        assert sorted(reply.status_code for reply in replies) == [200] + [400] * 7
        assert {reply.json().get("error") for reply in replies} == {None, "invalid_grant"}


@pytest.mark.requirement("DTR-050", "AROP-035", "AROP-048")
def test_an_approval_that_was_revoked_gives_no_grant(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    database, now = server.pdp.services.database, server.pdp.now
    name = server.task()

    def end(session: Session) -> None:
        for row in approvals.of_task(session, name):
            approvals.revoke(session, row.ref, by="x", reason=None, now=now)

    database.write(end)
    assert server.error(code) == "access_denied"


@pytest.mark.requirement("DTR-050", "AROP-042")
def test_policy_has_the_last_word_before_a_grant(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    alice: JsonObject = {"uid": {"type": "User", "id": "alice"}, "attrs": {}}
    alice["parents"] = [{"type": "Group", "id": "staff"}, {"type": "Group", "id": "on-leave"}]
    live = server.pdp.services.live
    live.take_entities([alice], [])
    assert server.error(code) == "access_denied"
    alice["parents"] = [{"type": "Group", "id": "staff"}]
    live.take_entities([alice], [])
    assert server.error(code) == "access_denied"


@pytest.mark.requirement("AROP-046")
def test_a_single_use_approval_gives_no_refresh_token(server: Server) -> None:
    code = server.deferred("once-1")
    server.approve()
    body = server.poll(code).json()
    assert body["refresh_token_allowed"] is False
    server.later(120)
    again = server.request("once-1", grant_type="refresh_token", approval=body["approval"])
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.requirement("AROP-045", "AROP-047", "AROP-050")
def test_a_refresh_is_allowed_until_the_approval_ends_and_no_further(server: Server) -> None:
    code = server.deferred("manager-1")
    server.approve()
    approval = server.poll(code).json()["approval"]
    server.later(3600)
    again = server.request("manager-1", grant_type="refresh_token", approval=approval)
    assert again.status_code == 200, again.text
    assert again.json()["expires_in_max"] == 3 * 3600
    assert again.json()["approval"]["approved_until"] == approval["approved_until"]
    wider = server.request("second-1", grant_type="refresh_token", approval=approval)
    assert wider.json()["error"] == "invalid_grant"
    stolen = server.request(
        "manager-1", grant_type="refresh_token", approval=approval, client={"id": "thief"}
    )
    assert stolen.json()["error"] == "invalid_grant"
    server.later(3 * 3600)
    ended = server.request("manager-1", grant_type="refresh_token", approval=approval)
    assert ended.json()["error"] == "invalid_grant"


@pytest.mark.requirement("AROP-072")
def test_what_became_of_a_handle_is_in_the_audit_by_its_name(server: Server) -> None:
    code = server.deferred("manager-1")
    task, ref = server.task(), server.kept()[-1].ref
    server.approve()
    server.poll(code)
    found = {each.event: each.details for each in server.pdp.audit(task)}
    assert found["deferral.given"] == {"deferral": ref, "skin": "dtr"}
    assert found["deferral.redeemed"] == {"deferral": ref, "skin": "dtr"}
    assert server.pdp.verified()

"""Answers from outside: of third parties, signed; and the subject's visit to a page. Each once."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pdp.background.effects import interaction_id
from pdp.background.external_calls import reply_token
from pdp.core.values import JsonObject
from pdp.trust.webhook_signature import parse_secret, signed_headers
from tests.access_request.world import DAY, MINUTE, Pdp, Reply, problem

ANSWERS = "/access/v1/answers"
SECRET = parse_secret("whsec_" + "c2VjcmV0" * 4)
OTHER = parse_secret("whsec_" + "b3RoZXJz" * 4)


def token_of(pdp: Pdp, task: JsonObject) -> str:
    """The secret of the first step of a request."""
    return reply_token(pdp.services.keys, interaction_id(task["id"], 0, 0))


def sent(
    pdp: Pdp, body: JsonObject, *, secret: bytes | None = SECRET, message: str = "msg_1",
    age: timedelta = timedelta(0), altered: bytes | None = None, **headers: str,
) -> Reply:  # fmt: skip
    """An answer as a third party sends it."""
    raw = json.dumps(body).encode()
    signed = signed_headers([secret] if secret else [], message, pdp.now - age, raw)
    return pdp.call("POST", ANSWERS, None, altered or raw, **(signed | headers))


def answered(pdp: Pdp, task: JsonObject, outcome: str = "approved", **more: Any) -> Reply:
    """The right answer to the external step of a request."""
    return sent(pdp, {"token": token_of(pdp, task), "outcome": outcome}, **more)


def status_of(pdp: Pdp, task: JsonObject) -> str:
    """How a request stands."""
    return str(pdp.status(task["id"]).json()["task"]["status"])


@pytest.mark.parametrize(
    ("outcome", "status"), [("approved", "approved"), ("refused", "denied"), ("failed", "failed")]
)
def test_a_signed_answer_ends_the_step(pdp: Pdp, outcome: str, status: str) -> None:
    task = pdp.opened("partner-1")
    body = {"token": token_of(pdp, task), "outcome": outcome, "details": {"check": "passport"}}
    reply = sent(pdp, body)
    assert (reply.status_code, reply.json()) == (200, {"accepted": True})
    assert status_of(pdp, task) == status
    ended = next(r for r in pdp.audit(task["id"]) if r.event == f"step.{outcome}")
    assert (ended.actor_type, ended.actor_id) == ("third_party", "verification")
    assert ended.actor == {"details": {"check": "passport"}}
    assert pdp.verified()


def test_an_approval_by_a_third_party_allows(pdp: Pdp) -> None:
    task = pdp.opened("partner-1")
    answered(pdp, task)
    approval = pdp.status(task["id"]).json()["result"]["approval"]
    assert pdp.evaluate("partner-1", approval)["decision"] is True


def test_the_token_may_come_as_a_credential(pdp: Pdp) -> None:
    task = pdp.opened("partner-1")
    credential = f"Bearer {token_of(pdp, task)}"
    reply = sent(pdp, {"outcome": "approved"}, authorization=credential)
    assert reply.status_code == 200


def test_an_answer_is_taken_once(pdp: Pdp) -> None:
    task = pdp.opened("partner-1")
    assert answered(pdp, task, "refused").status_code == 200
    before = pdp.events(task["id"])
    problem(answered(pdp, task, "refused"), 409, "conflict")
    problem(answered(pdp, task, "approved", message="msg_2"), 409, "conflict")
    assert status_of(pdp, task) == "denied"
    assert pdp.events(task["id"]) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": None},
        {"secret": OTHER},
        {"age": 6 * MINUTE},
        {"age": -6 * MINUTE},
        {"webhook_id": "msg_2"},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_timestamp": "soon"},
    ],
    ids=["unsigned", "other secret", "old", "future", "other id", "made up", "no time"],
)
def test_what_is_not_signed_by_the_third_party_is_refused(pdp: Pdp, changes: Any) -> None:
    task = pdp.opened("partner-1")
    problem(answered(pdp, task, **changes), 401, "unauthenticated")
    assert status_of(pdp, task) == "pending"
    assert answered(pdp, task).status_code == 200


def test_a_signature_is_of_the_very_bytes(pdp: Pdp) -> None:
    task = pdp.opened("partner-1")
    other = json.dumps({"token": token_of(pdp, task), "outcome": "approved"}).encode() + b" "
    problem(answered(pdp, task, "refused", altered=other), 401, "unauthenticated")
    assert status_of(pdp, task) == "pending"


def test_the_token_of_another_step_ends_that_one_only(pdp: Pdp) -> None:
    mine, other = pdp.opened("partner-1"), pdp.opened("partner-2")
    answered(pdp, other)
    assert (status_of(pdp, mine), status_of(pdp, other)) == ("pending", "approved")


@pytest.mark.parametrize("token", ["", "x", "a" * 600, "\ud800"], ids=["empty", "x", "long", "bad"])
def test_an_unknown_token_opens_nothing(pdp: Pdp, token: str) -> None:
    reply = sent(pdp, {"token": token, "outcome": "approved"})
    assert reply.status_code in (400, 401)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/outcome"),
        ({"outcome": "yes"}, "/outcome"),
        ({"outcome": ["approved"]}, "/outcome"),
        ({"outcome": "approved", "reason": 5}, "/reason"),
        ({"outcome": "approved", "reason": "x" * 201}, "/reason"),
        ({"outcome": "approved", "details": "all good"}, "/details"),
    ],
)
def test_a_misshapen_answer_is_refused(pdp: Pdp, body: JsonObject, pointer: str) -> None:
    task = pdp.opened("partner-1")
    reply = sent(pdp, {"token": token_of(pdp, task), **body})
    problem(reply, 400, "invalid_request", pointer)


def test_an_answer_after_the_end_is_too_late(pdp: Pdp) -> None:
    cancelled = pdp.opened("partner-1")
    pdp.cancel(cancelled["id"])
    problem(answered(pdp, cancelled), 409, "conflict")
    expired = pdp.opened("partner-2")
    pdp.now += 4 * DAY
    problem(answered(pdp, expired), 409, "conflict")
    assert status_of(pdp, expired) == "expired"


def test_a_third_party_cannot_say_that_a_page_was_visited(pdp: Pdp) -> None:
    problem(answered(pdp, pdp.opened("partner-1"), "done"), 409, "conflict")
    visit = pdp.opened("visited-1")
    problem(answered(pdp, visit, "approved"), 409, "conflict")
    assert status_of(pdp, visit) == "pending"


def page(pdp: Pdp, task: JsonObject, method: str = "GET") -> Reply:
    """The page that the subject must visit."""
    path = f"/access/v1/interactions/{token_of(pdp, task)}"
    return pdp.call(method, path, None)


def test_looking_at_the_page_does_nothing(pdp: Pdp) -> None:
    task = pdp.opened("visited-1")
    shown = page(pdp, task)
    assert shown.status_code == 200
    assert "visited-1" in shown.text and "<button" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "script" not in shown.text
    assert pdp.status(task["id"]).json()["task"]["progress"]["current_step"] == 1


def test_confirming_ends_the_step_and_approves_nothing(pdp: Pdp) -> None:
    task = pdp.opened("visited-1")
    assert page(pdp, task, "POST").status_code == 200
    shown = pdp.status(task["id"]).json()["task"]
    assert (shown["status"], shown["progress"]["current_step"]) == ("pending", 2)
    problem(page(pdp, task, "POST"), 409, "conflict")
    assert "<button" not in page(pdp, task).text
    pdp.vote(task["id"], "bob")
    assert status_of(pdp, task) == "approved"


def test_a_page_of_somebody_else_says_that_it_was_visited(pdp: Pdp) -> None:
    task = pdp.opened("visited-1")
    body = {"token": token_of(pdp, task), "outcome": "done"}
    assert sent(pdp, body, secret=None).status_code == 200
    assert pdp.status(task["id"]).json()["task"]["progress"]["current_step"] == 2
    problem(sent(pdp, body, secret=None), 409, "conflict")


def test_pages_of_nobody_are_not_there(pdp: Pdp) -> None:
    external = pdp.opened("partner-1")
    for token in ("x", token_of(pdp, external)):
        for method in ("GET", "POST"):
            reply = pdp.call(method, f"/access/v1/interactions/{token}", None)
            problem(reply, 404, "not_found")
    assert status_of(pdp, external) == "pending"


def test_a_cancelled_request_has_nothing_left_to_confirm(pdp: Pdp) -> None:
    task = pdp.opened("visited-1")
    pdp.cancel(task["id"])
    assert "<button" not in page(pdp, task).text
    problem(page(pdp, task, "POST"), 409, "conflict")

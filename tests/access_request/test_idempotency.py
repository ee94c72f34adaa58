"""The same key finds the same request; another body under it is refused."""

import httpx
import pytest

from tests.access_request.world import BASE, DAY, HOUR, REQUESTS, Pdp, problem

KEY = "k-1"


@pytest.mark.requirement("ARAP-116")
@pytest.mark.requirement("ARAP-124")
def test_a_repeat_finds_the_request_even_when_the_denial_is_over(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    first = pdp.submit(body, idempotency_key=KEY)
    pdp.later(HOUR)
    again = pdp.submit(body, idempotency_key=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert pdp.events(first.json()["task"]["id"]) == ["task.created"]


@pytest.mark.requirement("ARAP-118")
def test_order_and_blanks_do_not_matter(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    first = pdp.submit(body, idempotency_key=KEY).json()
    turned = dict(reversed(list(body.items())))
    assert pdp.submit(turned, idempotency_key=KEY).json() == first


@pytest.mark.requirement("ARAP-117")
def test_another_body_under_the_key_is_refused(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    pdp.submit(body, idempotency_key=KEY)
    for other in (body | {"context": {"a": 1}}, pdp.denied("manager-2")):
        problem(pdp.submit(other, idempotency_key=KEY), 409, "duplicate_request")


@pytest.mark.requirement("ARAP-119")
def test_the_keys_of_callers_are_their_own(pdp: Pdp) -> None:
    mine = pdp.submit(pdp.denied("manager-1"), idempotency_key=KEY).json()["task"]["id"]
    theirs = pdp.submit(pdp.denied("manager-1", "other"), "other", idempotency_key=KEY)
    assert theirs.status_code == 202
    assert theirs.json()["task"]["id"] != mine


def test_a_refused_submission_leaves_the_key_free(pdp: Pdp) -> None:
    body = pdp.denied("asked-1")
    assert pdp.submit(body, idempotency_key=KEY).status_code == 400
    filled = body | {"requested_access": {"why": "because"}}
    assert pdp.submit(filled, idempotency_key=KEY).status_code == 202


def test_what_was_settled_at_once_is_answered_so_again(pdp: Pdp) -> None:
    body = pdp.denied("automatic-1", subject={"type": "user", "id": "tim"})
    first, again = (pdp.submit(body, idempotency_key=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["task"]["id"] == first.json()["task"]["id"]
    assert again.json()["result"]["approval"]["id"] == first.json()["result"]["approval"]["id"]


def test_a_repeat_shows_how_the_request_stands_now(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    task = pdp.submit(body, idempotency_key=KEY).json()["task"]
    pdp.vote(task["id"], "bob")
    assert pdp.submit(body, idempotency_key=KEY).json()["task"]["status"] == "approved"


@pytest.mark.requirement("ARAP-120")
@pytest.mark.requirement("ARAP-121")
@pytest.mark.requirement("ARAP-122")
def test_a_key_is_kept_for_a_day_after_the_request_must_have_ended(pdp: Pdp) -> None:
    body = pdp.denied("manager-1")
    task = pdp.submit(body, idempotency_key=KEY).json()["task"]
    pdp.later(4 * DAY - HOUR)
    assert pdp.submit(body, idempotency_key=KEY).json()["task"]["id"] == task["id"]
    pdp.later(DAY + HOUR)
    fresh = pdp.submit(pdp.denied("manager-1"), idempotency_key=KEY)
    assert fresh.status_code == 202
    assert fresh.json()["task"]["id"] != task["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(pdp: Pdp, key: str) -> None:
    problem(pdp.submit(pdp.denied("manager-1"), idempotency_key=key), 400, "invalid_request")


@pytest.mark.requirement("ARAP-123")
@pytest.mark.parametrize("key", [KEY, None])
def test_of_submissions_at_once_one_opens_a_request(pdp: Pdp, key: str | None) -> None:
    body = pdp.denied("manager-1")
    headers = {"authorization": "Bearer pep"} | ({} if key is None else {"idempotency-key": key})
    requests = [
        httpx.Request("POST", BASE + REQUESTS, headers=headers, json=body) for _ in range(8)
    ]
    replies = pdp.at_once(*requests)
    ids = {reply.json()["task"]["id"] for reply in replies if reply.status_code == 202}
    assert len(ids) == 1
    assert [reply.status_code for reply in replies].count(202) == (8 if key else 1)
    assert pdp.events(ids.pop()) == ["task.created"]
    assert pdp.verified()

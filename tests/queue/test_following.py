"""Approvals and their end; webhooks and server-sent events for those who follow."""

import anyio
import orjson
import pytest

from pdp.queue.feed import EventFeed
from pdp.queue.sight import Sight
from tests.access_request.world import HOUR, problem
from tests.queue.world import Queue, person

APPROVALS = "/queue/v1/approvals"
SUBSCRIPTIONS = "/queue/v1/subscriptions"


def approved(queue: Queue, resource: str = "one-1", key: str = "as-1") -> str:
    """The reference of an approval that was just given."""
    task = queue.request(resource, key)
    return str(queue.decide(task, "bob").json()["task"]["approvals"][0]["ref"])


def test_approvals_are_seen_by_those_who_see_their_requests(queue: Queue) -> None:
    mine, theirs = approved(queue), approved(queue, "one-2", "as-2")
    assert [each["ref"] for each in queue.get(APPROVALS, "as-1").json()["items"]] == [mine]
    everything = {each["ref"] for each in queue.get(APPROVALS, "admin").json()["items"]}
    assert everything == {mine, theirs}
    watched = queue.get(APPROVALS, approver="user:walt").json()["items"]
    assert {each["ref"] for each in watched} == everything
    assert queue.get(APPROVALS, approver="user:erin").json()["items"] == []
    assert queue.get(f"{APPROVALS}/{theirs}", "as-1").status_code == 404
    assert queue.get(f"{APPROVALS}/{mine}", "as-1").json()["approval"]["live"] is True
    queue.pdp.now += 5 * HOUR
    assert queue.get(APPROVALS, "admin", live="true").json()["items"] == []
    assert len(queue.get(APPROVALS, "admin", live="false").json()["items"]) == 2


@pytest.mark.parametrize(
    ("who", "key", "status"),
    [
        ("dana", "inbox", 200),
        (None, "admin", 200),
        (None, "as-1", 200),
        ("walt", "inbox", 403),
        ("erin", "inbox", 404),
        (None, "as-2", 404),
    ],
)
def test_an_approval_is_ended_by_those_who_may(
    queue: Queue, who: str | None, key: str, status: int
) -> None:
    task = queue.request("one-1")
    queue.decide(task, "bob")
    approval = queue.pdp.status(task, "as-1").json()["result"]["approval"]
    ref = queue.task(task)["approvals"][0]["ref"]
    body = {"reason": "over"} | ({"approver": person(who)} if who else {})
    assert queue.post(f"{APPROVALS}/{ref}/revoke", body, key).status_code == status
    asked = {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "one-1"},
        "context": {"approval": {"id": approval["id"]}},
    }
    answer = queue.pdp.call("POST", "/access/v1/evaluation", "as-1", asked).json()
    assert answer["decision"] is (status != 200)
    if status == 200:
        problem(queue.post(f"{APPROVALS}/{ref}/revoke", body, key), 409, "conflict")
        assert queue.pdp.events(task).count("approval.revoked") == 1


def test_a_subscription_shows_its_secret_once(queue: Queue) -> None:
    wanted = {"url": "https://as.example.com/hooks", "events": ["approved"]}
    refused = queue.post(SUBSCRIPTIONS, wanted, "as-1")
    assert refused.status_code in (201, 400)
    problem(queue.post(SUBSCRIPTIONS, wanted, "pep"), 403, "forbidden")
    for body, at in (
        ({}, "/url"),
        ({"url": "https://127.0.0.1/x"}, "/url"),
        ({"url": "http://192.0.2.1/x"}, "/url"),
        ({"url": "https://192.0.2.1/x", "events": []}, "/events"),
        ({"url": "https://192.0.2.1/x", "events": ["nothing"]}, "/events/0"),
        ({"url": "https://192.0.2.1/x", "queues": [5]}, "/queues/0"),
    ):
        problem(queue.post(SUBSCRIPTIONS, body, "as-1"), 400, "invalid_request", at)


def read_events(queue: Queue, sight: Sight, after: int, count: int) -> list[tuple[int, str]]:
    """The first events of a stream, by number and kind."""
    found: list[tuple[int, str]] = []

    async def listen() -> None:
        stream = EventFeed(queue.pdp.services.desk).listen(sight, after)
        async for text in stream:
            lines = text.decode().split("\n")
            if lines[0].startswith("id: "):
                assert orjson.loads(lines[2].removeprefix("data: "))["data"]["task"]["id"]
                found.append((int(lines[0][4:]), lines[1].removeprefix("event: ")))
            if len(found) >= count:
                break
        await stream.aclose()

    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(listen)
    return found


def test_events_come_in_order_and_go_on_where_one_left(queue: Queue) -> None:
    mine, theirs = queue.request("one-1", "as-1"), queue.request("one-2", "as-2")
    queue.decide(mine, "bob")
    queue.decide(theirs, "bob")
    everything = read_events(queue, Sight(), 0, 8)
    numbers = [number for number, _ in everything]
    assert numbers == sorted(numbers)
    assert [kind for _, kind in everything].count("approved") == 2
    own = read_events(queue, Sight("as-1"), 0, 3)
    assert next(kind for _, kind in own) == "created"
    assert len({number for number, _ in own}) == 3
    rest = read_events(queue, Sight(), numbers[2], 5)
    assert rest == everything[3:]


def test_a_stream_needs_a_place_that_can_be(queue: Queue) -> None:
    for place in ("x", "-1", str(2**63)):
        reply = queue.pdp.call("GET", "/queue/v1/events", "inbox", last_event_id=place)
        problem(reply, 400, "invalid_request", "/header/Last-Event-ID")
    problem(queue.get("/queue/v1/events", "pep"), 403, "forbidden")

"""What standing in for somebody, and passing on for somebody, does not give."""

from tests.access_request.world import problem
from tests.queue.test_handling import act, delegate
from tests.queue.world import TASKS, Queue, person


def test_a_narrow_delegation_covers_only_its_items_of_a_bundle(queue: Queue) -> None:
    delegate(queue, "bob", "erin", {"template": "one"})
    task = queue.bundle("one-1", "two-1")
    problem(queue.decide(task, "erin", items=[1]), 403, "forbidden")
    assert queue.decide(task, "erin", items=[0], rest="leave").status_code == 201
    statuses = [item["status"] for item in queue.task(task)["items"]]
    assert statuses == ["approved", "pending"]
    other = queue.bundle("one-2", "two-2")
    assert queue.decide(other, "erin", "deny").status_code == 201
    assert [item["status"] for item in queue.task(other)["items"]] == ["denied", "pending"]


def test_what_is_forbidden_to_a_person_is_forbidden_to_the_deputy(queue: Queue) -> None:
    delegate(queue, "bob", "sue")
    task = queue.request("one-1")
    problem(queue.decide(task, "sue"), 403, "forbidden")
    problem(queue.decide(task, "sue", on_behalf_of=person("bob")), 403, "forbidden")


def test_a_server_that_is_also_a_proxy_sees_only_what_came_through_it(queue: Queue) -> None:
    mine, theirs = queue.request("one-1", "both"), queue.request("one-2", "as-2")
    assert queue.ids("both") == [mine]
    assert queue.ids("both", approver="user:bob") == [mine]
    assert queue.get(f"{TASKS}/{theirs}", "both").status_code == 404
    assert queue.get(f"{TASKS}/{theirs}", "both", approver="user:bob").status_code == 404
    assert queue.decide(theirs, "bob", key="both").status_code == 404
    assert queue.decide(mine, "bob", key="both").status_code == 201


def test_what_approvers_say_to_each_other_stays_among_them(queue: Queue) -> None:
    task = queue.request("one-1")
    act(queue, task, "comments", "bob", text="looks odd")
    act(queue, task, "comments", "bob", text="which quarter?", visibility="requester")
    for key, query, expected in (
        ("inbox", {}, 2),
        ("admin", {}, 2),
        ("inbox", {"approver": "user:carol"}, 2),
        ("inbox", {"approver": "user:alice"}, 1),
        ("as-1", {}, 1),
    ):
        assert len(queue.task(task, key, **query)["comments"]) == expected


def test_who_may_not_decide_does_not_say_who_is_to(queue: Queue) -> None:
    task = queue.request("one-1")
    act(queue, task, "claim", "bob")
    for who in ("alice", "walt", "erin"):
        problem(act(queue, task, "reassign", who, to=person("carol")), 403, "forbidden")
    assert queue.task(task)["claimed_by"]["id"] == "bob"
    assert act(queue, task, "reassign", "bob", to=person("carol")).status_code == 200


def test_nobody_comments_on_what_they_may_not_see(queue: Queue) -> None:
    task = queue.request("one-1")
    assert act(queue, task, "comments", "erin", text="hello").status_code == 404
    assert act(queue, task, "comments", "walt", text="hello").status_code == 201


def test_requests_are_found_by_the_client_that_they_are_shown_with(queue: Queue) -> None:
    task = queue.request("one-1", "as-2")
    shown = queue.task(task)["client"]
    assert queue.ids(client=shown) == [task]

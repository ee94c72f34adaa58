"""Who sees which requests; lists that stay good while the queue moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.access_request.world import MINUTE, problem
from tests.queue.world import TASKS, Queue, queue_over

PEOPLE = ["alice", "bob", "carol", "erin", "dana", "walt", "partner"]


def test_a_connected_server_sees_what_came_through_it_and_no_more(queue: Queue) -> None:
    mine, theirs = queue.request("one-1", "as-1"), queue.request("one-2", "as-2")
    assert queue.ids("as-1") == [mine]
    assert queue.ids("as-2") == [theirs]
    assert queue.ids("as-1", client="as-2") == []
    assert queue.task(mine, "as-1")["client"] == "as-1"
    unknown = queue.get(f"{TASKS}/arq_nothing", "as-1")
    foreign = queue.get(f"{TASKS}/{theirs}", "as-1")
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    for path, body in (
        ("decisions", {"decision": "approve"}),
        ("comments", {"text": "hello"}),
    ):
        reply = queue.post(f"{TASKS}/{theirs}/{path}", body, "as-1")
        assert reply.status_code in (400, 403, 404)
    assert queue.pdp.events(theirs) == ["task.created"]


def test_operators_see_everything_and_peps_nothing(queue: Queue) -> None:
    found = [queue.request("one-1", "as-1"), queue.request("one-2", "as-2")]
    for key in ("admin", "auditor", "inbox"):
        assert set(queue.ids(key)) == set(found)
    problem(queue.get(TASKS, "pep"), 403, "forbidden")
    problem(queue.get(f"{TASKS}/{found[0]}", "pep"), 403, "forbidden")
    assert queue.pdp.call("GET", TASKS, None).status_code == 401


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("user:alice", True),
        ("user:bob", True),
        ("user:carol", True),
        ("user:dana", True),
        ("user:walt", True),
        ("user:erin", False),
        ("user:nobody", False),
        ("service:partner", False),
    ],
)
def test_a_person_sees_what_is_theirs_or_what_cedar_shows(
    queue: Queue, who: str, sees: bool
) -> None:
    task = queue.request("one-1")
    assert queue.ids(approver=who) == ([task] if sees else [])
    reply = queue.get(f"{TASKS}/{task}", approver=who)
    assert reply.status_code == (200 if sees else 404)


@pytest.mark.parametrize("who", ["", "bob", ":bob", "user:"])
def test_whom_a_proxy_looks_for_is_named_with_a_type(queue: Queue, who: str) -> None:
    problem(queue.get(TASKS, approver=who), 400, "invalid_request", "/query/approver")


def test_only_a_proxy_looks_for_others(queue: Queue) -> None:
    queue.request("one-1")
    for key in ("as-1", "auditor"):
        problem(queue.get(TASKS, key, approver="user:bob"), 403, "forbidden")


def test_filters_narrow_and_go_together(queue: Queue) -> None:
    one = queue.request("one-1")
    two = queue.request("two-1", "as-2")
    assert queue.ids(queue="pairs") == [two]
    assert queue.ids(queue="managers") == [one]
    assert queue.ids(template="two") == [two]
    assert queue.ids(resource="one-1") == [one]
    assert queue.ids(client="as-2") == [two]
    assert queue.ids(subject="alice", queue="managers") == [one]
    assert queue.ids(subject="erin") == []
    assert queue.ids(q="TWO-1") == [two]
    queue.decide(one, "bob")
    assert queue.ids(status="pending") == [two]
    assert queue.ids(status="approved") == [one]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=W10", "status=maybe"]
)
def test_a_list_that_cannot_be_is_refused(queue: Queue, query: str) -> None:
    assert queue.get(f"{TASKS}?{query}").status_code == 400


def test_pages_neither_repeat_nor_miss_while_the_queue_moves(queue: Queue) -> None:
    made = []
    for number in range(9):
        queue.pdp.now += MINUTE
        made.append(queue.request(f"one-{number % 3 + 1}"))
    seen: list[str] = []
    cursor = ""
    while True:
        reply = queue.get(TASKS, limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in reply["items"]]
        queue.pdp.now += MINUTE
        queue.request("two-1")
        cursor = reply["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    oldest = queue.get(TASKS, limit=3, sort="oldest").json()["items"]
    assert [item["id"] for item in oldest] == made[:3]


def test_a_short_page_of_a_person_goes_on(queue: Queue) -> None:
    made = []
    for number in range(6):
        queue.pdp.now += MINUTE
        made.append(queue.request(("one", "partner")[number % 2] + "-1"))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"cursor": cursor} if cursor else {}
        reply = queue.get(TASKS, limit=2, approver="service:partner", **query).json()
        seen += [item["id"] for item in reply["items"]]
        cursor = reply["next_cursor"]
    assert seen == [made[5], made[3], made[1]]


def test_a_request_tells_an_approver_what_to_know(queue: Queue) -> None:
    task = queue.request("one-1", requested_access={"business_reason": "the board meets"})
    found = queue.task(task, approver="user:bob")
    assert found["justification"] == "the board meets"
    assert found["requested_access"] == {"business_reason": "the board meets"}
    (item,) = found["items"]
    (policy,) = item["policies"]
    assert (policy["id"], policy["file"], policy["line"]) == ("one", "main.cedar", 1)
    assert {each["id"] for each in found["approvers"]} == {"bob", "carol"}
    assert [each["step"] for each in found["you"]["can_decide"]] == ["manager"]
    assert queue.task(task, approver="user:walt")["you"]["can_decide"] == []
    assert [event["event"] for event in found["timeline"]] == ["task.created"]


def test_nothing_secret_is_in_it(queue: Queue) -> None:
    task = queue.request("one-1")
    queue.decide(task, "bob")
    approval = queue.pdp.status(task, "as-1").json()["result"]["approval"]
    for key in ("inbox", "admin", "auditor", "as-2"):
        for path in (f"{TASKS}/{task}", TASKS, "/queue/v1/approvals"):
            text = queue.get(path, key).text
            assert approval["id"] not in text
            assert approval["state"] not in text


def test_no_approver_sees_a_request_that_is_not_for_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("visible")
    with queue_over(f"sqlite:///{folder}/pdp.db", folder) as queue:

        @given(
            st.sampled_from(["one-1", "two-1", "partner-1"]),
            st.sampled_from(["as-1", "as-2"]),
            st.sampled_from(PEOPLE),
        )
        @settings(max_examples=30)
        def law(resource: str, owner: str, who: str) -> None:
            task = queue.request(resource, owner)
            kind = "service" if who == "partner" else "user"
            listed = task in queue.ids(approver=f"{kind}:{who}", limit=200)
            shown = queue.get(f"{TASKS}/{task}", approver=f"{kind}:{who}").status_code == 200
            decided = queue.decide(task, who).status_code == 201
            assert listed == shown
            assert listed or not decided
            other = {"as-1": "as-2", "as-2": "as-1"}[owner]
            assert task not in queue.ids(other, limit=200)

        law()

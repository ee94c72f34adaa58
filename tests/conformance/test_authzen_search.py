"""What AuthZEN 1.0 asks of searches and their pages (AZ-030 to AZ-037)."""

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.worlds import (
    ACTION_SEARCH,
    RESOURCE_SEARCH,
    SUBJECT_SEARCH,
    Pep,
    Reply,
    World,
    found_in,
    in_process,
)

USERS = ["alice", "bob", "carol", "dan", "erin", "felix"]
RECORDS = [str(number) for number in range(101, 121)]
ACTIONS = ["view", "edit", "delete"]


def user(name: str) -> dict[str, Any]:
    """A user of the library."""
    return {"type": "user", "id": name}


def record(name: str) -> dict[str, Any]:
    """A record of the library."""
    return {"type": "record", "id": name}


VIEWABLE: dict[str, Any] = {
    "subject": user("alice"),
    "action": {"name": "view"},
    "resource": {"type": "record"},
}
VIEWERS: dict[str, Any] = {
    "subject": {"type": "user"},
    "action": {"name": "view"},
    "resource": record("101"),
}
POSSIBLE: dict[str, Any] = {"subject": user("alice"), "resource": record("101")}
SEARCHES = [(RESOURCE_SEARCH, VIEWABLE), (SUBJECT_SEARCH, VIEWERS), (ACTION_SEARCH, POSSIBLE)]
each_search = pytest.mark.parametrize(
    ("path", "asked"), SEARCHES, ids=["resource", "subject", "action"]
)


def paged(pep: Pep, path: str, asked: dict[str, Any], limit: int) -> list[Reply]:
    """All pages of a search."""
    replies = [pep.post(path, asked | {"page": {"limit": limit}})]
    while token := replies[-1].body["page"]["next_token"]:
        assert len(replies) <= 50
        page = {"limit": limit, "token": token}
        replies.append(pep.post(path, asked | {"page": page}))
        assert replies[-1].status == 200, replies[-1]
    return replies


@pytest.mark.requirement("AZ-033")
def test_a_search_finds_exactly_what_evaluations_allow(library: Pep) -> None:
    for action in ACTIONS:
        for name in USERS:
            asked = {"subject": user(name), "action": {"name": action}}
            found = library.finds(RESOURCE_SEARCH, asked | {"resource": {"type": "record"}})
            items = [{"resource": record(each)} for each in RECORDS]
            allowed = library.decides_each(asked | {"evaluations": items})
            assert found == [each for each, yes in zip(RECORDS, allowed, strict=True) if yes]


@pytest.mark.requirement("AZ-033")
def test_properties_of_what_is_searched_for_count_for_every_candidate(library: Pep) -> None:
    managers = {"type": "user", "properties": {"role": "manager"}}
    assert library.finds(SUBJECT_SEARCH, VIEWERS | {"subject": managers}) == USERS
    of_sales = {"type": "record", "properties": {"department": "Sales"}}
    asked = VIEWABLE | {"action": {"name": "edit"}, "resource": of_sales}
    assert library.finds(RESOURCE_SEARCH, asked) == RECORDS


@pytest.mark.requirement("AZ-033")
@each_search
def test_what_was_found_is_allowed_when_asked_with_the_same_input(
    library: Pep, path: str, asked: dict[str, Any]
) -> None:
    part = {RESOURCE_SEARCH: "resource", SUBJECT_SEARCH: "subject", ACTION_SEARCH: "action"}[path]
    body = asked | {"context": {"time": "noon"}}
    results = library.post(path, body).body["results"]
    assert results
    for result in results:
        assert library.decides(**(body | {part: result})) is True


@pytest.mark.requirement("AZ-030")
@pytest.mark.parametrize("context", [[], "noon", 1])
@each_search
def test_a_search_of_the_wrong_shape_is_a_bad_request(
    library: Pep, path: str, asked: dict[str, Any], context: Any
) -> None:
    assert library.post(path, asked | {"context": context}).status == 400
    assert library.post(path, asked | {"page": context}).status == 400
    assert library.post(path, asked | {"subject": "alice"}).status == 400


@pytest.mark.requirement("AZ-031")
@pytest.mark.parametrize("ignored", [None, 7, {}, ["x"], "not there"], ids=repr)
def test_whatever_id_is_sent_for_what_is_searched_for_is_ignored(
    library: Pep, ignored: Any
) -> None:
    sought = {"type": "record", "id": ignored}
    assert library.finds(RESOURCE_SEARCH, VIEWABLE | {"resource": sought}) == RECORDS


@pytest.mark.requirement("AZ-031")
def test_an_action_that_is_sent_to_an_action_search_is_ignored(library: Pep) -> None:
    found = library.finds(ACTION_SEARCH, POSSIBLE)
    assert library.finds(ACTION_SEARCH, POSSIBLE | {"action": {"name": "edit"}}) == found


@pytest.mark.requirement("AZ-034", "AZ-036")
@pytest.mark.parametrize("limit", [1, 3, 7, 19, 20, 21, 1000])
@each_search
def test_pages_together_are_the_whole_set_without_a_repetition(
    library: Pep, path: str, asked: dict[str, Any], limit: int
) -> None:
    whole = library.finds(path, asked)
    pages = paged(library, path, asked, limit)
    found = [found_in(path, asked, page) for page in pages]
    assert [name for names in found for name in names] == whole
    assert len(set(whole)) == len(whole)
    assert all(len(names) == limit for names in found[:-1])
    assert 1 <= len(found[-1]) <= limit
    for page, names in zip(pages, found, strict=True):
        assert page.body["page"]["count"] == len(names)
        assert page.body["page"]["total"] == len(whole)
    assert pages[-1].body["page"]["next_token"] == ""


@pytest.mark.requirement("AZ-034")
def test_the_page_comes_first_in_the_answer(library: Pep) -> None:
    assert next(iter(library.post(RESOURCE_SEARCH, VIEWABLE).body)) == "page"


@pytest.mark.requirement("AZ-034")
def test_nothing_found_is_an_empty_last_page(library: Pep) -> None:
    asked = VIEWABLE | {"subject": user("nobody"), "page": {"limit": 5}}
    reply = library.post(RESOURCE_SEARCH, asked)
    assert reply.body["results"] == []
    assert reply.body["page"] == {"next_token": "", "count": 0, "total": 0}


@pytest.mark.requirement("AZ-036")
def test_a_limit_of_zero_tells_how_many_there_are(library: Pep) -> None:
    reply = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": {"limit": 0}})
    assert found_in(RESOURCE_SEARCH, VIEWABLE, reply) == []
    assert (reply.body["page"]["count"], reply.body["page"]["total"]) == (0, 20)
    assert reply.body["page"]["next_token"] != ""


@pytest.mark.requirement("AZ-036")
@pytest.mark.parametrize("limit", [-1, 1.5, "3", True, [], {}], ids=repr)
def test_a_limit_that_is_no_count_is_a_bad_request(library: Pep, limit: Any) -> None:
    reply = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": {"limit": limit}})
    assert reply.status == 400
    assert reply.body["errors"][0]["pointer"] == "/page/limit"


@pytest.mark.parametrize("properties", [[], "id", 1, True])
def test_page_properties_must_be_an_object(library: Pep, properties: Any) -> None:
    page = {"properties": properties}
    reply = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": page})
    assert reply.status == 400
    assert reply.body["errors"][0]["pointer"] == "/page/properties"


@pytest.mark.requirement("AZ-036")
def test_a_limit_beyond_the_largest_page_is_taken_as_that(tmp_path: Path) -> None:
    sizes = {"default_page": 4, "max_page": 6}
    with in_process(World("interop_search"), tmp_path, search=sizes) as library:
        for asked, first in (({}, 4), ({"limit": 5}, 5), ({"limit": 10**9}, 6)):
            reply = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": asked})
            assert len(reply.body["results"]) == first
            assert reply.body["page"]["next_token"]
        whole = [
            name
            for page in paged(library, RESOURCE_SEARCH, VIEWABLE, 10**9)
            for name in found_in(RESOURCE_SEARCH, VIEWABLE, page)
        ]
        assert whole == RECORDS


@pytest.mark.requirement("AZ-036")
@each_search
def test_the_order_stays_the_same(library: Pep, path: str, asked: dict[str, Any]) -> None:
    found = [library.finds(path, asked) for _ in range(5)]
    assert all(each == found[0] for each in found)


@pytest.mark.requirement("AZ-035")
@pytest.mark.parametrize(
    "change",
    [
        {"subject": user("bob")},
        {"subject": {**user("alice"), "properties": {"role": "manager"}}},
        {"action": {"name": "edit"}},
        {"action": {"name": "view", "properties": {"a": 1}}},
        {"resource": {"type": "user"}},
        {"resource": {"type": "record", "properties": {"department": "Sales"}}},
        {"context": {}},
        {"context": {"time": "other"}},
    ],
)
def test_a_token_goes_with_its_request_only(library: Pep, change: dict[str, Any]) -> None:
    asked = VIEWABLE | {"context": {"time": "noon"}, "page": {"limit": 3}}
    token = library.post(RESOURCE_SEARCH, asked).body["page"]["next_token"]
    page = {"limit": 3, "token": token}
    assert library.post(RESOURCE_SEARCH, asked | {"page": page}).status == 200
    reply = library.post(RESOURCE_SEARCH, asked | change | {"page": page})
    assert reply.status == 400
    assert reply.body["type"].endswith("invalid_page_token")


@pytest.mark.requirement("AZ-035")
@pytest.mark.parametrize("page", [{"limit": 4}, {"limit": 3, "properties": {"sort": "id"}}])
def test_a_token_goes_with_its_page_parameters_only(library: Pep, page: dict[str, Any]) -> None:
    first = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": {"limit": 3}})
    token = first.body["page"]["next_token"]
    reply = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": page | {"token": token}})
    assert reply.status == 400


@pytest.mark.requirement("AZ-035")
def test_a_token_alone_continues_with_the_limit_of_its_first_page(library: Pep) -> None:
    first = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": {"limit": 3}})
    page = {"token": first.body["page"]["next_token"]}
    second = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": page})
    assert found_in(RESOURCE_SEARCH, VIEWABLE, second) == RECORDS[3:6]
    page = {"token": second.body["page"]["next_token"]}
    third = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": page})
    assert found_in(RESOURCE_SEARCH, VIEWABLE, third) == RECORDS[6:9]


@pytest.mark.requirement("AZ-035")
def test_a_token_is_for_the_caller_and_the_search_that_it_was_given_to(library: Pep) -> None:
    page: dict[str, Any] = {"limit": 1}
    token = library.post(SUBJECT_SEARCH, VIEWERS | {"page": page}).body["page"]["next_token"]
    page["token"] = token
    both = VIEWERS | {"page": page}
    assert library.post(SUBJECT_SEARCH, both).status == 200
    assert library.with_key("demo-as-key").post(SUBJECT_SEARCH, both).status == 400
    assert library.post(RESOURCE_SEARCH, both | {"subject": user("alice")}).status == 400
    assert library.post(ACTION_SEARCH, POSSIBLE | {"page": page}).status == 400


@pytest.mark.requirement("AZ-003")
def test_the_order_of_members_does_not_matter_to_a_token(library: Pep) -> None:
    first = library.post(RESOURCE_SEARCH, VIEWABLE | {"page": {"limit": 3}})
    page = {"token": first.body["page"]["next_token"], "limit": 3}
    turned = dict(reversed(list((VIEWABLE | {"page": page}).items())))
    assert library.post(RESOURCE_SEARCH, turned).status == 200


@pytest.mark.requirement("AZ-037")
def test_an_action_search_names_every_action_that_would_be_allowed(library: Pep) -> None:
    for name in USERS:
        for number in RECORDS:
            asked = {"subject": user(name), "resource": record(number)}
            items = [{"action": {"name": action}} for action in ACTIONS]
            allowed = library.decides_each(asked | {"evaluations": items})
            expected = {action for action, yes in zip(ACTIONS, allowed, strict=True) if yes}
            assert set(library.finds(ACTION_SEARCH, asked)) == expected

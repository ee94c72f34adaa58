"""Whatever body is sent, the answer is one of a few, well-formed, and a decision only on a 200."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pdp.settings import Settings
from tests.conformance.worlds import World, server_of
from tests.examples import times
from tests.properties.asgi_caller import Answer, AsgiCaller, calling

EXPECTED = {200, 400, 401, 403, 413, 415, 429}
OPERATIONS = ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"]
KEYS = [b"demo-pep-key"] * 9 + [b"demo-inbox-key", b"nobody's"]
CONTENT_TYPES = [b"application/json"] * 9 + [b"application/json; charset=utf-8", b"text/plain"]

_WORDS = [
    *("subject", "action", "resource", "context", "evaluations", "options", "page"),
    *("type", "id", "name", "properties", "limit", "token", "evaluations_semantic"),
    *("user", "record", "alice", "bob", "record-1", "read", "write", "delete", "role", "status"),
    *("approval", "request", "now", "caller", "__entity", "__extn", "__expr", "fn", "arg"),
    *("execute_all", "deny_on_first_deny", "admin", "archived", "", 'User::"alice"', "\x00"),
]
texts = st.sampled_from(_WORDS) | st.sampled_from(_WORDS) | st.text(max_size=6)
numbers = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 10**19]),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=3)


def _entity(kind: str, names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from([kind, kind.title(), "unknown"]), "id": st.sampled_from(names)},
        optional={"properties": objects},
    )


subjects = _entity("user", ["alice", "bob", "nobody", ""])
resources = _entity("record", ["record-1", "record-2", "nowhere"])
actions = st.fixed_dictionaries(
    {"name": st.sampled_from(["read", "write", "delete", "fly"])}, optional={"properties": objects}
)
pages = st.fixed_dictionaries(
    {}, optional={"limit": st.one_of(st.integers(-2, 5), values), "token": st.one_of(texts, values)}
)
evaluations = st.fixed_dictionaries(
    {"subject": subjects, "action": actions, "resource": resources},
    optional={"context": objects, "page": pages, "other": values},
)
batches = st.fixed_dictionaries(
    {"evaluations": st.lists(st.one_of(evaluations, objects), max_size=5)},
    optional={
        "subject": subjects,
        "action": actions,
        "resource": resources,
        "context": objects,
        "options": st.fixed_dictionaries(
            {},
            optional={
                "evaluations_semantic": st.one_of(
                    st.sampled_from(
                        ["execute_all", "deny_on_first_deny", "permit_on_first_permit"]
                    ),
                    values,
                )
            },
        ),
    },
)


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """A good request with one of its parts replaced, taken away or put elsewhere."""
    body = draw(evaluations | batches)
    parent: Any = body
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            return body
        key = draw(st.sampled_from(keys))
        inner = parent[key]
        if not isinstance(inner, dict | list) or not draw(st.booleans()):
            break
        parent = inner
    if draw(st.booleans()):
        parent[key] = draw(values)
    else:
        del parent[key]
    return body


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """JSON text, sometimes cut, sometimes with a byte too many or another in its place."""
    text = json.dumps(
        draw(st.one_of(evaluations, batches, spoilt(), objects, values)),
        ensure_ascii=draw(st.booleans()),
    ).encode("utf-8", "surrogatepass")
    fault = draw(st.sampled_from(["none"] * 6 + ["cut", "byte", "twice", "prefix"]))
    if fault == "cut" and text:
        return text[: draw(st.integers(0, len(text) - 1))]
    if fault == "byte" and text:
        place = draw(st.integers(0, len(text) - 1))
        return text[:place] + bytes([draw(st.integers(0, 255))]) + text[place + 1 :]
    if fault == "twice":
        return text + text
    if fault == "prefix":
        return draw(st.binary(max_size=4)) + text
    return text


bodies = st.one_of(written(), written(), written(), st.binary(max_size=60))
calls = st.tuples(
    st.sampled_from(OPERATIONS),
    bodies,
    st.sampled_from(KEYS),
    st.sampled_from(CONTENT_TYPES),
)


@pytest.fixture(scope="module", params=[True, False], ids=["schema", "no_schema"])
def caller(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AsgiCaller]:
    """A server in this process, called without a network between."""
    folder: Path = tmp_path_factory.mktemp("bodies")
    world = World("certification", request.param)
    server = server_of(
        Settings(
            demo=True,
            database=f"sqlite:///{folder}/pdp.db",
            policies=world.policies,
            schemas=world.schemas or folder,
        ),
        folder,
    )
    with calling(server) as found:
        yield found


def check(caller: AsgiCaller, call: tuple[str, bytes, bytes, bytes]) -> None:
    """The answer to a call is one that a client can read."""
    operation, body, key, content_type = call
    answer = caller.post(
        "/access/v1/" + operation,
        body,
        (b"authorization", b"Bearer " + key),
        (b"content-type", content_type),
        (b"x-request-id", b"mine"),
    )
    assert answer.status in EXPECTED, answer
    assert answer.headers[b"x-request-id"] == b"mine"
    if answer.status == 200:
        assert (key, content_type[:16]) == (b"demo-pep-key", b"application/json")
        _check_success(operation, json.loads(body), answer)
    else:
        assert answer.headers[b"content-type"] == b"application/problem+json"
        problem = json.loads(answer.body)
        assert problem["status"] == answer.status
        assert {"type", "title"} <= problem.keys()
        assert "decision" not in problem


def _check_success(operation: str, asked: Any, answer: Answer) -> None:
    assert type(asked) is dict
    assert answer.headers[b"content-type"] == b"application/json"
    found = json.loads(answer.body)
    if operation.startswith("search"):
        assert type(found["results"]) is list
        assert found["page"]["count"] == len(found["results"]) <= found["page"]["total"]
    elif operation == "evaluations" and asked.get("evaluations"):
        assert 1 <= len(found["evaluations"]) <= len(asked["evaluations"])
        assert all(type(each["decision"]) is bool for each in found["evaluations"])
    else:
        assert type(found["decision"]) is bool


_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@pytest.mark.requirement("AZ-004", "AZ-005", "AZ-008")
@given(call=calls)
@times(1.5, suppress_health_check=_CHECKS)
def test_any_body_gets_one_of_the_expected_answers(
    caller: AsgiCaller, call: tuple[str, bytes, bytes, bytes]
) -> None:
    check(caller, call)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.requirement("AZ-004", "AZ-005", "AZ-008")
@given(call=calls)
@settings(max_examples=5_000, deadline=None, suppress_health_check=_CHECKS)
def test_ten_thousand_bodies_get_one_of_the_expected_answers(
    caller: AsgiCaller, call: tuple[str, bytes, bytes, bytes]
) -> None:
    check(caller, call)

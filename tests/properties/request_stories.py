"""Random workflows, requests and events."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from pdp.core.scope import Scope
from pdp.core.task_open import Wanted
from pdp.core.workflow import SCOPES, Workflow
from pdp.core.workflow_parse import parse_workflows

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = [("User", name) for name in ("ann", "ben", "cat", "dan")]
_HOURS = st.sampled_from([1, 2, 5, 12, 20, 30]).map(lambda hours: f"{hours}h")


@st.composite
def _leaf(draw: st.DrawFn, numbers: Any) -> dict[str, Any]:
    name = f"s{next(numbers)}"
    kind = draw(st.sampled_from(["human", "human", "human", "policy", "external", "interaction"]))
    step: dict[str, Any] = {"name": name, "kind": kind}
    if kind == "policy":
        return step
    if kind == "human":
        step["approvals"] = draw(st.sampled_from([1, 1, 2, 3]))
    if draw(st.booleans()):
        step["remind_after"] = draw(_HOURS)
    ending = draw(st.sampled_from(["none", "deny", "escalate", "later"]))
    if ending in ("deny", "escalate"):
        step |= {"timeout": draw(_HOURS), "on_timeout": ending}
    if ending == "later":
        step["escalate_after"] = draw(_HOURS)
    if ending in ("escalate", "later"):
        step["escalate_to"] = "heads"
    return step


@st.composite
def _step(draw: st.DrawFn, numbers: Any, depth: int = 0) -> dict[str, Any]:
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        group = draw(st.sampled_from(["any_of", "all_of"]))
        parts = [draw(_step(numbers, depth + 1)) for _ in range(draw(st.integers(1, 2)))]
        return {"name": f"g{next(numbers)}", group: parts}
    return draw(_leaf(numbers))


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Any workflow of up to three steps, groups within groups."""
    numbers = iter(range(99))
    body = {
        "steps": [draw(_step(numbers)) for _ in range(draw(st.integers(1, 3)))],
        "task_ttl": "40h",
        "approval_ttl": draw(_HOURS),
        "approval_ttl_max": "30h",
        "scope": draw(st.sampled_from(SCOPES)),
        "distinct_approvers": draw(st.booleans()),
        "narrowing": draw(st.sampled_from([True, True, True, False])),
    }
    if draw(st.booleans()):
        approvers = [f'User::"{name}"' for _, name in PEOPLE[:2]]
        body["emergency"] = {"approvers": approvers, "ttl": "1h"}
    name = draw(st.sampled_from(["flow", "other"]))
    found = parse_workflows({"workflows": {name: body}}).get(name)
    assert found is not None
    return found


@dataclass(frozen=True)
class Event:
    """Something that happens `minutes` after what came before."""

    minutes: int
    kind: str
    person: tuple[str, str] = PEOPLE[0]
    terms: dict[str, Any] = field(default_factory=dict)


_VOTES = st.builds(
    Event,
    st.integers(0, 200),
    st.just("vote"),
    st.sampled_from(PEOPLE),
    st.fixed_dictionaries(
        {"decision": st.sampled_from(["approve"] * 7 + ["deny"])},
        optional={
            "on_behalf_of": st.none() | st.sampled_from(PEOPLE),
            "positions": st.none() | st.lists(st.integers(0, 2), min_size=1, max_size=2).map(tuple),
            "hours": st.integers(1, 60),
            "scope": st.sampled_from(
                [None, Scope(), Scope("resource_parent", ("Folder", "f")), Scope("resource_type")]
            ),
            "rest": st.sampled_from(["deny", "leave"]),
        },
    ),
)
_PICKS = {"pick": st.integers(0, 5)}
_ANSWERS = st.builds(
    Event,
    st.integers(0, 200),
    st.just("answer"),
    terms=st.fixed_dictionaries(
        _PICKS | {"outcome": st.sampled_from(["approved"] * 4 + ["refused", "failed"])}
    ),
)
_OTHERS = st.builds(
    Event,
    st.integers(0, 500),
    st.sampled_from(["tick", "claim", "release", "escalate"]),
    st.sampled_from(PEOPLE),
    st.fixed_dictionaries(_PICKS),
)
EVENTS = st.one_of(_VOTES, _VOTES, _ANSWERS, _OTHERS)
WANTED = st.lists(
    st.builds(
        Wanted,
        workflows(),
        st.none() | st.integers(1, 50).map(lambda hours: START + timedelta(hours=hours)),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=3,
)

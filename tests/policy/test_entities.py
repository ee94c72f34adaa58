"""The snapshot of entities."""

import pytest

from pdp.policy.entities import EntityIndex, HierarchyFault
from tests.policy.building import Uid, entity, ref


def group(name: str) -> Uid:
    return ("Group", name)


ALICE = ("User", "alice")


def test_an_entity_is_given_back_as_it_was_loaded() -> None:
    body = entity(ALICE, [group("a"), group("b")], age=3, boss=ref("User", "b"), name="Zoë\0")
    body["tags"] = {"t": [1, 2]}
    index = EntityIndex.load([body, entity(group("a"))])
    assert index.get(ALICE) == body
    assert index.get(group("a")) == entity(group("a"))
    assert index.get(group("b")) is None
    assert len(index) == 2
    assert ALICE in index
    assert group("b") not in index


def test_the_wrapped_form_of_uids_is_understood() -> None:
    body = {"uid": ref("User", "alice"), "attrs": {}, "parents": [ref("Group", "a")]}
    assert EntityIndex.load([body]).ancestors(ALICE) == {group("a")}


def test_of_two_with_one_uid_the_later_counts() -> None:
    index = EntityIndex.load([entity(ALICE, age=1), entity(ALICE, age=2)])
    assert len(index) == 1
    assert index.get(ALICE) == entity(ALICE, age=2)


def test_ancestors_are_all_that_is_above_known_or_not() -> None:
    index = EntityIndex.load(
        [
            entity(ALICE, [group("a"), group("b")]),
            entity(group("a"), [group("c")]),
            entity(group("b"), [group("c")]),
            entity(group("c"), [group("nowhere")]),
        ]
    )
    assert index.ancestors(ALICE) == {group(name) for name in ("a", "b", "c", "nowhere")}
    assert index.ancestors(group("c")) == {group("nowhere")}
    assert index.ancestors(group("nowhere")) == frozenset()


@pytest.mark.slow
def test_a_hierarchy_may_be_thousands_deep() -> None:
    chain = [entity(group(str(n)), [group(str(n + 1))]) for n in range(3000)]
    assert len(EntityIndex.load(chain).ancestors(group("0"))) == 3000


@pytest.mark.parametrize("names", ["aa", "ab", "abcd"])
def test_a_circle_of_parents_is_refused(names: str) -> None:
    if len(set(names)) == 1:
        bodies = [entity(group("a"), [group("a")])]
    else:
        following = names[1:] + names[0]
        bodies = [
            entity(group(one), [group(other)]) for one, other in zip(names, following, strict=True)
        ]
    with pytest.raises(HierarchyFault, match=r'`Group::"[abcd]"` is among its own ancestors'):
        EntityIndex.load(bodies)
    with pytest.raises(HierarchyFault):
        EntityIndex.load(bodies[:-1]).with_changes(bodies[-1:], [])


def test_a_change_makes_a_new_snapshot_and_leaves_the_old() -> None:
    before = EntityIndex.load([entity(ALICE, [group("a")], age=1), entity(group("a"))])
    after = before.with_changes([entity(ALICE, age=2)], [group("a")])
    assert before.get(ALICE) == entity(ALICE, [group("a")], age=1)
    assert before.ancestors(ALICE) == {group("a")}
    assert after.get(ALICE) == entity(ALICE, age=2)
    assert after.get(group("a")) is None
    assert after.ancestors(ALICE) == frozenset()
    assert (len(before), len(after)) == (2, 1)
    assert before.version != after.version


def test_a_change_of_a_group_reaches_all_below_it() -> None:
    before = EntityIndex.load(
        [entity(ALICE, [group("a")]), entity(group("a"), [group("b")]), entity(group("b"))]
    )
    assert before.ancestors(ALICE) == {group("a"), group("b")}
    moved = before.with_changes([entity(group("b"), [group("c")])], [])
    assert moved.ancestors(ALICE) == {group("a"), group("b"), group("c")}
    cut = moved.with_changes([], [group("a")])
    assert cut.ancestors(ALICE) == {group("a")}
    back = cut.with_changes([entity(group("a"), [group("d")])], [])
    assert back.ancestors(ALICE) == {group("a"), group("d")}
    assert before.ancestors(ALICE) == {group("a"), group("b")}
    assert moved.ancestors(ALICE) == {group("a"), group("b"), group("c")}


def test_an_earlier_snapshot_never_teaches_a_later_one() -> None:
    before = EntityIndex.load([entity(ALICE, [group("a")]), entity(group("a"), [group("old")])])
    after = before.with_changes([entity(group("a"), [group("new")])], [])
    assert before.ancestors(ALICE) == {group("a"), group("old")}
    assert after.ancestors(ALICE) == {group("a"), group("new")}


def test_what_is_put_and_deleted_at_once_is_put() -> None:
    index = EntityIndex.load([entity(ALICE, age=1)]).with_changes([entity(ALICE, age=2)], [ALICE])
    assert index.get(ALICE) == entity(ALICE, age=2)


def test_types_and_sorted_ids_follow_changes() -> None:
    index = EntityIndex.load([entity(("User", name)) for name in ("b", "a", "c")])
    assert index.ids_of_type("User") == ["a", "b", "c"]
    assert index.ids_of_type("Group") == []
    changed = index.with_changes([entity(("User", "aa")), entity(group("g"))], [("User", "b")])
    assert changed.ids_of_type("User") == ["a", "aa", "c"]
    assert changed.ids_of_type("Group") == ["g"]
    assert changed.types() == {"User", "Group"}
    emptied = changed.with_changes([], [group("g"), ("User", "unknown")])
    assert emptied.types() == {"User"}
    assert emptied.ids_of_type("Group") == []
    assert index.ids_of_type("User") == ["a", "b", "c"]


def test_many_changes_are_worked_in_as_few_are() -> None:
    index = EntityIndex.load([entity(("User", str(n)), age=n) for n in range(500)])
    for first in range(0, 4000, 400):
        puts = [entity(("User", str(n)), [group("g")], age=n) for n in range(first, first + 400)]
        index = index.with_changes(puts, [("User", str(n)) for n in range(first, first + 400, 10)])
    gone = index.with_changes([], [("User", str(n)) for n in range(0, 4000, 2)])
    assert len(index) == 4000
    assert len(gone) == 2000
    assert gone.get(("User", "7")) == entity(("User", "7"), [group("g")], age=7)
    assert gone.get(("User", "8")) is None
    assert gone.ids_of_type("User") == sorted(str(n) for n in range(1, 4000, 2))

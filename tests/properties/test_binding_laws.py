"""Laws of the binding: what changes a hash, what does not, and that hash and structure agree."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import assume, given
from hypothesis import strategies as st

from pdp.core.binding import (
    binding_hash,
    binding_hashes,
    bound_context,
    bulk_binding_hash,
    hash_fits,
    same,
    same_subject,
)
from pdp.core.jcs import canonical
from tests.properties.binding_values import (
    ACTIONS,
    CONTEXTS,
    ENTITIES,
    MEMBERS,
    REQUESTS,
    SCALARS,
    VALUES,
    leaves_of,
    replaced,
    respelt,
    shuffled,
)

Request = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]


@given(VALUES)
def test_canonical_json_is_the_librarys_and_reads_back_the_same(value: Any) -> None:
    written = canonical(value)
    assert written == rfc8785.dumps(value)
    assert same(json.loads(written, parse_int=float), value)


@given(VALUES, VALUES)
def test_two_values_are_the_same_exactly_when_their_canonical_form_is(
    left: Any, right: Any
) -> None:
    assert same(left, right) == (canonical(left) == canonical(right))
    assert same(left, right) == same(right, left)


@pytest.mark.requirement("ARAP-101")
@given(REQUESTS, st.randoms(use_true_random=False))
def test_the_order_of_members_never_changes_the_hash(request_: Request, random: Any) -> None:
    other = [shuffled(part, random) for part in request_]
    assert binding_hash(*other, members=MEMBERS) == binding_hash(*request_, members=MEMBERS)


@pytest.mark.requirement("ARAP-102")
@given(REQUESTS)
def test_the_spelling_of_numbers_never_changes_the_hash(request_: Request) -> None:
    other = [respelt(part) for part in request_]
    assert binding_hash(*other, members=MEMBERS) == binding_hash(*request_, members=MEMBERS)


@pytest.mark.requirement("ARAP-099")
@pytest.mark.requirement("ARAP-103")
@given(REQUESTS, st.data())
def test_changing_any_bound_leaf_changes_the_hash(request_: Request, data: st.DataObject) -> None:
    bound = [*request_[:3], bound_context(request_[3], MEMBERS)]
    place = data.draw(st.sampled_from(leaves_of(bound)))
    assume(len(place) > 1)
    old: Any = bound
    for part in place:
        old = old[part]
    new = data.draw(SCALARS.filter(lambda value: not same(value, old)))
    other = replaced(bound, place, new)
    before = binding_hash(*bound, members=MEMBERS)
    hashes = binding_hashes(other[0], {"resource": other[1], "action": other[2]}, other[3], MEMBERS)
    # An empty `properties` of the subject may come and go; nothing else of the request may.
    assert hash_fits(before, hashes) == (place[0] == 0 and same_subject(bound[0], other[0]))


@pytest.mark.requirement("ARAP-077")
@given(REQUESTS, st.sampled_from(MEMBERS))
def test_dropping_or_adding_a_bound_member_changes_the_hash(request_: Request, name: str) -> None:
    *asked, context = request_
    without = {key: value for key, value in context.items() if key != name}
    with_it = without | {name: None}
    one = binding_hash(*asked, without, members=MEMBERS)  # type: ignore[arg-type]
    two = binding_hash(*asked, with_it, members=MEMBERS)  # type: ignore[arg-type]
    assert one != two


@given(REQUESTS, CONTEXTS)
def test_members_that_are_not_bound_never_change_the_hash(
    request_: Request, other: dict[str, Any]
) -> None:
    *asked, context = request_
    more = {name: value for name, value in other.items() if name not in MEMBERS} | {
        "approval": {},
        "reason": "x",
    }
    one = binding_hash(*asked, context, members=(*MEMBERS, "approval", "reason"))  # type: ignore[arg-type]
    two = binding_hash(*asked, context | more, members=(*MEMBERS, "approval", "reason"))  # type: ignore[arg-type]
    assert one == two


@pytest.mark.requirement("ARAP-100")
@given(ENTITIES, ENTITIES, ACTIONS, VALUES)
def test_the_actor_never_matters(
    subject: dict[str, Any], resource: dict[str, Any], action: dict[str, Any], act: Any
) -> None:
    acting = subject | {"properties": subject.get("properties", {}) | {"act": act}}
    assert same_subject(subject, acting)
    asked = {"resource": resource, "action": action}
    hashes = binding_hashes(subject, asked, {}, ())
    assert hash_fits(binding_hash(acting, resource, action, {}, ()), hashes)


@given(ENTITIES, ENTITIES, ENTITIES, ACTIONS)
def test_hash_and_structure_agree_about_subjects(
    left: dict[str, Any], right: dict[str, Any], resource: dict[str, Any], action: dict[str, Any]
) -> None:
    for one, two in ((left, right), (left, left)):
        hashes = binding_hashes(two, {"resource": resource, "action": action}, {}, ())
        fits = hash_fits(binding_hash(one, resource, action, {}, ()), hashes)
        assert fits == same_subject(one, two)


_ITEMS = st.lists(
    st.builds(lambda resource, action: {"resource": resource, "action": action}, ENTITIES, ACTIONS),
    min_size=1,
    max_size=4,
)


@pytest.mark.requirement("ARAP-048")
@given(ENTITIES, _ITEMS, _ITEMS)
def test_a_bundles_hash_is_that_of_its_items_in_order(
    subject: dict[str, Any], items: list[Any], other: list[Any]
) -> None:
    one = bulk_binding_hash(subject, items, {}, ())
    assert (bulk_binding_hash(subject, other, {}, ()) == one) == same(items, other)
    turned = [*reversed(items)]
    assert (bulk_binding_hash(subject, turned, {}, ()) == one) == same(items, turned)

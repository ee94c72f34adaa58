"""Which policies are picked for a request."""

import random

import pytest

from pdp.policy.slicing import SliceIndex, TemplateLink
from tests.policy.building import Uid, policies_of

ALICE, STAFF, PLAN, PLANS = (
    ("User", "alice"),
    ("Group", "staff"),
    ("Doc", "plan"),
    ("Folder", "plans"),
)
READ, READING = ("Action", "read"), ("Action", "reading")


def picked(
    index: SliceIndex,
    principal: Uid = ALICE,
    action: Uid = READ,
    resource: Uid = PLAN,
    above: tuple[set[Uid], set[Uid], set[Uid]] = ({STAFF}, {READING}, {PLANS}),
) -> list[str]:
    groups, actions, folders = (frozenset(each) for each in above)
    found = index.slice(principal, groups, action, actions, resource, folders)
    return [policy.id for policy in found.policies]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("principal, action, resource", True),
        ('principal == User::"alice", action, resource', True),
        ('principal == Group::"staff", action, resource', False),
        ('principal in Group::"staff", action, resource', True),
        ('principal in User::"alice", action, resource', True),
        ('principal in Group::"other", action, resource', False),
        ("principal is User, action, resource", True),
        ("principal is Group, action, resource", False),
        ('principal is User in Group::"staff", action, resource', True),
        ('principal is User in User::"alice", action, resource', True),
        ('principal is Group in Group::"staff", action, resource', False),
        ('principal is User in Group::"other", action, resource', False),
        ('principal, action == Action::"read", resource', True),
        ('principal, action == Action::"reading", resource', False),
        ('principal, action in Action::"reading", resource', True),
        ('principal, action in [Action::"write", Action::"read"], resource', True),
        ('principal, action in [Action::"write", Action::"reading"], resource', True),
        ('principal, action in [Action::"write"], resource', False),
        ("principal, action in [], resource", False),
        ('principal, action, resource == Doc::"plan"', True),
        ('principal, action, resource == Doc::"alice"', False),
        ('principal, action, resource in Folder::"plans"', True),
        ("principal, action, resource is Doc", True),
        ('principal, action, resource is Doc in Folder::"plans"', True),
        ('principal, action, resource is Folder in Folder::"plans"', False),
        ('principal == User::"alice", action == Action::"write", resource', False),
    ],
)
def test_every_form_of_a_head(head: str, expected: bool) -> None:
    index = SliceIndex(policies_of(f"permit ({head});"))
    assert picked(index) == (["p0"] if expected else [])


def test_a_group_in_the_place_of_an_entity_is_itself() -> None:
    index = SliceIndex(policies_of('permit (principal in Group::"staff", action, resource);'))
    assert picked(index, principal=STAFF, above=(set(), set(), set())) == ["p0"]
    assert picked(index, above=(set(), set(), set())) == []


def test_a_policy_matched_in_several_ways_is_there_once_and_in_order() -> None:
    index = SliceIndex(
        policies_of(
            "forbid (principal, action, resource);",
            'permit (principal, action in [Action::"read", Action::"reading"], resource);',
            'permit (principal in Group::"staff", action, resource);',
        )
    )
    assert picked(index) == ["p0", "p1", "p2"]


def test_requests_that_heads_treat_alike_share_a_slice() -> None:
    index = SliceIndex(policies_of('permit (principal in Group::"staff", action, resource);'))
    groups, nothing = frozenset([STAFF]), frozenset[Uid]()
    more = frozenset([STAFF, ("Group", "not asked for")])
    first = index.slice(ALICE, groups, READ, nothing, PLAN, nothing)
    assert index.slice(("User", "bob"), more, READING, nothing, PLANS, nothing) is first
    assert index.slice(ALICE, nothing, READ, nothing, PLAN, nothing) is not first


def test_the_same_policies_reached_by_other_heads_are_compiled_once() -> None:
    index = SliceIndex(
        policies_of('permit (principal, action in [Action::"a", Action::"b"], resource);')
    )
    none = frozenset[Uid]()
    first = index.slice(ALICE, none, ("Action", "a"), none, PLAN, none)
    assert index.slice(ALICE, none, ("Action", "b"), none, PLAN, none) is first


def test_many_policies_of_one_head_are_told_apart_by_resource() -> None:
    index = SliceIndex(
        policies_of(*(f'permit (principal, action, resource == Doc::"{n}");' for n in range(50)))
    )
    assert picked(index, resource=("Doc", "33")) == ["p33"]


def test_an_entity_with_hundreds_of_ancestors_meets_what_names_them() -> None:
    names = [f"g{n}" for n in range(500)]
    heads = [
        f'permit (principal in Group::"{name}", action, resource in Group::"{other}");'
        for name, other in zip(names, reversed(names), strict=True)
    ]
    index = SliceIndex(policies_of(*heads))
    above = {("Group", name) for name in names[:250]}
    assert picked(index, above=(above, set(), {("Group", "g400"), ("Group", "g10")})) == ["p99"]


def test_templates_decide_nothing_until_linked() -> None:
    policies = policies_of("permit (principal == ?principal, action, resource in ?resource);")
    assert picked(SliceIndex(policies)) == []
    links = [
        TemplateLink(policies[0], ALICE, PLANS),
        TemplateLink(policies[0], ("User", "bob"), PLANS),
        TemplateLink(policies[0], ALICE, ("Folder", "other")),
    ]
    found = SliceIndex(policies, (), links).slice(
        ALICE, frozenset(), READ, frozenset(), PLAN, frozenset([PLANS])
    )
    # The template, which its link needs, and the link.
    assert [policy.id for policy in found.policies] == ["p0", "p0"]
    assert len(found.handle) == 1


def test_templates_of_workflows_come_in_their_order() -> None:
    texts = [
        f'@approval("{name}") {effect} (principal, action, resource) '
        f'when {{ context.approval.template == "{name}" }};'
        for name, effect in [("z", "permit"), ("a", "permit"), ("m", "permit"), ("q", "forbid")]
    ]
    index = SliceIndex(policies_of(*texts), ["m", "z"])
    found = index.slice(ALICE, frozenset(), READ, frozenset(), PLAN, frozenset())
    assert found.templates == ("m", "z", "a")
    assert found.reads_approval
    assert not found.reads_now
    assert found.context_members == {"approval"}


def test_what_was_compiled_is_inherited_by_the_same_sources_only() -> None:
    texts = [
        f'permit (principal, action, resource == Doc::"{n}") when {{ context.a }};' for n in "abc"
    ]
    earlier = SliceIndex(policies_of(*texts))
    none = frozenset[Uid]()
    handles = {
        name: earlier.slice(ALICE, none, READ, none, ("Doc", name), none).handle for name in "abc"
    }
    later = SliceIndex(policies_of(texts[0], texts[1].replace("context.a", "context.b"), texts[2]))
    later.inherit(earlier)
    kept = [
        name
        for name in "abc"
        if later.slice(ALICE, none, READ, none, ("Doc", name), none).handle is handles[name]
    ]
    assert kept == ["a", "c"]


def test_forgotten_slices_are_found_again() -> None:
    count = 3000
    index = SliceIndex(
        policies_of(*(f'permit (principal, action, resource == Doc::"{n}");' for n in range(count)))
    )
    order = list(range(count))
    random.Random(7).shuffle(order)
    for number in order + order[:100]:
        assert picked(index, resource=("Doc", str(number))) == [f"p{number}"]


def test_types_and_actions_that_policies_mention() -> None:
    index = SliceIndex(
        policies_of(
            'permit (principal is User in Group::"g", action == Action::"a", resource == Doc::"d");',
            'permit (principal, action in [N::Action::"b"], resource) when { resource is File };',
        )
    )
    assert index.types == {"User", "Group", "Doc", "File"}
    assert index.actions == {("Action", "a"), ("N::Action", "b")}

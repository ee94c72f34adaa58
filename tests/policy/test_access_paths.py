"""What conditions read, found without evaluating them."""

from typing import Any

import pytest

from pdp.policy import engine
from pdp.policy.access_paths import ALL, NONE, AccessPaths, access_paths, merged
from pdp.policy.reach import NOTHING, Reach, union

USER_A = ("User", "a")


def of(condition: str, kind: str = "when") -> AccessPaths:
    (parsed,) = engine.parse_policies(
        f"permit (principal, action, resource) {kind} {{ {condition} }};"
    )
    return access_paths(parsed.est)


def reach(**attributes: Any) -> Reach:
    """Attributes read, each with what is read below it."""
    return Reach(tuple(sorted(attributes.items())))


READ = NOTHING
MEMBER = Reach(member=True)


def test_a_policy_without_conditions_reads_nothing() -> None:
    (parsed,) = engine.parse_policies("permit (principal, action, resource);")
    assert access_paths(parsed.est) is NONE


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("principal.a == 1", reach(a=READ)),
        ('principal["odd name"] == 1', reach(**{"odd name": READ})),
        ("principal.a.b.c == 1", reach(a=reach(b=reach(c=READ)))),
        ("principal has a", reach(a=READ)),
        ("principal has a.b", reach(a=reach(b=READ))),
        ("principal.a has b", reach(a=reach(b=READ))),
        ("principal.a && principal.b.c", reach(a=READ, b=reach(c=READ))),
        ("[principal.a].contains(principal.b)", reach(a=READ, b=READ)),
        ('principal.a like "x*"', reach(a=READ)),
        ("principal.a is User", reach(a=READ)),
        ('principal.a in User::"a"', reach(a=MEMBER)),
        ('principal.a is User in User::"a"', reach(a=MEMBER)),
        ("resource in principal.a", reach(a=READ)),
        ("resource in [principal.a]", reach(a=READ)),
        ('ip("1.2.3.4").isInRange(principal.a)', reach(a=READ)),
        ("-principal.a < 3 + principal.b * 2", reach(a=READ, b=READ)),
        ("!principal.a.isEmpty()", reach(a=READ)),
        ("(if true then principal.a else principal.b).c", reach(a=reach(c=READ), b=reach(c=READ))),
        ("(if principal.a then principal else principal).b", reach(a=READ, b=READ)),
        ("{x: principal.a, y: principal.b}.x.c", reach(a=reach(c=READ), b=READ)),
        ("{x: {y: principal}}.x.y.a", reach(a=READ)),
        ("{x: principal.a} == {x: principal.b}", reach(a=READ, b=READ)),
        ('principal in User::"a"', MEMBER),
        ("principal == resource", NOTHING),
    ],
)
def test_attributes_are_followed_through_every_operator(condition: str, expected: Reach) -> None:
    assert of(condition).principal == expected


def test_tags_are_read_by_name_where_the_policy_states_it() -> None:
    paths = of('principal.getTag("k").a == 1 && principal.hasTag("l")')
    assert paths.principal == Reach(tags=(("k", reach(a=READ)), ("l", READ)))


def test_a_tag_whose_name_is_data_may_be_any() -> None:
    paths = of("principal.getTag(context.k).a == 1")
    assert paths.principal == Reach(any_tag=reach(a=READ))
    assert paths.members == {"k"}


def test_every_variable_has_its_own_paths() -> None:
    paths = of("principal.a == resource.b && action.c == context.d.e")
    assert paths.principal == reach(a=READ)
    assert paths.resource == reach(b=READ)
    assert paths.action == reach(c=READ)
    assert paths.context == reach(d=reach(e=READ))


def test_unless_is_read_as_when_is() -> None:
    assert of("principal.a", "unless") == of("principal.a")


def test_literal_entities_are_read_only_when_looked_into() -> None:
    assert of('User::"a".x.y == 1').literals == ((USER_A, reach(x=reach(y=READ))),)
    assert of('User::"a" in resource').literals == ((USER_A, MEMBER),)
    paths = of('principal == User::"a" || principal in User::"a"')
    assert paths.literals == ()
    assert paths.types == {"User"}


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ("context.a == 1 && context.b.c", {"a", "b"}),
        ("context has a", {"a"}),
        ("context has a.b", {"a"}),
        ('context["odd name"]', {"odd name"}),
        ("{c: context}.c.a", {"a"}),
        ("(if true then context else {a: 1}).a", {"a"}),
        ("context == {a: 1}", None),
        ("[context].contains({})", None),
        ("{c: context} == {c: {}}", None),
        ("resource.a == context", None),
        ("principal.a", set()),
    ],
)
def test_members_of_the_context(condition: str, members: set[str] | None) -> None:
    assert of(condition).members == members


@pytest.mark.parametrize("member", ["now", "caller", "approval", "request"])
def test_the_reserved_members_are_noticed(member: str) -> None:
    assert of(f"context.{member} == 1").reads(member)
    assert of("context == {}").reads(member)
    assert not of("context.other == 1").reads(member)


@pytest.mark.parametrize(
    ("condition", "targets"),
    [
        ('principal in User::"a"', {USER_A}),
        ('principal in [User::"a", User::"b"]', {USER_A, ("User", "b")}),
        ('principal.x is User in User::"a"', {USER_A}),
        ("principal in resource", None),
        ("principal in resource.readers", None),
        ('principal in [User::"a", resource]', None),
        ('principal in (if true then User::"a" else User::"b")', None),
        ('principal == User::"a"', set()),
    ],
)
def test_the_entities_looked_for_among_ancestors(
    condition: str, targets: set[tuple[str, str]] | None
) -> None:
    assert of(condition).targets == targets


@pytest.mark.parametrize(
    ("condition", "constant"),
    [
        ("true", True),
        ('ip("1.2.3.4").isLoopback()', True),
        ("{a: 1}.a == 1", True),
        ("principal == resource", False),
        ("context == {}", False),
        ('User::"a".x', False),
        ('User::"a" in Group::"b"', False),
        ("principal is User", False),
    ],
)
def test_conditions_that_mention_nothing_of_a_request_are_constant(
    condition: str, constant: bool
) -> None:
    assert of(condition).constant is constant


def test_an_operator_not_known_here_may_read_everything() -> None:
    literal = {"Value": {"__entity": {"type": "User", "id": "a"}}}
    later = {"lookup": {"left": {"Var": "context"}, "right": literal}}
    paths = access_paths({"conditions": [{"kind": "when", "body": later}]})
    assert paths.principal == paths.action == paths.resource == paths.context == ALL
    assert paths.literals == ((USER_A, ALL),)
    assert paths.targets is None
    assert paths.members is None
    assert not paths.constant


def test_an_expression_too_deep_to_walk_may_read_everything() -> None:
    body: dict[str, Any] = {"Var": "principal"}
    for _ in range(5000):
        body = {"if-then-else": {"if": {"Value": True}, "then": {"Value": True}, "else": body}}
    assert access_paths({"conditions": [{"kind": "when", "body": body}]}).principal == ALL


def test_a_long_chain_is_read_to_its_end() -> None:
    assert of(" || ".join(f"principal.a{n}" for n in range(400))).principal == reach(
        **{f"a{n}": READ for n in range(400)}
    )


def test_paths_of_several_policies_are_put_together() -> None:
    both = merged(
        [
            of('principal.a.b && User::"a".x && context.p && principal in User::"a"'),
            of('principal.a.c && User::"a".y && context.q && principal in User::"b"'),
            NONE,
        ]
    )
    assert both.principal == Reach((("a", reach(b=READ, c=READ)),), member=True)
    assert both.literals == ((USER_A, reach(x=READ, y=READ)),)
    assert both.members == {"p", "q"}
    assert both.targets == {USER_A, ("User", "b")}
    assert not both.constant
    assert merged([of("context == {}"), of("context.a")]).members is None
    assert merged([of("principal in resource"), NONE]).targets is None
    assert merged([NONE, NONE]) is NONE
    assert merged([]) is NONE


def test_a_union_reads_what_any_of_its_parts_reads() -> None:
    assert union([reach(a=READ), MEMBER, reach(a=reach(b=READ))]) == Reach(
        (("a", reach(b=READ)),), member=True
    )
    assert union([Reach(any_tag=reach(a=READ)), Reach(any_tag=reach(b=READ))]) == Reach(
        any_tag=reach(a=READ, b=READ)
    )
    assert union([MEMBER, ALL]) == ALL
    assert union([]) == NOTHING


def test_equal_conditions_share_one_value() -> None:
    assert of("principal.a == 1") is of("principal.a == 2")


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ("context.risk > 5", set()),
        ("context has approval", set()),
        ('context.approval.template == "t"', {"template"}),
        ("context.approval has scope", {"scope"}),
        ("context has approval.approved_at", {"approved_at"}),
        ("principal in context.approval.approvers", {"approvers"}),
        ("(if context has a then context.approval else context.a).template == context.b",
         {"template"}),
        ("context.approval == context.other", None),
        ('context.approval.template == "t" && context.approval == context.other', None),
        ("[context.approval].contains(context.other)", None),
        ("{a: context.approval}.a == context.other", None),
        ("{a: context.approval} == context.other", None),
        ("context == principal.context", None),
        ('{a: context.approval}.a.template == "t"', {"template"}),
        ('(if principal.a then context else context).approval.template == "t"', {"template"}),
    ],
)  # fmt: skip
def test_what_is_read_of_an_approval(condition: str, members: set[str] | None) -> None:
    assert of(condition).approval == (None if members is None else frozenset(members))


def test_what_several_policies_read_of_an_approval_is_read() -> None:
    template, scope = of('context.approval.template == "t"'), of("context.approval has scope")
    assert merged([template, scope]).approval == {"template", "scope"}
    assert merged([template, of("context.approval == context.a")]).approval is None

"""Decisions of one snapshot."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from pdp.core.authzen import evaluation_from
from pdp.policy.authorizer import Authorizer
from pdp.policy.mapping import NameMap
from pdp.policy.slicing import TemplateLink
from tests.policy.building import (
    NOON,
    authorizer_of,
    decide,
    entity,
    evaluation,
    ids,
    policies_of,
    ref,
)

READERS = 'permit (principal in Group::"readers", action == Action::"read", resource);'


def given_to_the_engine(authorizer: Authorizer, body: dict[str, Any]) -> dict[str, Any]:
    """The entities that the engine is given for an evaluation, by type and id."""
    request = authorizer.mapping.request(evaluation_from(body))
    chosen = authorizer.slice_of(request)
    texts = filter(None, authorizer.reader.texts(request, chosen, request.context))
    found = [orjson.loads(text) for text in texts]
    return {
        f"{each['uid']['type']} {each['uid']['id']}": {
            **each["attrs"],
            **({"tags": each["tags"]} if "tags" in each else {}),
            "parents": [parent["id"] for parent in each["parents"]],
        }
        for each in found
    }


# What decides


def test_what_no_policy_matches_is_denied_without_asking() -> None:
    answer = decide(authorizer_of([READERS]), evaluation(action="write"))
    assert (answer.allowed, answer.determining, answer.errors) == (False, (), ())
    assert answer.slice.policies == ()
    assert answer.slice.compiled is None


def test_without_any_policy_all_is_denied() -> None:
    assert not decide(authorizer_of([]), evaluation()).allowed


def test_a_forbid_overrides_and_is_named() -> None:
    authorizer = authorizer_of(
        [
            "permit (principal, action, resource);",
            '@id("no plans") forbid (principal, action, resource == Doc::"plan");',
        ]
    )
    assert ids(decide(authorizer, evaluation())) == ["no plans"]
    assert ids(decide(authorizer, evaluation(resource=("doc", "other")))) == ["p0"]


def test_membership_reaches_over_entities_that_are_not_sent() -> None:
    entities = [
        entity(("User", "alice"), [("Group", "team")]),
        entity(("Group", "team"), [("Group", "readers")]),
    ]
    assert decide(authorizer_of([READERS], entities), evaluation()).allowed
    assert not decide(authorizer_of([READERS], entities[:1]), evaluation()).allowed


def test_a_failing_condition_is_reported_and_does_not_count() -> None:
    authorizer = authorizer_of(
        [
            "permit (principal, action, resource);",
            "forbid (principal, action, resource) when { principal.blocked };",
        ]
    )
    answer = decide(authorizer, evaluation(subject_properties={"a": 1}))
    assert answer.allowed
    ((policy, text),) = answer.errors
    assert policy is not None and policy.id == "p1"
    assert text == '`User::"alice"` does not have the attribute `blocked`'


def test_a_linked_template_decides_and_is_named() -> None:
    policies = policies_of(
        '@id("share") permit (principal == ?principal, action, resource == ?resource);'
    )
    link = TemplateLink(policies[0], ("User", "alice"), ("Doc", "plan"))
    authorizer = authorizer_of((), policies=policies, links=[link])
    assert ids(decide(authorizer, evaluation())) == ["share"]
    assert not decide(authorizer, evaluation(subject=("user", "bob"))).allowed


def test_an_answer_fixed_by_the_heads_holds_only_where_they_match() -> None:
    texts = [READERS, 'forbid (principal, action, resource in Folder::"secret") unless { false };']
    entities = [
        entity(("User", "alice"), [("Group", "readers")]),
        entity(("Doc", "hidden"), [("Folder", "secret")]),
    ]
    authorizer = authorizer_of(texts, entities)
    for _ in range(2):
        assert ids(decide(authorizer, evaluation())) == ["p0"]
        assert ids(decide(authorizer, evaluation(resource=("doc", "hidden")))) == ["p1"]
        assert not decide(authorizer, evaluation(subject=("user", "bob"))).allowed
    assert decide(authorizer, evaluation()).slice.is_fixed


# Attributes from the request


def test_properties_lie_over_stored_attributes_for_one_evaluation() -> None:
    condition = "when { principal.level > 3 && principal.team == resource.team };"
    entities = [
        entity(("User", "alice"), level=1, team="a"),
        entity(("Doc", "plan"), team="a"),
    ]
    authorizer = authorizer_of([f"permit (principal, action, resource) {condition}"], entities)
    assert not decide(authorizer, evaluation()).allowed
    assert decide(authorizer, evaluation(subject_properties={"level": 4})).allowed
    assert not decide(
        authorizer, evaluation(subject_properties={"level": 4}, resource_properties={"team": "b"})
    ).allowed
    assert not decide(authorizer, evaluation()).allowed


def test_properties_are_all_there_is_of_an_entity_not_stored() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { principal.a == 1 && !(principal has b) };"]
    )
    assert decide(authorizer, evaluation(subject_properties={"a": 1})).allowed
    answer = decide(authorizer, evaluation())
    assert answer.errors[0][1] == 'entity `User::"alice"` does not exist'


def test_properties_are_seen_where_the_entity_is_reached_another_way() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { resource.owner.level == 9 };"],
        [entity(("Doc", "plan"), owner=ref("User", "alice")), entity(("User", "alice"), level=1)],
    )
    assert decide(authorizer, evaluation(subject_properties={"level": 9})).allowed
    assert not decide(authorizer, evaluation()).allowed


def test_properties_never_change_who_is_in_what() -> None:
    entities = [entity(("User", "alice"), [("Group", "readers")])]
    authorizer = authorizer_of([READERS], entities)
    forged = {
        "parents": ["x"],
        "uid": {"type": "User", "id": "root"},
        "attrs": {},
        "tags": {"a": 1},
    }
    assert decide(authorizer, evaluation(subject_properties=forged)).allowed
    bob = evaluation(subject=("user", "bob"), subject_properties=forged)
    assert not decide(authorizer, bob).allowed


def test_one_entity_may_be_subject_and_resource() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { principal.a == 1 && resource.b == 2 };"],
        [entity(("User", "alice"), a=1, b=2)],
    )
    assert decide(authorizer, evaluation(resource=("user", "alice"))).allowed


# What only the server says


def test_now_is_seen_by_policies_that_ask_for_it() -> None:
    authorizer = authorizer_of(
        [
            'permit (principal, action, resource) when { context.now < datetime("2026-03-01T12:00:00Z") };'
        ]
    )
    early = datetime(2026, 3, 1, 13, 59, 59, tzinfo=timezone(timedelta(hours=2)))
    assert decide(authorizer, evaluation(), now=early).allowed
    assert not decide(authorizer, evaluation(), now=datetime(2026, 3, 1, 12, tzinfo=UTC)).allowed


@pytest.mark.parametrize("member", ["caller", "approval", "request"])
def test_facts_come_from_the_server_alone(member: str) -> None:
    authorizer = authorizer_of(
        [f'permit (principal, action, resource) when {{ context.{member}.id == "x" }};']
    )
    said = evaluation(context={member: {"id": "x"}})
    argument = {"caller": "caller", "approval": "approval", "request": "request_facts"}[member]
    answer = decide(authorizer, said)
    assert not answer.allowed
    assert answer.errors[0][1] == f"record does not have the attribute `{member}`"
    assert decide(authorizer, said, **{argument: {"id": "x"}}).allowed
    assert not decide(authorizer, said, **{argument: {"id": "y"}}).allowed


def test_a_policy_that_takes_the_whole_context_sees_all_of_it() -> None:
    text = 'context == {a: 1, caller: {id: "c"}, now: datetime("2026-03-01T12:00:00Z")}'
    authorizer = authorizer_of([f"permit (principal, action, resource) when {{ {text} }};"])
    body = evaluation(context={"a": 1})
    assert decide(authorizer, body, caller={"id": "c"}).allowed
    assert not decide(authorizer, body).allowed


def test_the_slice_tells_what_its_conditions_read() -> None:
    approved = 'context.approval.template == "m" && context.now > context.since'
    authorizer = authorizer_of(
        [
            "permit (principal, action, resource) when { context.ip == principal.ip };",
            f'@approval("m") permit (principal, action, resource) when {{ {approved} }};',
        ]
    )
    chosen = decide(authorizer, evaluation()).slice
    assert chosen.context_members == {"ip", "approval", "now", "since"}
    assert chosen.templates == ("m",)
    assert (chosen.reads_now, chosen.reads_caller, chosen.reads_approval) == (True, False, True)


# What the engine is given


WIDE = entity(("User", "alice"), [("Group", "a"), ("Group", "b")], x=1, y=2, z=3)


def test_only_attributes_and_ancestors_that_matter_are_given() -> None:
    authorizer = authorizer_of(
        ['permit (principal in Group::"a", action, resource) when { principal.x == 1 };'],
        [WIDE, entity(("Doc", "plan"), [("Folder", "f")], title="t")],
    )
    assert given_to_the_engine(authorizer, evaluation()) == {
        "User alice": {"x": 1, "parents": ["a"]}
    }


def test_nothing_is_given_where_only_names_are_compared() -> None:
    authorizer = authorizer_of(
        ['permit (principal == User::"alice", action, resource) when { context.a == resource };'],
        [WIDE, entity(("Doc", "plan"), title="t")],
    )
    assert given_to_the_engine(authorizer, evaluation()) == {}


def test_all_ancestors_are_given_where_data_says_which_matter() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { principal in resource.readers };"],
        [WIDE, entity(("Doc", "plan"), readers=[ref("Group", "b")], title="t")],
    )
    assert given_to_the_engine(authorizer, evaluation()) == {
        "User alice": {"parents": ["a", "b"]},
        "Doc plan": {"readers": [ref("Group", "b")], "parents": []},
    }
    assert decide(authorizer, evaluation()).allowed


def test_what_references_lead_to_is_given_as_far_as_it_is_read() -> None:
    boss = {**entity(("User", "boss"), [("Group", "b")], x=1, y=2), "tags": {"t": 1, "u": 2}}
    plan = entity(("Doc", "plan"), meta={"owner": ref("User", "alice")})
    alice = entity(("User", "alice"), boss=ref("User", "boss"), other=ref("User", "unread"))
    unread = entity(("User", "unread"), x=1)
    authorizer = authorizer_of(
        [
            "permit (principal, action, resource) when { resource.meta.owner.boss.x == 1 };",
            'permit (principal, action, resource) when { resource.meta.owner.boss.hasTag("t") };',
        ],
        [boss, plan, alice, unread],
    )
    assert given_to_the_engine(authorizer, evaluation(subject=("user", "x"))) == {
        "Doc plan": {"meta": {"owner": ref("User", "alice")}, "parents": []},
        "User alice": {"boss": ref("User", "boss"), "parents": []},
        "User boss": {"x": 1, "tags": {"t": 1, "u": 2}, "parents": []},
    }
    assert ids(decide(authorizer, evaluation(subject=("user", "x")))) == ["p0", "p1"]


def test_circles_of_references_come_to_an_end() -> None:
    ring = [entity(("User", name), friend=ref("User", other)) for name, other in ("ab", "ba")]
    condition = "principal" + ".friend" * 9 + ' == User::"b"'
    authorizer = authorizer_of(
        [f"permit (principal, action, resource) when {{ {condition} }};"], ring
    )
    assert decide(authorizer, evaluation(subject=("user", "a"))).allowed


# Schemas


SCHEMA = """
namespace Bank {
  entity Group;
  entity User in [Group] { boss?: User, seen?: Set<ipaddr>, limits?: { most: decimal } } tags User;
  action reading;
  action read in [reading] appliesTo { principal: User, resource: User };
  action write appliesTo { principal: User, resource: User };
}
"""


def test_groups_of_actions_come_from_the_schema() -> None:
    text = 'permit (principal, action in Bank::Action::"reading", resource);'
    authorizer = authorizer_of([text], schema=SCHEMA)
    body = {"subject": ("user", "a"), "resource": ("user", "b")}
    assert decide(authorizer, evaluation(**body)).allowed
    assert not decide(authorizer, evaluation(action="write", **body)).allowed
    asked = f'{text[:-1]} when {{ action in Bank::Action::"reading" }};'
    assert decide(authorizer_of([asked], schema=SCHEMA), evaluation(**body)).allowed


def test_groups_of_actions_come_from_stored_entities_too() -> None:
    text = 'permit (principal, action in Action::"all", resource) when { action in Action::"all" };'
    entities = [entity(("Bank::Action", "reading"), [("Action", "all")])]
    authorizer = authorizer_of([text], entities, schema=SCHEMA)
    assert decide(authorizer, evaluation(subject=("user", "a"), resource=("user", "b"))).allowed
    assert authorizer_of([text], [entity(("Action", "x"), [("Action", "all")])]).action_names() == [
        "all"
    ]


def test_stored_entities_may_be_written_as_the_schema_allows() -> None:
    conditions = [
        'principal.boss.boss == Bank::User::"c"',
        'principal.seen.contains(ip("10.0.0.1"))',
        'principal.limits.most == decimal("2.5")',
        'principal.getTag("deputy").boss == Bank::User::"c"',
    ]
    implicit = {
        **entity(
            ("Bank::User", "a"),
            boss={"type": "Bank::User", "id": "b"},
            seen=["10.0.0.1", {"__extn": {"fn": "ip", "arg": "10.0.0.2"}}],
            limits={"most": {"fn": "decimal", "arg": "2.5"}},
        ),
        "tags": {"deputy": {"type": "Bank::User", "id": "b"}},
    }
    entities = [implicit, entity(("Bank::User", "b"), boss=ref("Bank::User", "c"))]
    texts = [f"permit (principal, action, resource) when {{ {each} }};" for each in conditions]
    authorizer = authorizer_of(texts, entities, schema=SCHEMA)
    answer = decide(authorizer, evaluation(subject=("user", "a"), resource=("user", "z")))
    assert ids(answer) == ["p0", "p1", "p2", "p3"]
    assert answer.errors == ()


# Many at once


def many(authorizer: Authorizer, bodies: list[dict[str, Any]]) -> list[bool]:
    """The decisions of a batch, which are those of its items one by one."""
    requests = [authorizer.mapping.request(evaluation_from(body)) for body in bodies]
    together = authorizer.decide_many(requests, now=NOON, caller={"id": "c"})
    alone = [authorizer.decide(each, now=NOON, caller={"id": "c"}) for each in requests]
    assert [answer[:3] for answer in together] == [answer[:3] for answer in alone]
    return [answer.allowed for answer in together]


def test_a_batch_keeps_its_order_over_slices() -> None:
    texts = [
        'permit (principal, action == Action::"read", resource) when { resource.open };',
        'permit (principal, action == Action::"write", resource) when { context.caller.id == "c" };',
        'permit (principal, action == Action::"list", resource);',
    ]
    docs = [entity(("Doc", str(n)), open=n % 2 == 0) for n in range(10)]
    actions = ["read", "write", "none", "list", ""]
    bodies = [evaluation(action=actions[n % 5], resource=("doc", str(n))) for n in range(10)]
    bodies += [evaluation(subject=("", "x")), evaluation(resource=("doc", "2"))]
    assert many(authorizer_of(texts, docs), bodies) == [
        *((n % 5 == 0 and n % 2 == 0) or n % 5 in (1, 3) for n in range(10)),
        False,
        True,
    ]


def test_properties_of_one_item_are_not_seen_by_another() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { principal.a == 1 || resource.b.a == 1 };"],
        [entity(("User", "alice"), a=0), entity(("Doc", "plan"), b=ref("User", "alice"))],
    )
    levels = [1, 0, None, 1, 2, 1]
    bodies = [evaluation(subject_properties={} if a is None else {"a": a}) for a in levels]
    bodies.append(evaluation(subject=("user", "bob"), subject_properties={"a": 3}))
    assert many(authorizer, bodies) == [True, False, False, True, False, True, False]


def test_an_entity_may_be_subject_of_one_item_and_resource_of_another() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { principal.a == 1 && resource.b == 1 };"],
        [entity(("User", "x"), a=1, b=1), entity(("User", "y"), a=1, b=2)],
    )
    pairs = [("x", "y"), ("y", "x"), ("x", "x"), ("y", "y")]
    bodies = [evaluation(subject=("user", a), resource=("user", b)) for a, b in pairs]
    assert many(authorizer, bodies) == [False, True, True, False]


def test_an_empty_batch_is_empty() -> None:
    assert authorizer_of([READERS]).decide_many([], now=NOON) == []


# Names


def test_names_for_searches() -> None:
    authorizer = authorizer_of(
        ['permit (principal, action in [Bank::Action::"read"], resource);'],
        [entity(("Bank::User", name)) for name in "ba"],
        schema=SCHEMA,
        names=NameMap({"person": "Bank::User"}, {"can_read": ("Bank::Action", "read")}),
    )
    assert authorizer.action_names() == ["can_read", "write"]
    assert authorizer.entity_ids("person") == ["a", "b"]
    assert authorizer.entity_ids("user") == ["a", "b"]
    assert authorizer.entity_ids("stranger") == []


def test_types_known_only_from_entities_are_taken_by_name() -> None:
    authorizer = authorizer_of(
        ["permit (principal, action, resource) when { principal.a };"],
        [entity(("user", "alice"), a=True)],
    )
    assert decide(authorizer, evaluation()).allowed


def test_every_snapshot_of_entities_has_its_own_version() -> None:
    one, other = (authorizer_of([READERS], [entity(("User", "alice"))]) for _ in range(2))
    assert one.entity_version != other.entity_version
    assert one.version == other.version == "test"

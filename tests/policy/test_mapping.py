"""AuthZEN names and values to Cedar's, and back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.authzen import evaluation_from
from pdp.policy import engine
from pdp.policy.mapping import CedarRequest, Mapping, NameMap
from pdp.policy.names import cedar_literal, is_cedar_type
from pdp.policy.schema import parse_schema
from tests.examples import times
from tests.policy.building import authorizer_of, decide, evaluation, ref

SCHEMA = parse_schema("""
namespace Bank {
  type Limits = { daily: Long, per_currency: Set<{ currency: String, most: decimal }> };
  entity Group;
  entity User in [Group] {
    name: String, age: Long, active: Bool, boss?: User, friends: Set<User>,
    balance?: decimal, address?: ipaddr, born?: datetime, session?: duration, limits?: Limits
  };
  entity AccessRequest;
  action read, "odd name" appliesTo {
    principal: User, resource: [User, AccessRequest],
    context: { reader?: User, since?: datetime, action?: { amount: decimal } }
  };
}
""")


def mapped(mapping: Mapping | None = None, **parts: Any) -> CedarRequest:
    return (mapping or Mapping()).request(evaluation_from(evaluation(**parts)))


def attributes(properties: dict[str, Any], mapping: Mapping | None = None) -> tuple[Any, list[str]]:
    """What becomes of the properties of a user, and what is left out."""
    found = mapped(mapping, subject_properties=properties)
    return found.overlays.get(found.principal_uid), list(found.dropped)


BANK = Mapping(schema=SCHEMA)


# Names


@pytest.mark.parametrize(
    ("name", "cedar"),
    [
        ("user", "User"),
        ("User", "User"),
        ("access_request", "AccessRequest"),
        ("access-request", "AccessRequest"),
        ("accessRequest", "AccessRequest"),
        ("Bank::user", "Bank::User"),
        ("known_as_it_is", "known_as_it_is"),
        ("renamed", "Other::Name"),
    ],
)
def test_types_without_a_schema(name: str, cedar: str) -> None:
    mapping = Mapping(NameMap({"renamed": "Other::Name"}, {}), types=["known_as_it_is"])
    assert mapping.entity_type(name) == cedar


@pytest.mark.parametrize(
    ("name", "cedar"),
    [
        ("user", "Bank::User"),
        ("User", "Bank::User"),
        ("Bank::User", "Bank::User"),
        ("access_request", "Bank::AccessRequest"),
        ("stranger", "Stranger"),
    ],
)
def test_types_of_a_namespace_are_found_where_they_are_unambiguous(name: str, cedar: str) -> None:
    assert BANK.entity_type(name) == cedar


def test_a_type_in_two_namespaces_is_in_neither() -> None:
    mapping = Mapping(types=["A::User", "B::User"])
    assert mapping.entity_type("user") == "User"
    assert mapping.entity_type("A::User") == "A::User"


@pytest.mark.parametrize(
    ("cedar", "name"),
    [("User", "user"), ("AccessRequest", "access_request"), ("Other::Name", "renamed")],
)
def test_types_lead_back(cedar: str, name: str) -> None:
    assert Mapping(NameMap({"renamed": "Other::Name"}, {})).authzen_type(cedar) == name


@settings(deadline=None)
@given(
    st.from_regex(r"([A-Za-z_][A-Za-z0-9_]{0,6}::){0,2}[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
)
def test_what_a_type_is_called_leads_back_to_it(cedar: str) -> None:
    mapping = Mapping(types=[cedar])
    assert mapping.entity_type(mapping.authzen_type(cedar)) == cedar


def test_actions() -> None:
    names = NameMap({}, {"can_read": ("Bank::Action", "read")})
    mapping = Mapping(names, SCHEMA, actions=[("A::Action", "x"), ("B::Action", "x")])
    assert mapping.action_uid("can_read") == ("Bank::Action", "read")
    assert mapping.action_uid("odd name") == ("Bank::Action", "odd name")
    assert mapping.action_uid("x") == ("Action", "x")
    assert mapping.action_uid("never heard of") == ("Action", "never heard of")
    assert mapping.action_name(("Bank::Action", "read")) == "can_read"
    assert mapping.action_name(("Bank::Action", "odd name")) == "odd name"
    assert mapping.known_action_names() == ["can_read", "odd name"]


def test_an_action_without_namespace_wins_over_those_with_one() -> None:
    mapping = Mapping(actions=[("A::Action", "x"), ("Action", "x")])
    assert mapping.action_uid("x") == ("Action", "x")


def test_a_mapping_learns_types_and_actions() -> None:
    mapping = Mapping()
    assert mapping.knowing([], []) is mapping
    wiser = mapping.knowing(["user"], [("N::Action", "read")])
    assert wiser.entity_type("user") == "user"
    assert wiser.action_uid("read") == ("N::Action", "read")
    assert mapping.entity_type("user") == "User"


@pytest.mark.parametrize("name", ["", " ", "::", "日本", "1", "A::", "🙂", '"', "-"])
def test_a_type_that_cedar_cannot_name_is_a_plain_denial(name: str) -> None:
    authorizer = authorizer_of(["permit (principal, action, resource);"])
    for parts in ({"subject": (name, "x")}, {"resource": (name, "x")}):
        answer = decide(authorizer, evaluation(**parts, subject_properties={"a": 1}))
        assert (answer.allowed, answer.determining, answer.errors) == (False, (), ())


@times(2)
@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_any_names_and_ids_are_decided_without_a_fault(
    kind: str, name: str, action: str, other: str
) -> None:
    permit = "permit (principal, action, resource)"
    authorizer = authorizer_of(
        [f"{permit} when {{ principal has a && context has b }};", f"{permit};"]
    )
    body = evaluation((kind, name), action, ("doc", other), subject_properties={"a": 1})
    request = authorizer.mapping.request(evaluation_from(body))
    answer = decide(authorizer, body)
    assert answer.allowed is request.representable
    assert answer.errors == ()
    assert request.representable is is_cedar_type(request.principal_uid[0])


@settings(deadline=None)
@given(st.text(max_size=20))
def test_a_literal_is_read_by_cedar_as_the_same_entity(name: str) -> None:
    text = f"permit (principal == {cedar_literal(('User', name))}, action, resource);"
    (parsed,) = engine.parse_policies(text)
    assert parsed.est["principal"]["entity"] == {"type": "User", "id": name}


@settings(deadline=None)
@given(st.from_regex(r"(::)?[A-Za-z_:0-9 é]{0,9}(in|has|__cedar)?", fullmatch=True))
def test_type_names_are_those_that_cedar_takes(name: str) -> None:
    request = {
        "principal": {"type": name, "id": ""},
        "action": {"type": "Action", "id": ""},
        "resource": {"type": "A", "id": ""},
    }
    answer = engine.authorize(engine.compile_policies([]), "[]", request)
    assert is_cedar_type(name) is (answer.errors == ())


# Values without a schema


def test_plain_values_pass_as_they_are() -> None:
    values = {
        "text": "x",
        "yes": True,
        "number": -(2**63),
        "list": [1, "x", [True]],
        "record": {"a": {"b": 1}},
        "": "empty name",
    }
    assert attributes(values) == (values, [])


def test_what_cedar_cannot_hold_is_left_out_and_named() -> None:
    values = {
        "null": None,
        "fraction": 1.5,
        "huge": 2**63,
        "float_huge": 1e300,
        "list": [1, None, 2.5, {"x": None, "y": 1}],
        "a/b": {"~": None, "kept": 1},
    }
    kept, dropped = attributes(values)
    assert kept == {"list": [1, {"y": 1}], "a/b": {"kept": 1}}
    at = "/subject/properties"
    assert dropped == [
        f"{at}/null",
        f"{at}/fraction",
        f"{at}/huge",
        f"{at}/float_huge",
        f"{at}/list/1",
        f"{at}/list/2",
        f"{at}/list/3/x",
        f"{at}/a~1b/~0",
    ]


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert attributes({"a": 5.0, "b": 1e3}) == ({"a": 5, "b": 1000}, [])


ESCAPES: list[Any] = [
    {"__entity": {"type": "User", "id": "root"}},
    {"__extn": {"fn": "ip", "arg": "1.2.3.4"}},
    {"__expr": 'User::"root"'},
    [{"__entity": {"type": "User", "id": "root"}}],
    {"deeper": {"__entity": {"type": "User", "id": "root"}}},
]


@pytest.mark.parametrize("value", ESCAPES)
def test_nobody_can_write_references_by_hand(value: Any) -> None:
    root = 'User::"root"'
    asked = [f"context.a == {root}", f"principal.a == {root}", f"context.a.deeper == {root}"]
    asked += [f"context.a == [{root}]", f"context.action.a == {root}"]
    authorizer = authorizer_of(
        [f"permit (principal, action, resource) when {{ {condition} }};" for condition in asked]
    )
    body = evaluation(
        subject_properties={"a": value, **_record(value)},
        action_properties={"a": value},
        context={"a": value, **_record(value)},
    )
    request = authorizer.mapping.request(evaluation_from(body))
    assert "__e" not in repr((request.context, request.overlays))
    assert request.dropped
    answer = decide(authorizer, body)
    assert not answer.allowed
    assert all(policy is not None for policy, _ in answer.errors)


def _record(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["a", "b", "type", "id", "fn", "arg", "__entity", "__extn", "__expr", ""]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
json_objects = st.dictionaries(
    st.sampled_from(["name", "age", "boss", "friends", "balance", "address", "born", "session"])
    | st.sampled_from(["limits", "x", "__entity", "__extn", "reader", "since", "action", "now"]),
    json_values | st.sampled_from(["1.5", "10.0.0.1/8", "2024-01-01", "1h", {"id": "x"}]),
    max_size=5,
)


@pytest.mark.requirement("AZ-003")
@times(2)
@given(json_objects, json_objects, json_objects, st.booleans())
def test_whatever_is_sent_the_engine_can_read_it(
    properties: dict[str, Any], action: dict[str, Any], context: dict[str, Any], with_schema: bool
) -> None:
    authorizer = authorizer_of(
        [
            "permit (principal, action, resource) when { context == {} || context != {} };",
            "forbid (principal, action, resource) when { " + _all_attributes() + " };",
        ],
        schema=SCHEMA if with_schema else None,
    )
    answer = decide(
        authorizer,
        evaluation(
            subject_properties=properties,
            resource=("user", "bob"),
            resource_properties=properties,
            action_properties=action,
            context=context,
        ),
    )
    assert answer.allowed
    assert answer.errors == ()


def _all_attributes() -> str:
    names = ["name", "age", "boss", "friends", "balance", "address", "born", "session", "limits"]
    names += ["x", "reader", "since", "action", "now"]
    return " && ".join(f"(principal has {name} && resource has {name})" for name in names) + (
        " && false"
    )


# Values by the schema


@pytest.mark.parametrize(
    ("given_values", "kept"),
    [
        ({"boss": "bob"}, {"boss": ref("Bank::User", "bob")}),
        ({"boss": {"type": "user", "id": "bob"}}, {"boss": ref("Bank::User", "bob")}),
        ({"boss": {"type": "Bank::User", "id": "bob"}}, {"boss": ref("Bank::User", "bob")}),
        ({"boss": ref("Bank::User", "bob")}, {"boss": ref("Bank::User", "bob")}),
        (
            {"friends": ["a", {"type": "user", "id": "b"}]},
            {"friends": [ref("Bank::User", "a"), ref("Bank::User", "b")]},
        ),
        ({"age": 7}, {"age": 7}),
        ({"age": 7.0}, {"age": 7}),
        ({"balance": 1.5}, {"balance": {"__extn": {"fn": "decimal", "arg": "1.5000"}}}),
        ({"balance": "2"}, {"balance": {"__extn": {"fn": "decimal", "arg": "2.0000"}}}),
        ({"balance": -3}, {"balance": {"__extn": {"fn": "decimal", "arg": "-3.0000"}}}),
        ({"address": "10.0.0.0/8"}, {"address": {"__extn": {"fn": "ip", "arg": "10.0.0.0/8"}}}),
        (
            {"born": "2024-05-06"},
            {"born": {"__extn": {"fn": "datetime", "arg": "2024-05-06T00:00:00.000Z"}}},
        ),
        (
            {"born": "2024-05-06T07:08:09.5+02:00"},
            {"born": {"__extn": {"fn": "datetime", "arg": "2024-05-06T05:08:09.500Z"}}},
        ),
        (
            {"born": 1000},
            {"born": {"__extn": {"fn": "datetime", "arg": "1970-01-01T00:00:01.000Z"}}},
        ),
        ({"session": "1h30m"}, {"session": {"__extn": {"fn": "duration", "arg": "1h30m"}}}),
        ({"session": 90}, {"session": {"__extn": {"fn": "duration", "arg": "90ms"}}}),
        ({"not in the schema": "x"}, {"not in the schema": "x"}),
        (
            {
                "limits": {
                    "daily": 1,
                    "per_currency": [{"currency": "EUR", "most": 5}],
                    "more": True,
                }
            },
            {
                "limits": {
                    "daily": 1,
                    "per_currency": [
                        {"currency": "EUR", "most": {"__extn": {"fn": "decimal", "arg": "5.0000"}}}
                    ],
                    "more": True,
                }
            },
        ),
    ],
)
def test_values_become_what_the_schema_says(
    given_values: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert attributes(given_values, BANK) == (kept, [])


@pytest.mark.parametrize(
    "values",
    [
        {"boss": 7},
        {"boss": {"type": "group", "id": "g"}},
        {"boss": {"id": "bob"}},
        {"boss": {"type": "user", "id": 7}},
        {"friends": "bob"},
        {"age": "7"},
        {"age": 2**63},
        {"age": 7.5},
        {"age": True},
        {"name": 7},
        {"active": "yes"},
        {"balance": "1.00001"},
        {"balance": 1e30},
        {"balance": "1_0"},
        {"balance": True},
        {"balance": "NaN"},
        {"balance": "x"},
        {"address": "10.0.0.0/33"},
        {"address": "::ffff:1.2.3.4"},
        {"address": "fe80::1%eth0"},
        {"address": 7},
        {"born": "2024-05-06T07:08:09"},
        {"born": "yesterday"},
        {"born": 10**18},
        {"born": "0001-01-01T00:00:00+10:00"},
        {"born": True},
        {"session": "1h1d"},
        {"session": ""},
        {"session": "-"},
        {"session": 2**63},
        {"session": "106751991168d"},
        {"limits": [1]},
        {"boss": None},
    ],
    ids=str,
)
def test_what_is_not_of_the_type_is_left_out_and_named(values: dict[str, Any]) -> None:
    (name,) = values
    assert attributes(values, BANK) == ({}, [f"/subject/properties/{name}"])


def test_the_context_is_coerced_by_the_action() -> None:
    found = mapped(
        BANK,
        context={"reader": "bob", "since": 0, "other": "x"},
        action_properties={"amount": 2.5, "note": "n"},
    )
    assert found.context == {
        "reader": ref("Bank::User", "bob"),
        "since": {"__extn": {"fn": "datetime", "arg": "1970-01-01T00:00:00.000Z"}},
        "other": "x",
        "action": {"amount": {"__extn": {"fn": "decimal", "arg": "2.5000"}}, "note": "n"},
    }
    assert found.action_uid == ("Bank::Action", "read")


def test_reserved_members_of_the_context_are_removed() -> None:
    context = {"approval": {}, "request": 1, "now": 2, "caller": "x", "kept": True}
    found = mapped(context=context)
    assert found.context == {"kept": True}
    assert context["now"] == 2


def test_properties_of_the_action_are_in_the_context() -> None:
    found = mapped(context={"action": "mine", "x": 1}, action_properties={"soft": True})
    assert found.context == {"action": {"soft": True}, "x": 1}
    assert mapped(context={"action": "mine"}).context == {"action": "mine"}


def test_subject_and_resource_may_be_one_entity() -> None:
    found = mapped(
        subject=("user", "a"),
        resource=("User", "a"),
        subject_properties={"x": 1, "y": 1},
        resource_properties={"y": 2},
    )
    assert found.overlays == {("User", "a"): {"x": 1, "y": 2}}


def test_a_request_without_values_carries_none() -> None:
    found = mapped(subject_properties={}, context={})
    assert (found.context, found.overlays, found.dropped) == ({}, {}, ())
    assert (found.principal, found.action, found.resource) == (
        'User::"alice"',
        'Action::"read"',
        'Doc::"plan"',
    )


@pytest.mark.parametrize("function", ["decimal", "ip", "datetime", "duration"])
@times(1.5)
@given(data=st.data())
def test_what_is_passed_on_as_an_extension_is_one(function: str, data: st.DataObject) -> None:
    attribute = {"decimal": "balance", "ip": "address", "datetime": "born", "duration": "session"}
    texts = {
        "decimal": st.from_regex(r"[-+]?[0-9_.eE]{0,22}", fullmatch=True) | st.floats().map(str),
        "ip": st.ip_addresses().map(str)
        | st.from_regex(r"[0-9a-f:.]{1,20}(/[0-9]{0,3})?", fullmatch=True),
        "datetime": st.datetimes().map(lambda moment: moment.isoformat() + "Z")
        | st.from_regex(r"[0-9]{4}-?[0-9W]{2}-?[0-9]{2}(T[0-9:.]{0,15})?(Z|[+-][0-9:]{0,8})?"),
        "duration": st.from_regex(r"-?([0-9]{0,20}(d|h|m|s|ms)){0,5}", fullmatch=True),
    }
    value = data.draw(texts[function] | st.integers() | st.floats(allow_nan=False))
    kept, dropped = attributes({attribute[function]: value}, BANK)
    assert bool(kept) is not bool(dropped)
    if kept:
        engine.check_entities(
            [{"uid": {"type": "Bank::User", "id": "a"}, "attrs": kept, "parents": []}]
        )


def test_requests_that_share_a_context_are_mapped_as_each_alone() -> None:
    context = {"since": "2026-05-01T00:00:00Z", "reader": None}
    asked = [
        evaluation_from(evaluation(action=action, context=context, subject_properties=properties))
        for action in ("read", "odd name", "unknown", "read")
        for properties in ({}, {"age": 1.5})
    ]
    mapping = Mapping(schema=SCHEMA)
    assert mapping.requests(asked) == [mapping.request(each) for each in asked]

"""Our reading of Cedar schemas against the engine's own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.policy import engine
from pdp.policy.schema import (
    Attribute,
    EntityRef,
    Extension,
    Primitive,
    Record,
    Schema,
    SchemaFault,
    SchemaFile,
    SetOf,
    parse_schema,
)

LONG, STRING, BOOL = Primitive("Long"), Primitive("String"), Primitive("Bool")


def engine_accepts(text: str) -> bool:
    try:
        engine.check_schema(text)
    except engine.CedarSyntaxError:
        return False
    return True


ACCEPTED = [
    "",
    "// nothing but a comment\n",
    "entity User;",
    "entity A, B in [C] = { a: Long, b?: Set<String> } tags Set<A>; entity C;",
    "entity A in B; entity B { x: __cedar::Long };",
    "entity A { a: { b: { c?: Bool } }, d: Set<Set<{ e: A }>>, };",
    'entity Color enum ["red", "green \\u{1F600}"];',
    "entity A tags { a: Long };",
    '@doc("people") @internal entity A { @doc("x") x: Long, @y y: Long };',
    "entity A { decimal: decimal, ip: ipaddr, at: datetime, d: duration };",
    'entity A { "with space": Long, "q\\"uote"?: Long, if_: Long };',
    (
        "type T = { a: Long }; entity A { t: T }; action x appliesTo "
        "{ principal: A, resource: [A], context: T };"
    ),
    'action "x y", z in [g, "h i", Action::"j"]; action g, "h i", j;',
    "entity A; action x appliesTo { resource: A, principal: A, };",
    "entity A; action x appliesTo { principal: A, resource: A, context: {}, };",
    'namespace N { entity A; action x in [Action::"y", N::Action::"z"]; action z; } action y;',
    "entity A; namespace N { entity B in A { a: A, b: N::B }; }",
    "namespace N::M { type T = Set<U>; type U = Long; entity A { t: T, u: N::M::U }; }",
    "entity Long; entity B { x: Long, y: __cedar::Long };",
    "entity entity; entity type; entity Set { x: type, y: Set<type>, z: entity };",
    "entity action, namespace, tags, appliesTo, context, principal, resource, enum;",
    "entity A { x: Long, x: String };",
    "type A = B; type B = Set<C>; entity C { a: A };",
    "@if @in entity A;",
]

REFUSED = [
    "entity A",
    "entity A;;",
    "entity A { x: };",
    "entity A { x Long };",
    "entity A in [B];",
    "entity A { x: Boolean };",
    "entity A; entity A;",
    "entity in;",
    "entity A { has: Long };",
    "type T = T;",
    "type A = Set<B>; type B = A;",
    "action a in [nowhere];",
    "action a appliesTo { principal: A, resource: A };",
    "entity A; action a appliesTo { principal: A, resource: A, context: A };",
    "entity A { x: Set<Long };",
    'entity A enum ["a" "b"];',
    "namespace N { entity A; ",
    'entity A { "\\q": Long };',
    "frobnicate A;",
    "entity A { x: Long } tags;",
    "action a, a;",
    "namespace N { entity X in M::Y; }",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_the_engine_accepts_is_read(text: str) -> None:
    assert engine_accepts(text)
    parse_schema(text)


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_right_is_refused_with_a_place(text: str) -> None:
    assert not engine_accepts(text)
    with pytest.raises(SchemaFault) as caught:
        parse_schema(text)
    assert 0 <= caught.value.span.start <= caught.value.span.end <= len(text)


def test_names_are_looked_up_in_their_own_namespace_first() -> None:
    schema = parse_schema(
        "entity User; entity Shared; namespace Bank {"
        " entity Account in [Owner] { owner: Owner, by: User, at: Shared }; entity Owner;"
        " action close in [all] appliesTo { principal: Owner, resource: Account };"
        " action all; } "
    )
    account = schema.entity_types["Bank::Account"]
    assert account.member_of == ("Bank::Owner",)
    assert account.shape.attributes == {
        "owner": Attribute(EntityRef("Bank::Owner"), True),
        "by": Attribute(EntityRef("User"), True),
        "at": Attribute(EntityRef("Shared"), True),
    }
    close = schema.actions[("Bank::Action", "close")]
    assert close.member_of == (("Bank::Action", "all"),)
    assert (close.principals, close.resources) == (("Bank::Owner",), ("Bank::Account",))


def test_common_types_are_replaced_by_what_they_stand_for() -> None:
    schema = parse_schema(
        "type Money = { amount: decimal, currency?: String }; type Bag = Set<Money>;"
        " entity Purse { all: Bag, kind: Long } tags Bag;"
    )
    money = Record(
        {
            "amount": Attribute(Extension("decimal"), True),
            "currency": Attribute(STRING, False),
        }
    )
    assert schema.common_types == {"Money": money, "Bag": SetOf(money)}
    purse = schema.entity_types["Purse"]
    assert purse.tags == SetOf(money)
    assert purse.shape.attributes["all"].type == SetOf(money)


def test_a_declared_name_wins_over_a_builtin_one() -> None:
    schema = parse_schema("entity Long; entity A { x: Long, y: __cedar::Long };")
    assert schema.entity_types["A"].shape.attributes == {
        "x": Attribute(EntityRef("Long"), True),
        "y": Attribute(LONG, True),
    }


def test_groups_of_groups_are_ancestors() -> None:
    schema = parse_schema('action a in b; action b in [c, "d"]; action c, d;')
    assert schema.action_ancestors(("Action", "a")) == {
        ("Action", "b"),
        ("Action", "c"),
        ("Action", "d"),
    }
    assert schema.action_ancestors(("Action", "unknown")) == frozenset()


def test_escapes_and_annotations_are_read() -> None:
    schema = parse_schema('@doc("a\\nb") @x entity E enum ["q\\"\\u{41}\\x42\\\\"];')
    assert schema.entity_types["E"].choices == ('q"AB\\',)
    assert schema.entity_types["E"].annotations == (("doc", "a\nb"), ("x", ""))


def test_what_the_schema_does_not_know_is_none() -> None:
    schema = parse_schema("entity A; action a appliesTo { principal: A, resource: A };")
    assert (schema.shape("B"), schema.context(("Action", "b"))) == (None, None)
    assert (schema.shape("A"), schema.context(("Action", "a"))) == (Record({}), Record({}))


def test_several_files_are_one_schema_and_may_share_a_namespace() -> None:
    one = "entity User; namespace Bank { entity Account { owner: User }; } // the end"
    two = '@doc("more") namespace Bank {\n  action close appliesTo\n'
    two += "    { principal: User, resource: Account };\n} entity Group;"
    schema = parse_schema(one, two)
    engine.check_schema(schema.text)
    assert set(schema.entity_types) == {"User", "Group", "Bank::Account"}
    assert set(schema.actions) == {("Bank::Action", "close")}
    assert parse_schema(schema.text).entity_types == schema.entity_types


def test_a_fault_in_one_of_several_files_names_the_file() -> None:
    with pytest.raises(SchemaFault) as caught:
        parse_schema("entity A;", "entity B", "entity C;")
    assert getattr(caught.value, "index", None) == 1


def test_both_forms_together_are_refused() -> None:
    with pytest.raises(SchemaFault, match="partly"):
        parse_schema(SchemaFile("entity A;"), SchemaFile("{}", is_json=True))


JSON_SCHEMA = {
    "Bank": {
        "commonTypes": {"Money": {"type": "Record", "attributes": {"n": {"type": "Long"}}}},
        "entityTypes": {
            "Account": {
                "memberOfTypes": ["Folder"],
                "shape": {
                    "type": "Record",
                    "attributes": {
                        "owner": {"type": "Entity", "name": "User"},
                        "limit": {"type": "Money", "required": False},
                        "ips": {"type": "Set", "element": {"type": "Extension", "name": "ipaddr"}},
                        "open": {"type": "Boolean"},
                        "either": {"type": "EntityOrCommon", "name": "User"},
                    },
                },
                "tags": {"type": "String"},
            },
            "Folder": {},
            "User": {},
            "Color": {"enum": ["red"]},
        },
        "actions": {
            "close": {
                "memberOf": [{"id": "all"}],
                "appliesTo": {
                    "principalTypes": ["User"],
                    "resourceTypes": ["Account"],
                    "context": {"type": "Record", "attributes": {"mfa": {"type": "Bool"}}},
                },
            },
            "all": {},
        },
    }
}


def test_the_json_form_says_the_same_as_the_text_form() -> None:
    text = (
        "namespace Bank { type Money = { n: Long }; entity Folder, User;"
        ' entity Color enum ["red"];'
        " entity Account in [Folder] { owner: User, limit?: Money, ips: Set<ipaddr>, open: Bool,"
        " either: User } tags String;"
        " action close in [all] appliesTo"
        " { principal: User, resource: Account, context: { mfa: Bool } };"
        " action all; }"
    )
    document = json.dumps(JSON_SCHEMA)
    engine.check_schema(document)
    of_json, of_text = parse_schema(SchemaFile(document, True)), parse_schema(text)
    assert of_json.entity_types == of_text.entity_types
    assert of_json.actions == of_text.actions
    assert of_json.common_types == of_text.common_types
    assert of_json.text == document


def test_json_files_are_joined() -> None:
    other: dict[str, Any] = {
        "Bank": {"entityTypes": {"Card": {}}, "actions": {}},
        "": {"entityTypes": {"X": {}}},
    }
    both = (SchemaFile(json.dumps(JSON_SCHEMA), True), SchemaFile(json.dumps(other), True))
    assert {"Bank::Card", "Bank::User", "X"} <= set(parse_schema(*both).entity_types)
    with pytest.raises(SchemaFault, match="twice"):
        parse_schema(both[0], both[0])


@pytest.mark.parametrize(
    "document",
    ["[]", "{", '{"": 1}', '{"": {"entityTypes": {"A": {"shape": {"type": "Set"}}}}}'],
)
def test_json_that_is_no_schema_is_refused(document: str) -> None:
    with pytest.raises(SchemaFault):
        parse_schema(SchemaFile(document, True))


# ---- laws over generated schemas

NAMES = st.sampled_from(["A", "B", "C", "D", "user", "entity", "type"])
SPACES = st.sampled_from(["", "", "N", "M::N"])


@st.composite
def type_texts(draw: st.DrawFn, known: tuple[str, ...], depth: int = 2) -> str:
    """A type in Cedar schema syntax over the names that are declared."""
    leaves = ["Long", "String", "Bool", "decimal", "ipaddr", "datetime", "duration"]
    leaves += ["__cedar::Long", *known]
    shape = draw(st.sampled_from(["leaf", "leaf", "set", "record"])) if depth else "leaf"
    if shape == "set":
        return f"Set<{draw(type_texts(known, depth - 1))}>"
    if shape == "record":
        return draw(record_texts(known, depth - 1))
    return draw(st.sampled_from(leaves))


@st.composite
def record_texts(draw: st.DrawFn, known: tuple[str, ...], depth: int = 2) -> str:
    """A record type in Cedar schema syntax."""
    names = draw(st.lists(st.sampled_from(["a", "b", '"c d"', "context"]), unique=True, max_size=3))
    parts = [
        f"{name}{draw(st.sampled_from(['', '?']))}: {draw(type_texts(known, depth))}"
        for name in names
    ]
    return "{" + ", ".join(parts) + draw(st.sampled_from(["", ","]) if parts else st.just("")) + "}"


@st.composite
def schema_texts(draw: st.DrawFn) -> str:
    """A schema that the engine may or may not accept: entities, types and actions that refer."""
    pieces = []
    entities = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
    space = draw(SPACES)
    qualified = tuple(f"{space}::{name}" for name in entities) if space else ()
    known = entities + qualified + draw(st.sampled_from([(), ("T",)]))
    for name in entities:
        parent = draw(st.sampled_from(["", f" in {draw(st.sampled_from(entities))}"]))
        shape = draw(st.sampled_from(["", f" = {draw(record_texts(known))}"]))
        tags = draw(st.sampled_from(["", f" tags {draw(type_texts(known))}"]))
        pieces.append(f"entity {name}{parent}{shape}{tags};")
    if "T" in known:
        pieces.append(f"type T = {draw(type_texts(entities))};")
    applies = f" appliesTo {{ principal: {entities[0]}, resource: [{', '.join(entities)}],"
    applies += f" context: {draw(record_texts(known))} }}"
    pieces.append(f'action x, "y z" in [g]{applies}; action g;')
    body = "\n".join(draw(st.permutations(pieces)))
    return f"namespace {space} {{\n{body}\n}}" if space else body


@given(schema_texts())
def test_whatever_the_engine_accepts_we_read_and_mean_the_same(text: str) -> None:
    if not engine_accepts(text):
        return
    schema = parse_schema(text)
    for action in schema.actions.values():
        for principal in action.principals:
            policy = (
                f'permit (principal is {principal}, action == {action.uid[0]}::"{action.uid[1]}",'
                f" resource) when {{ {_reads_everything(schema, action.context)} }};"
            )
            assert engine.validate(policy, text) == [], policy


@given(schema_texts())
def test_entities_made_by_our_reading_conform_for_the_engine(text: str) -> None:
    if not engine_accepts(text):
        return
    schema = parse_schema(text)
    entities = [
        {
            "uid": {"type": name, "id": "e"},
            "attrs": _value(kind.shape),
            "parents": [],
            "tags": {} if kind.tags is None else {"t": _value(kind.tags)},
        }
        for name, kind in schema.entity_types.items()
    ]
    engine.check_entities(entities, text)


def _value(kind: Any) -> Any:
    """A value of a type in Cedar's JSON form."""
    if isinstance(kind, Record):
        return {name: _value(inner.type) for name, inner in kind.attributes.items()}
    if isinstance(kind, SetOf):
        return [_value(kind.element)]
    if isinstance(kind, EntityRef):
        return {"__entity": {"type": kind.name, "id": "e"}}
    if isinstance(kind, Extension):
        texts = {"decimal": "1.5", "ipaddr": "::1", "datetime": "2026-01-01", "duration": "1h"}
        function = "ip" if kind.name == "ipaddr" else kind.name
        return {"__extn": {"fn": function, "arg": texts[kind.name]}}
    return {"Long": 1, "String": "s", "Bool": True}[kind.name]


def _reads_everything(schema: Schema, context: Record) -> str:
    """A condition that is well-typed only if the context has exactly these attributes."""
    terms = ["true"]
    for name, attribute in context.attributes.items():
        access = f"context[{json.dumps(name)}]"
        guard = f"context has {json.dumps(name)} && " if not attribute.required else ""
        terms.append(f"({guard}{_well_typed(access, attribute.type)})")
    return " && ".join(terms)


def _well_typed(access: str, kind: Any) -> str:
    """A condition over a value that is well-typed only if the value has this type."""
    if isinstance(kind, SetOf):
        return f"({access}.isEmpty() || true)"
    if isinstance(kind, EntityRef):
        return f"{access} in {access}"
    if isinstance(kind, Extension) and kind.name == "decimal":
        return f"({access}.lessThan({access}) || true)"
    if isinstance(kind, Record | Extension):
        return f"{access} == {access}"
    tests = {"Long": f"{access} < 9", "String": f'{access} like "*"', "Bool": f"({access} || true)"}
    return tests[kind.name]

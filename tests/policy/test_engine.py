"""The doorway to the Cedar engine."""

import pytest

from pdp.policy import engine
from pdp.policy.engine import CedarSyntaxError, EntityFault, Link

ANY = "permit (principal, action, resource);"
REQUEST = {
    "principal": {"type": "User", "id": "alice"},
    "action": {"type": "Action", "id": "read"},
    "resource": {"type": "Doc", "id": "plan"},
}


def test_policies_and_templates_come_in_the_order_of_the_text() -> None:
    text = "\n".join(
        [
            '@id("first") @flag permit (principal, action, resource);',
            "forbid (principal == ?principal, action, resource);",
            *(f'@id("{number}") {ANY}' for number in range(2, 12)),
        ]
    )
    parsed = engine.parse_policies(text)
    assert [each.index for each in parsed] == list(range(12))
    assert [each.annotations.get("id") for each in parsed][:3] == ["first", None, "2"]
    assert parsed[0].annotations == {"id": "first", "flag": ""}
    assert [each.is_template for each in parsed][:3] == [False, True, False]
    assert [each.effect for each in parsed][:3] == ["permit", "forbid", "permit"]
    assert parsed[11].annotations["id"] == "11"


def test_text_that_is_not_cedar_is_a_syntax_error() -> None:
    with pytest.raises(CedarSyntaxError, match="unexpected token"):
        engine.parse_policies("permit (principal action, resource);")
    with pytest.raises(CedarSyntaxError):
        engine.compile_policies(["permit ("])
    with pytest.raises(CedarSyntaxError):
        engine.format_text("permit (")


@pytest.mark.parametrize(
    "deep",
    [
        " || ".join(["context.a"] * 20_000),
        "(" * 20_000 + "true" + ")" * 20_000,
        "if context.a then true else " * 20_000 + "false",
        "!(" * 20_000 + "true" + ")" * 20_000,
        "{a: " * 20_000 + "1" + "}" * 20_000 + " has b",
        " + ".join(["1"] * 20_000) + " > 1",
    ],
    ids=["or", "parentheses", "if", "not", "record", "sum"],
)
def test_what_is_nested_so_deep_that_the_engine_would_crash_is_refused(deep: str) -> None:
    with pytest.raises(CedarSyntaxError, match="nested deeper"):
        engine.parse_policies(f"permit (principal, action, resource) when {{ {deep} }};")


def test_many_policies_and_long_sets_are_not_deep() -> None:
    names = ", ".join(f'"{number}"' for number in range(5000))
    text = f"permit (principal, action, resource) when {{ [{names}].contains(context.a) }};"
    signs = '"' + "(" * 3000 + '"'
    comment = "// " + "((" * 3000 + "\n"
    quoted = f"{comment}permit (principal, action, resource) when {{ context.a == {signs} }};"
    assert len(engine.parse_policies(text + quoted + (ANY + " // (\n") * 600)) == 602


def test_an_answer_names_the_policies_by_position() -> None:
    handle = engine.compile_policies(
        [ANY, "forbid (principal, action, resource) when { false };", f'@id("x") {ANY}']
    )
    answer = engine.authorize(handle, "[]", REQUEST)
    assert answer.allowed
    assert sorted(answer.reasons) == [0, 2]
    assert answer.errors == ()


def test_a_failing_condition_is_reported_with_its_position() -> None:
    handle = engine.compile_policies(
        [ANY, "forbid (principal, action, resource) when { context.a };"]
    )
    answer = engine.authorize(handle, "[]", REQUEST)
    assert answer.allowed
    assert answer.errors == ((1, "record does not have the attribute `a`"),)


def test_what_the_engine_cannot_read_is_a_denial_with_a_reason() -> None:
    handle = engine.compile_policies([ANY])
    bad_type = {**REQUEST, "principal": {"type": "no type", "id": "x"}}
    for request, entities in ((bad_type, "[]"), (REQUEST, "[{}]"), (REQUEST, "nonsense")):
        answer = engine.authorize(handle, entities, request)
        assert not answer.allowed
        assert answer.reasons == ()
        assert [position for position, _ in answer.errors] == [None]


def test_answers_that_read_alike_are_told_apart() -> None:
    handle = engine.compile_policies(
        [ANY, "forbid (principal, action, resource) when {context.a};"]
    )
    asked = [{**REQUEST, "context": f'{{"a": {value}}}'} for value in ("true", "false", "1")]
    answers = engine.authorize_batch(handle, "[]", asked)
    assert [answer.allowed for answer in answers] == [False, True, True]
    assert [answer.reasons for answer in answers] == [(1,), (0,), (0,)]
    assert [len(answer.errors) for answer in answers] == [0, 0, 1]
    assert [engine.authorize(handle, "[]", each) for each in asked] == answers


def test_links_take_the_positions_after_the_texts() -> None:
    template = "permit (principal == ?principal, action, resource in ?resource);"
    links = [Link(1, ("User", "bob"), ("Doc", "plan")), Link(1, ("User", "alice"), ("Doc", "plan"))]
    handle = engine.compile_policies([f"{ANY[:-1]} when {{ false }};", template], links)
    assert engine.authorize(handle, "[]", REQUEST).reasons == (3,)


SCHEMA = """
entity Group;
entity User in [Group] { age: Long, boss?: User };
action read appliesTo { principal: User, resource: User };
"""


def test_validation_names_the_policy_and_what_is_wrong() -> None:
    text = """
    permit (principal, action == Action::"read", resource);
    permit (principal, action == Action::"read", resource) when { principal.name == "x" };
    """
    ((index, message),) = engine.validate(text, SCHEMA)
    assert index == 1
    assert "`name` on entity type `User` not found" in message
    with pytest.raises(CedarSyntaxError):
        engine.validate("permit (", SCHEMA)


def test_a_schema_in_either_form_is_checked() -> None:
    engine.check_schema(SCHEMA)
    engine.check_schema('{"": {"entityTypes": {"User": {}}, "actions": {}}}')
    with pytest.raises(CedarSyntaxError):
        engine.check_schema("entity User in [Nobody];")


@pytest.mark.parametrize(
    ("attributes", "parents", "message"),
    [
        ({"age": "x"}, [], "type mismatch"),
        ({}, [], "to have attribute `age`"),
        ({"age": 1, "boss": "bob"}, [], "expected a literal entity reference"),
        ({"age": 1}, [{"type": "User", "id": "x"}], "not allowed to have an ancestor"),
        ({"age": 1, "odd": 1}, [], "should not exist according to the schema"),
    ],
)
def test_entities_are_refused_with_the_reason_of_the_schema(
    attributes: dict[str, object], parents: list[dict[str, str]], message: str
) -> None:
    bad = {"uid": {"type": "User", "id": 'a\n]: "'}, "attrs": attributes, "parents": parents}
    with pytest.raises(EntityFault, match=message) as caught:
        engine.check_entities([bad], SCHEMA)
    assert "failed to parse" not in str(caught.value)


def test_sound_entities_pass_with_and_without_a_schema() -> None:
    sound = [
        {"uid": {"type": "User", "id": "a"}, "attrs": {"age": 1}, "parents": []},
        {
            "uid": {"type": "User", "id": "b"},
            "attrs": {"age": 2, "boss": {"type": "User", "id": "a"}},
            "parents": [{"type": "Group", "id": "g"}],
        },
    ]
    engine.check_entities(sound, SCHEMA)
    engine.check_entities(sound)


def test_a_circle_of_parents_and_what_is_no_json_are_refused() -> None:
    circle = [
        {"uid": {"type": "G", "id": one}, "attrs": {}, "parents": [{"type": "G", "id": other}]}
        for one, other in ("ab", "ba")
    ]
    with pytest.raises(EntityFault, match="cycle"):
        engine.check_entities(circle)
    with pytest.raises(EntityFault):
        engine.check_entities([{"uid": {"type": "G", "id": "a"}, "attrs": {"x": 2**70}}])
    with pytest.raises(EntityFault, match="null"):
        engine.check_entities(
            [{"uid": {"type": "G", "id": "a"}, "attrs": {"x": None}, "parents": []}]
        )


def test_formatting_keeps_comments() -> None:
    assert engine.format_text("// why\npermit(principal,action,resource);").startswith("// why\n")

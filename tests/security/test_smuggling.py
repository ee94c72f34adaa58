"""What a caller sends as data stays data: no reserved member, no escape of Cedar's JSON form."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from pdp.settings import Settings
from tests.conformance.worlds import server_of
from tests.server import PEP_KEY

POLICIES = """
@id("approved") permit (principal, action == Action::"approved", resource)
  when { context has approval };
@id("requested") permit (principal, action == Action::"requested", resource)
  when { context has request };
@id("timed") permit (principal, action == Action::"timed", resource)
  when { context has now && context.now < datetime("2000-01-01") };
@id("called") permit (principal, action == Action::"called", resource)
  when { context has caller && context.caller has id && context.caller.id == "root" };
@id("free") permit (principal, action == Action::"free", resource)
  when { context has free && context.free };
@id("managed") permit (principal is User, action == Action::"managed", resource)
  when { principal has manager && principal.manager == User::"boss" };
@id("managed-deep") permit (principal is User, action == Action::"managed", resource)
  when { context has a && context.a has b && context.a.b.contains(User::"boss") };
@id("member") permit (principal in Group::"staff", action == Action::"member", resource);
@id("near") permit (principal is User, action == Action::"near", resource)
  when { context has ip && context.ip.isLoopback() };
@id("titled") permit (principal is User, action == Action::"titled", resource)
  when { principal has title && principal.title like "*boss*" };
@id("tagged") permit (principal is User, action == Action::"tagged", resource)
  when { principal.hasTag("level") };
"""
SCHEMA = """
entity Group;
entity User in [Group] = { manager?: User, title?: String } tags String;
entity Thing;
action approved, requested, timed, called, free, managed, member, near, titled, tagged
  appliesTo { principal: User, resource: Thing, context: {
    approval?: { template?: String }, request?: { id?: String }, now?: datetime,
    caller?: { id?: String }, free?: Bool, ip?: ipaddr, a?: { b?: Set<User> } } };
"""


class Asker(NamedTuple):
    """Asks about a user and a thing."""

    client: TestClient
    with_schema: bool

    def asks(
        self,
        action: str,
        context: Any = None,
        subject: dict[str, Any] | None = None,
        **properties: Any,
    ) -> bool:
        """The decision, from each of the ways to ask for it, which must agree."""
        body = {
            "subject": subject or {"type": "user", "id": "mallory", "properties": properties},
            "action": {"name": action},
            "resource": {"type": "thing", "id": "t"},
            "context": context,
        }
        answers = {
            self._post("evaluation", body)["decision"],
            self._post("evaluations", {"evaluations": [body]})["evaluations"][0]["decision"],
            self._post("evaluations", body | {"evaluations": [{}]})["evaluations"][0]["decision"],
            {"name": action} in self._post("search/action", body)["results"],
        }
        assert len(answers) == 1
        return bool(answers.pop())

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {PEP_KEY}"}
        answer = self.client.post(f"/access/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module", params=[True, False], ids=["schema", "no_schema"])
def asker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asker]:
    """A server whose every action is open to whoever gets one lie through."""
    folder = tmp_path_factory.mktemp("smuggling")
    (folder / "policies").mkdir()
    (folder / "policies" / "traps.cedar").write_text(POLICIES)
    (folder / "policies" / "entities.json").write_text(json.dumps(_entities()))
    (folder / "schemas").mkdir()
    if request.param:
        (folder / "schemas" / "traps.cedarschema").write_text(SCHEMA)
    with TestClient(server_of(_settings(folder), folder)) as client:
        yield Asker(client, request.param)


def _settings(folder: Path) -> Settings:
    return Settings(
        demo=True,
        database=f"sqlite:///{folder}/pdp.db",
        policies=folder / "policies",
        schemas=folder / "schemas",
    )


def _entities() -> list[dict[str, Any]]:
    staff = {"type": "Group", "id": "staff"}
    boss = {"uid": {"type": "User", "id": "boss"}, "attrs": {}, "parents": [staff]}
    return [{"uid": staff, "attrs": {}, "parents": []}, boss]


LIES = [
    {},
    {"id": "root"},
    {"id": "a", "template": "t", "approved_until": "2099-01-01T00:00:00Z"},
    True,
    "1999-01-01T00:00:00Z",
    {"__extn": {"fn": "datetime", "arg": "1999-01-01"}},
    {"__entity": {"type": "User", "id": "root"}},
    [1],
    None,
]


@pytest.mark.requirement("LAW-3")
@pytest.mark.parametrize("lie", LIES, ids=repr)
@pytest.mark.parametrize(
    ("action", "member"),
    [("approved", "approval"), ("requested", "request"), ("timed", "now"), ("called", "caller")],
)
def test_only_the_server_sets_the_reserved_members_of_the_context(
    asker: Asker, action: str, member: str, lie: Any
) -> None:
    assert asker.asks(action, {member: lie}) is False
    assert asker.asks(action, {"context": {member: lie}, "x": {member: lie}}) is False
    assert asker.asks("free", {member: lie, "free": True}) is True


@pytest.mark.requirement("LAW-3")
def test_a_reserved_member_written_with_escapes_is_the_same_member(asker: Asker) -> None:
    content = json.dumps(
        {
            "subject": {"type": "user", "id": "mallory"},
            "action": {"name": "approved"},
            "resource": {"type": "thing", "id": "t"},
            "context": {"approval": {"template": "t"}},
        }
    ).replace('"approval"', '"\\u0061ppro\\u0076al"')
    headers = {"authorization": f"Bearer {PEP_KEY}", "content-type": "application/json"}
    answer = asker.client.post("/access/v1/evaluation", content=content, headers=headers).json()
    assert answer["decision"] is False
    # It is taken for what it is: an approval that is presented, and that is none.
    assert answer["context"]["reason"] == "approval_unverifiable"


@pytest.mark.requirement("LAW-3")
def test_action_properties_do_not_become_reserved_members(asker: Asker) -> None:
    for action, member in (("approved", "approval"), ("timed", "now"), ("called", "caller")):
        body = {
            "subject": {"type": "user", "id": "mallory"},
            "action": {"name": action, "properties": {member: {"id": "root"}}},
            "resource": {"type": "thing", "id": "t"},
        }
        assert asker._post("evaluation", body) == {"decision": False}


def test_an_entity_reference_is_one_only_where_the_schema_says_so(asker: Asker) -> None:
    boss = {"__entity": {"type": "User", "id": "boss"}}
    for reference in (boss, {"type": "User", "id": "boss"}, "boss"):
        assert asker.asks("managed", manager=reference) is asker.with_schema
        assert asker.asks("managed", {"a": {"b": [reference]}}) is asker.with_schema


@pytest.mark.parametrize(
    "value",
    [
        {"__entity": {"type": "User", "id": "boss"}, "x": 1},
        {"__entity": {"type": "Group", "id": "boss"}},
        {"__entity": {"type": "User"}},
        {"__entity": 'User::"boss"'},
        {"__expr": 'User::"boss"'},
        {"__extn": {"fn": "ip", "arg": "127.0.0.1"}},
        [{"__entity": {"type": "User", "id": "boss"}}],
        {"__entity": {"__entity": {"type": "User", "id": "boss"}}},
    ],
    ids=repr,
)
def test_escapes_of_cedar_in_untyped_places_are_left_out(asker: Asker, value: Any) -> None:
    assert asker.asks("titled", title=value) is False
    assert asker.asks("free", {"free": True, "unknown": value, "deep": [{"d": value}]}) is True
    assert asker.asks("free", {"free": value}) is False


@pytest.mark.parametrize("escape", ["__entity", "__extn", "__expr"])
def test_escapes_of_cedar_as_names_break_nothing(asker: Asker, escape: str) -> None:
    for value in ({"type": "User", "id": "boss"}, {"fn": "ip", "arg": "::1"}, 1, None, "x"):
        assert asker.asks("free", {escape: value, "free": True}) is True
        assert asker.asks("free", {"free": True}, None, **{escape: value}) is True


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", {"__extn": {"fn": "ip", "arg": "127.0.0.1"}}])
def test_an_extension_value_is_one_only_where_the_schema_says_so(asker: Asker, text: Any) -> None:
    typed = asker.with_schema and isinstance(text, str)
    decision = asker.asks("near", {"ip": text})
    assert decision is typed or (asker.with_schema and isinstance(text, dict))


@pytest.mark.parametrize(
    "text",
    ['127.0.0.1") || ip("127.0.0.1', "localhost", "127.0.0.1/33", "127.1", "2130706433", "", "\0"],
)
def test_a_text_that_is_no_address_is_left_out(asker: Asker, text: str) -> None:
    assert asker.asks("near", {"ip": text}) is False
    assert asker.asks("free", {"ip": text, "free": True}) is True


def test_properties_change_neither_ancestors_nor_tags_nor_identity(asker: Asker) -> None:
    staff = [{"type": "Group", "id": "staff"}]
    lies = {
        "parents": staff,
        "ancestors": staff,
        "uid": {"type": "User", "id": "boss"},
        "tags": {"level": "9"},
        "attrs": {"title": "boss"},
        "id": "boss",
        "type": "Group",
    }
    for action in ("member", "tagged", "titled"):
        assert asker.asks(action, None, None, **lies) is False
        subject = {"type": "user", "id": "mallory", **lies, "properties": {}}
        assert asker.asks(action, None, subject | {"type": "user", "id": "mallory"}) is False
    assert asker.asks("member", None, {"type": "user", "id": "boss"}) is True


@pytest.mark.parametrize("lie", [1, "true", "True", [True], {"free": True}, 1.0, None])
def test_nothing_but_true_is_true(asker: Asker, lie: Any) -> None:
    assert asker.asks("free", {"free": lie}) is False

"""ARAP: what a submission must have in common with its denial, seen from outside."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import ALICE, BASE, Pdp, Reply, denial_of, serving

TYPE = "urn:openid:authzen:access-request:error:"
RICH: JsonObject = {
    **ALICE,
    "properties": {"team": {"b": 1, "a": 2}, "n": 1, "way": [1, 2], "mark": "\u00e9"},
}
READ: JsonObject = {"name": "read", "properties": {"pages": 2}}
DOC: JsonObject = {"type": "doc", "id": "bound-1", "properties": {"kind": "plan"}}
ASKED: JsonObject = {
    "subject": RICH,
    "action": READ,
    "resource": DOC,
    "context": {"tenant": "acme", "screen": "blue"},
}


@pytest.fixture
def pdp(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP over an empty database."""
    with serving(f"sqlite:///{tmp_path}/pdp.db") as found:
        yield found


def refused(reply: Reply, name: str = "invalid_denial_binding", status: int = 400) -> None:
    """A refusal is a problem of this name."""
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    assert (reply.status_code, reply.json()["type"]) == (status, TYPE + name), reply.text


def bound(pdp: Pdp) -> JsonObject:
    """A submission for a denial with properties everywhere and a bound member of the context."""
    reply = pdp.call("POST", "/access/v1/evaluation", body=ASKED)
    return ASKED | {"denial": denial_of(reply.json())}


def only(body: JsonObject, form: str) -> JsonObject:
    """The submission with the denial in one form only."""
    denial = {name: body["denial"][name] for name in (form, "expires_at")}
    return body | {"denial": denial}


def having(body: JsonObject, path: str, value: Any) -> JsonObject:
    """The body with a value at a path; `...` takes the member away."""
    copy: JsonObject = json.loads(json.dumps(body))
    *way, last = path.split(".")
    place = copy
    for name in way:
        place = place.setdefault(name, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


@pytest.mark.requirement("ARAP-071")
@pytest.mark.requirement("ARAP-072")
@pytest.mark.requirement("ARAP-073")
@pytest.mark.parametrize("kept", [None, ("binding_token",), ("evaluation_id",), ("expires_at",)])
def test_a_denial_has_an_end_and_a_binding(pdp: Pdp, kept: tuple[str, ...] | None) -> None:
    body = pdp.denied("manager-1")
    denial = body.pop("denial")
    if kept is not None:
        body["denial"] = {name: denial[name] for name in kept}
    refused(pdp.submit(body))


@pytest.mark.requirement("ARAP-096")
@pytest.mark.requirement("ARAP-097")
@pytest.mark.requirement("ARAP-098")
@pytest.mark.requirement("ARAP-099")
@pytest.mark.requirement("ARAP-077")
@pytest.mark.requirement("ARAP-101")
@pytest.mark.requirement("ARAP-102")
@pytest.mark.requirement("ARAP-103")
@pytest.mark.requirement("ARAP-112")
@pytest.mark.parametrize("form", ["binding_token", "evaluation_id"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("subject.type", "service"),
        ("subject.id", "Alice"),
        ("subject.properties", ...),
        ("subject.properties.n", "1"),
        ("subject.properties.n", True),
        ("subject.properties.way", [2, 1]),
        ("subject.properties.mark", "e\u0301"),
        ("subject.properties.more", None),
        ("subject.properties.team.a", ...),
        ("resource.type", "folder"),
        ("resource.id", "bound-2"),
        ("resource.properties.kind", "plans"),
        ("resource.properties.more", 1),
        ("action.name", "write"),
        ("action.properties.pages", 3),
        ("action.properties", ...),
        ("context.tenant", "globex"),
        ("context.tenant", ["acme"]),
        ("context.tenant", ...),
        ("context", ...),
    ],
)
def test_nothing_that_was_bound_may_change(pdp: Pdp, form: str, path: str, value: Any) -> None:
    body = only(bound(pdp), form)
    refused(pdp.submit(having(body, path, value)))
    assert pdp.submit(body).status_code == 202


@pytest.mark.requirement("ARAP-100")
@pytest.mark.requirement("ARAP-101")
@pytest.mark.requirement("ARAP-102")
@pytest.mark.requirement("ARAP-038")
@pytest.mark.requirement("ARAP-039")
@pytest.mark.requirement("ARAP-078")
@pytest.mark.parametrize("form", ["binding_token", "evaluation_id"])
@pytest.mark.parametrize(
    "change",
    [
        lambda body: having(body, "subject.properties.n", 1.0),
        lambda body: having(body, "subject.properties.team", {"a": 2, "b": 1}),
        lambda body: having(body, "subject.properties.act", {"sub": "agent-7"}),
        lambda body: having(body, "context.screen", "red"),
        lambda body: having(body, "context.screen", ...),
        lambda body: having(body, "context.justification", "the audit"),
        lambda body: having(body, "context.time", "2026-04-30T20:15:00Z"),
    ],
    ids=["number", "order", "actor", "unbound", "left out", "form member", "volatile"],
)
def test_what_does_not_bind_may_change(
    pdp: Pdp, form: str, change: Callable[[JsonObject], JsonObject]
) -> None:
    body = only(bound(pdp), form)
    assert pdp.submit(change(body)).status_code == 202


@pytest.mark.requirement("ARAP-102")
def test_a_number_may_be_spelt_otherwise(pdp: Pdp) -> None:
    body = bound(pdp)
    raw = json.dumps(body).replace('"n": 1,', '"n": 1e0,').encode()
    assert b"1e0" in raw
    assert pdp.submit(raw).status_code == 202


@pytest.mark.requirement("ARAP-100")
@pytest.mark.parametrize("left", [..., {}])
def test_an_actor_may_be_taken_out_of_the_subject(pdp: Pdp, left: Any) -> None:
    actor: JsonObject = {"subject": {**ALICE, "properties": {"act": {"sub": "agent-7"}}}}
    for form in ("binding_token", "evaluation_id"):
        body = only(pdp.denied("manager-1", "pep", **actor), form)
        assert pdp.submit(having(body, "subject.properties", left)).status_code == 202


@pytest.mark.requirement("ARAP-104")
@pytest.mark.parametrize("place", ["binding_context_members", "denial.binding_context_members"])
def test_the_list_of_bound_members_is_not_the_callers(pdp: Pdp, place: str) -> None:
    body = having(bound(pdp), place, [])
    refused(pdp.submit(having(body, "context.tenant", ...)))


@pytest.mark.requirement("ARAP-115")
def test_the_id_beside_a_token_is_the_one_in_it(pdp: Pdp) -> None:
    body, other = pdp.denied("manager-1"), pdp.denied("manager-1")
    refused(pdp.submit(having(body, "denial.evaluation_id", other["denial"]["evaluation_id"])))
    refused(pdp.submit(having(body, "denial.evaluation_id", "eval_unknown")))


@pytest.mark.requirement("ARAP-111")
@pytest.mark.parametrize("name", ["eval_unknown", "", "x" * 5000, "eval_01J.x.y", 7, None, {}])
def test_an_id_that_nobody_gave_binds_nothing(pdp: Pdp, name: Any) -> None:
    body = only(pdp.denied("manager-1"), "evaluation_id")
    refused(pdp.submit(having(body, "denial.evaluation_id", name)))


@pytest.mark.requirement("ARAP-111")
def test_an_id_is_good_where_it_was_given(pdp: Pdp, tmp_path: Path) -> None:
    body = only(pdp.denied("manager-1"), "evaluation_id")
    keys = {"master_key": "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q="}
    with serving(f"sqlite:///{tmp_path}/other.db", keys=keys) as other:
        refused(other.submit(body))
    with serving(f"sqlite:///{tmp_path}/pdp.db") as same:
        assert same.submit(body).status_code == 202


@pytest.mark.requirement("ARAP-016")
@pytest.mark.requirement("ARAP-027")
@pytest.mark.requirement("ARAP-040")
def test_an_offer_ends_in_the_future_and_says_when(pdp: Pdp) -> None:
    ends = pdp.denied("manager-1")["denial"]["expires_at"]
    assert ends == "2026-04-30T20:25:00Z"
    found = pdp.call("GET", "/.well-known/authzen-configuration", None).json()
    assert found["policy_decision_point"] == BASE

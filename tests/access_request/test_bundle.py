"""Several things asked for as one request."""

import pytest

from pdp.core.values import JsonObject
from tests.access_request.world import ALICE, HOUR, Pdp, problem

EACH = ("manager-1", "second-1")


def bundle(pdp: Pdp, *resources: str) -> JsonObject:
    """A submission of several items, each with its own denial."""
    items = []
    for resource in resources:
        asked = pdp.denied(resource)
        items.append({name: asked[name] for name in ("resource", "action", "denial")})
    return {"subject": ALICE, "items": items}


@pytest.mark.requirement("ARAP-075")
@pytest.mark.requirement("ARAP-133")
def test_items_with_denials_of_their_own_become_one_request(pdp: Pdp) -> None:
    body = bundle(pdp, *EACH)
    reply = pdp.submit(body)
    task = reply.json()["task"]
    assert (reply.status_code, task["status"]) == (202, "pending")
    assert task["items"] == [
        {"resource": each["resource"], "action": each["action"], "status": "pending"}
        for each in body["items"]
    ]


@pytest.mark.requirement("ARAP-134")
@pytest.mark.requirement("ARAP-135")
@pytest.mark.requirement("ARAP-147")
def test_each_item_has_a_result_of_its_own(pdp: Pdp) -> None:
    task = pdp.submit(bundle(pdp, *EACH)).json()["task"]
    pdp.vote(task["id"], "bob", positions=(0,), rest="leave")
    shown = pdp.status(task["id"]).json()
    assert shown["task"]["status"] == "pending"
    assert [each["status"] for each in shown["task"]["items"]] == ["approved", "pending"]
    pdp.vote(task["id"], "bob", "deny", positions=(1,))
    shown = pdp.status(task["id"]).json()
    first, second = shown["task"]["items"]
    assert shown["task"]["status"] == "partial"
    assert "result" not in shown and "result" not in second
    presented = {"id": first["result"]["approval"]["id"]}
    assert pdp.evaluate("manager-1", presented)["decision"] is True
    assert pdp.evaluate("second-1", presented)["decision"] is False


def test_items_that_all_end_alike_end_the_request_so(pdp: Pdp) -> None:
    task = pdp.submit(bundle(pdp, *EACH)).json()["task"]
    pdp.vote(task["id"], "bob")
    shown = pdp.status(task["id"]).json()["task"]
    assert shown["status"] == "approved"
    approvals = [each["result"]["approval"] for each in shown["items"]]
    assert len({each["id"] for each in approvals}) == 2


@pytest.mark.requirement("ARAP-162")
@pytest.mark.requirement("ARAP-163")
def test_cancelling_ends_what_is_pending(pdp: Pdp) -> None:
    task = pdp.submit(bundle(pdp, *EACH)).json()["task"]
    pdp.vote(task["id"], "bob", positions=(0,), rest="leave")
    shown = pdp.cancel(task["id"]).json()["task"]
    assert shown["status"] == "partial"
    assert [each["status"] for each in shown["items"]] == ["approved", "cancelled"]
    problem(pdp.cancel(task["id"]), 409, "invalid_task_state")


@pytest.mark.requirement("ARAP-106")
def test_one_bad_item_refuses_all(pdp: Pdp) -> None:
    body = bundle(pdp, *EACH)
    body["items"][1]["resource"] = {"type": "doc", "id": "second-2"}
    reply = pdp.submit(body)
    problem(reply, 400, "invalid_denial_binding", "/items/1/denial/binding_token")
    body["items"][1]["resource"] = {"type": "doc", "id": "second-1"}
    assert pdp.submit(body).status_code == 202


@pytest.mark.requirement("ARAP-074")
def test_every_item_needs_a_denial(pdp: Pdp) -> None:
    body = bundle(pdp, *EACH)
    del body["items"][0]["denial"]
    problem(pdp.submit(body), 400, "invalid_denial_binding", "/denial")


def test_the_denial_of_one_item_does_not_cover_the_bundle(pdp: Pdp) -> None:
    body = bundle(pdp, "manager-1")
    body["denial"] = body["items"][0].pop("denial")
    problem(pdp.submit(body), 400, "invalid_denial_binding", "/denial/binding_token")


def test_a_denial_is_taken_for_one_item_only(pdp: Pdp) -> None:
    body = bundle(pdp, "manager-1")
    body["items"] *= 2
    problem(pdp.submit(body), 400, "invalid_denial_binding", "/items/1/denial/binding_token")


@pytest.mark.requirement("ARAP-070")
def test_the_wishes_of_an_item_come_before_those_of_all(pdp: Pdp) -> None:
    body = bundle(pdp, *EACH)
    body["requested_access"] = {"requested_until": "2026-04-30T22:00:00Z", "role": "reader"}
    body["items"][0]["requested_access"] = {"requested_until": "2026-04-30T21:00:00Z"}
    task = pdp.submit(body).json()["task"]
    pdp.vote(task["id"], "bob")
    items = pdp.status(task["id"]).json()["task"]["items"]
    untils = [each["result"]["approval"]["approved_until"] for each in items]
    assert untils == ["2026-04-30T21:00:00Z", "2026-04-30T22:00:00Z"]


def test_each_item_binds_the_context_of_its_own_denial(pdp: Pdp) -> None:
    context = {"tenant": "acme"}
    items = []
    for resource in ("bound-1", "manager-1"):
        asked = pdp.denied(resource, context=context)
        items.append({name: asked[name] for name in ("resource", "action", "denial")})
    task = pdp.submit({"subject": ALICE, "items": items, "context": context}).json()["task"]
    pdp.vote(task["id"], "bob")
    bound, free = (each["result"]["approval"]["id"] for each in
                   pdp.status(task["id"]).json()["task"]["items"])  # fmt: skip
    assert pdp.evaluate("manager-1", {"id": free})["decision"] is True
    assert pdp.evaluate("bound-1", {"id": bound}, context=context)["decision"] is True
    assert pdp.evaluate("bound-1", {"id": bound})["decision"] is False


def test_a_hundred_items_are_the_most(pdp: Pdp) -> None:
    item = {"resource": {"type": "doc", "id": "x"}, "action": {"name": "read"}}
    problem(pdp.submit({"subject": ALICE, "items": [item] * 101}), 400, "invalid_request", "/items")


def test_items_expire_each_at_its_time(pdp: Pdp) -> None:
    body = bundle(pdp, *EACH)
    body["items"][0]["requested_access"] = {"requested_until": "2026-04-30T20:45:00Z"}
    task = pdp.submit(body).json()["task"]
    pdp.later(HOUR)
    shown = pdp.status(task["id"]).json()["task"]
    assert [each["status"] for each in shown["items"]] == ["expired", "pending"]
    assert pdp.events(task["id"]) == ["task.created", "item.expired"]

"""The binding hash: the working group's vectors, our own, and the reading of what they leave open."""

import json
from pathlib import Path
from typing import Any

import pytest

from pdp.core.binding import (
    MACHINERY,
    VOLATILE,
    bindable,
    binding_hash,
    binding_hashes,
    bound_context,
    bulk_binding_hash,
    hash_fits,
    without_act,
)
from pdp.core.jcs import NotCanonical

_FILE = Path(__file__).parent.parent / "data" / "arap-binding-hash-vectors.json"
VECTORS: list[dict[str, Any]] = json.loads(_FILE.read_text())["vectors"]
SINGLE = [vector for vector in VECTORS if vector["kind"] == "single"]
BULK = [vector for vector in VECTORS if vector["kind"] == "bulk"]


def _hash_of(subject: str, resource: str, action: str, context: str = "{}") -> str:
    # Numbers as a JavaScript peer reads them: every one is a double.
    parts = [json.loads(text, parse_int=float) for text in (subject, resource, action, context)]
    return binding_hash(*parts, members=parts[3])


@pytest.mark.requirement("ARAP-047")
@pytest.mark.parametrize("vector", SINGLE, ids=[vector["id"] for vector in SINGLE])
def test_the_vectors_for_one_item_come_out(vector: dict[str, Any]) -> None:
    request, members = vector["request"], vector["binding_context_members"]
    parts = [request[name] for name in ("subject", "resource", "action", "context")]
    assert binding_hash(*parts, members=members) == vector["binding_hash"]


@pytest.mark.requirement("ARAP-048")
@pytest.mark.parametrize("vector", BULK, ids=[vector["id"] for vector in BULK])
def test_the_vectors_for_a_bundle_come_out(vector: dict[str, Any]) -> None:
    request, members = vector["request"], vector["binding_context_members"]
    parts = [request[name] for name in ("subject", "items", "context")]
    assert bulk_binding_hash(*parts, members=members) == vector["binding_hash"]


@pytest.mark.requirement("ARAP-048")
def test_swapping_two_items_of_a_bundle_changes_its_hash() -> None:
    request = BULK[0]["request"]
    swapped = [*reversed(request["items"])]
    before = bulk_binding_hash(request["subject"], request["items"], {}, ())
    assert bulk_binding_hash(request["subject"], swapped, {}, ()) != before


@pytest.mark.requirement("ARAP-047")
def test_members_sort_by_utf16_and_text_stays_raw() -> None:
    found = _hash_of(
        '{"type":"user","id":"zoë"}',
        '{"type":"doc","id":"1"}',
        '{"name":"read"}',
        '{"k":{"€":1,"\\ufb33":2,"😀":3,"é":4}}',
    )
    assert found == "iLdpU70Crijk01P8P7j5I72d53ijmCWF5ldN1eTsO-A"


@pytest.mark.requirement("ARAP-047")
def test_numbers_are_written_as_ecmascript_does() -> None:
    numbers = "[1.0, 1e16, 1e-5, 1e-7, 9007199254740993, -0.0, 1e21, 123456789012345680000]"
    found = _hash_of(
        '{"type":"user","id":"u"}',
        '{"type":"doc","id":"1"}',
        '{"name":"read"}',
        f'{{"n":{numbers}}}',
    )
    assert found == "0EKhu5cnMXaO0abPPeAyKoHBuW049hWINiBT3aVj48k"


@pytest.mark.requirement("ARAP-047")
def test_text_is_escaped_no_more_than_it_must_be() -> None:
    found = binding_hash(
        {"type": "user", "id": 'a\x01"\\\n\x7f'},
        {"type": "doc", "id": "</x>"},
        {"name": "read"},
        {},
        (),
    )
    assert found == "iqoLxDsZTzg3dC44H2Wp0lPzVrS5pvqPkGXp5A9IHu8"


_TOOL = ({"type": "tool", "id": "crm.search_accounts"}, {"name": "invoke"})
_DROPPED = "yNM9XG-K4Bg6xk5KzQd4GU0mYM6gMuDm5AWz0q1YeeM"
_KEPT = "F17OXm28QWX5pVv_Fc_dMxJy2Ut54GOfE-69KeOIgCM"


@pytest.mark.requirement("ARAP-100")
def test_properties_that_held_only_the_actor_are_dropped_when_we_issue() -> None:
    alice = {"type": "user", "id": "alice@example.com", "properties": {"act": {"sub": "a"}}}
    assert binding_hash(alice, *_TOOL, {}, ()) == _DROPPED


@pytest.mark.requirement("ARAP-047")
def test_properties_that_were_empty_from_the_start_stay() -> None:
    alice = {"type": "user", "id": "alice@example.com", "properties": {}}
    assert binding_hash(alice, *_TOOL, {}, ()) == _KEPT


@pytest.mark.requirement("ARAP-100")
@pytest.mark.parametrize("properties", [None, {}, {"act": {"sub": "a"}}])
def test_a_verifier_takes_either_reading_of_emptied_properties(properties: Any) -> None:
    alice = {"type": "user", "id": "alice@example.com"}
    subject = alice if properties is None else alice | {"properties": properties}
    asked = {"resource": _TOOL[0], "action": _TOOL[1]}
    assert set(binding_hashes(subject, asked, {}, ())) == {_DROPPED, _KEPT}


@pytest.mark.requirement("ARAP-103")
def test_a_verifier_takes_one_reading_where_properties_remain() -> None:
    alice = {"type": "user", "id": "a", "properties": {"act": {"sub": "x"}, "level": 3}}
    asked = {"resource": _TOOL[0], "action": _TOOL[1]}
    hashes = binding_hashes(alice, asked, {}, ())
    assert hashes == (binding_hash(without_act(alice), *_TOOL, {}, ()),)
    assert hash_fits(hashes[0], hashes)
    assert not hash_fits(_DROPPED, hashes)


@pytest.mark.requirement("ARAP-047")
@pytest.mark.parametrize(
    ("resource", "action", "expected"),
    [
        (
            {"type": "document", "id": "q4-plan"},
            {"name": "can_read"},
            "jy2Na0olk8TuIQE3wxOjXWDCKxtviYbrPjBYSmyF6o8",
        ),
        (*_TOOL, _DROPPED),
    ],
)
def test_the_hashes_in_the_editors_examples_come_out(
    resource: Any, action: Any, expected: str
) -> None:
    alice = {"type": "user", "id": "alice@example.com"}
    assert binding_hash(alice, resource, action, {"time": "now"}, ()) == expected


@pytest.mark.requirement("ARAP-048")
def test_the_bundle_hash_in_the_editors_example_comes_out() -> None:
    items = [
        {"resource": {"type": "document", "id": "q4-plan"}, "action": {"name": "can_read"}},
        {"resource": {"type": "channel", "id": "engineering"}, "action": {"name": "can_post"}},
    ]
    alice = {"type": "user", "id": "alice@example.com"}
    found = bulk_binding_hash(alice, items, {}, ())
    assert found == "NM0o1jI6qexrMTEnKEo1dxlaGjYPPOrOs9Ecqzmq3po"


def test_other_members_of_an_item_do_not_count() -> None:
    item = {"resource": _TOOL[0], "action": _TOOL[1]}
    more = item | {"denial": {"expires_at": "x"}, "requested_access": {}}
    alice = {"type": "user", "id": "a"}
    assert bulk_binding_hash(alice, [item], {}, ()) == bulk_binding_hash(alice, [more], {}, ())


@pytest.mark.requirement("ARAP-037")
@pytest.mark.parametrize("member", sorted(MACHINERY))
def test_the_profiles_own_members_never_bind(member: str) -> None:
    assert bindable([member, "tenant"]) == ("tenant",)
    assert bound_context({member: 1, "tenant": "a"}, [member, "tenant"]) == {"tenant": "a"}


@pytest.mark.requirement("ARAP-038")
@pytest.mark.parametrize("member", sorted(VOLATILE))
def test_volatile_members_are_not_bound_by_what_we_issue(member: str) -> None:
    assert bindable([member, "tenant"]) == ("tenant",)


@pytest.mark.requirement("ARAP-039")
def test_without_a_list_no_context_binds() -> None:
    one = binding_hash({"type": "u", "id": "1"}, *_TOOL, {"tenant": "a"}, ())
    assert one == binding_hash({"type": "u", "id": "1"}, *_TOOL, {"tenant": "b"}, ())


@pytest.mark.parametrize("place", ["subject", "resource", "action", "context"])
def test_an_integer_without_an_exact_double_is_refused_with_its_place(place: str) -> None:
    parts: dict[str, Any] = {
        "subject": {"type": "u", "id": "1", "properties": {}},
        "resource": {"type": "d", "id": "1", "properties": {}},
        "action": {"name": "read", "properties": {}},
        "context": {"properties": {}},
    }
    parts[place]["properties"]["amount"] = 2**53
    with pytest.raises(NotCanonical) as caught:
        binding_hash(*parts.values(), members=["properties"])
    assert caught.value.at == f"/{place}/properties/amount"

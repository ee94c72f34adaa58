"""Entities through the admin API, on every database."""

from typing import Any

import pytest

from tests.admin.conftest import StartReplica
from tests.admin.replicas import AUDITOR_KEY, ENTITIES, eventually, user

MANY = 10_000
BOB = f"{ENTITIES}/User/bob"


def test_an_entity_is_put_read_replaced_and_deleted(start: StartReplica) -> None:
    call = start()
    created = call("PUT", BOB, {"attrs": {"level": 1}, "parents": []})
    assert created.status_code == 201
    assert created.json() == user("bob", level=1)
    read = call("GET", BOB)
    assert (read.status_code, read.headers["etag"]) == (200, created.headers["etag"])
    assert read.json() == user("bob", level=1)
    replaced = call("PUT", BOB, user("bob", "staff"))
    assert replaced.status_code == 200
    assert replaced.headers["etag"] != created.headers["etag"]
    assert call("DELETE", BOB).status_code == 204
    assert call("GET", BOB).status_code == 404
    assert call("DELETE", BOB).status_code == 404


def test_what_is_put_and_deleted_changes_decisions(start: StartReplica) -> None:
    call = start()
    assert not call.may_read("bob")
    call("PUT", BOB, user("bob", "staff"))
    assert eventually(lambda: call.may_read("bob"))
    call("DELETE", BOB)
    assert eventually(lambda: not call.may_read("bob"))


def test_deletion_uncovers_the_entity_of_the_folder(start: StartReplica) -> None:
    call = start()
    assert call.may_read("alice")
    call("PUT", f"{ENTITIES}/User/alice", user("alice"))
    assert eventually(lambda: not call.may_read("alice"))
    call("DELETE", f"{ENTITIES}/User/alice")
    assert eventually(lambda: call.may_read("alice"))


def test_another_replica_follows(start: StartReplica) -> None:
    one, other = start(), start()
    one("PUT", BOB, user("bob", "staff"))
    assert eventually(lambda: other.may_read("bob"))
    other("DELETE", BOB)
    assert eventually(lambda: not one.may_read("bob"))


def test_a_replica_that_starts_later_has_what_was_put(start: StartReplica) -> None:
    start()("PUT", BOB, user("bob", "staff"))
    assert start().may_read("bob")


def test_a_change_of_the_folder_keeps_what_was_put(start: StartReplica, folder: Any) -> None:
    call = start()
    call("PUT", BOB, user("bob", "staff"))
    assert eventually(lambda: call.may_read("bob"))
    main = folder / "policies/main.cedar"
    main.write_text(main.read_text() + "\n// a remark\n")
    assert call("POST", "/admin/v1/policies/reload").status_code == 200
    assert call.may_read("bob")
    assert call.may_read("alice")


def test_if_match_holds_off_a_change_that_was_not_seen(start: StartReplica) -> None:
    call = start()
    first = call("PUT", BOB, user("bob")).headers["etag"]
    second = call("PUT", BOB, user("bob", level=2), if_match=first).headers["etag"]
    for method, body in (("PUT", user("bob")), ("DELETE", None)):
        refused = call(method, BOB, body, if_match=first)
        assert refused.status_code == 412
        assert refused.json()["type"].endswith("precondition_failed")
    assert call("GET", BOB).json() == user("bob", level=2)
    assert call("PUT", BOB, user("bob"), if_match=f'"0", {second}').status_code == 200
    assert call("PUT", BOB, user("bob"), if_match="*").status_code == 200
    assert call("PUT", f"{ENTITIES}/User/x", user("x"), if_match="*").status_code == 412


def test_if_none_match_creates_only(start: StartReplica) -> None:
    call = start()
    assert call("PUT", BOB, user("bob"), if_none_match="*").status_code == 201
    assert call("PUT", BOB, user("bob", level=9), if_none_match="*").status_code == 412
    assert call("GET", BOB).json() == user("bob")


@pytest.mark.slow
def test_ten_thousand_at_once_and_no_more(start: StartReplica) -> None:
    call = start()
    many = [user(f"u{number}", "staff") for number in range(MANY + 1)]
    refused = call("PUT", ENTITIES, many)
    assert (refused.status_code, refused.json()["limit"]) == (413, MANY)
    assert call("GET", f"{ENTITIES}?type=User").json() == {"items": [], "next_cursor": None}
    taken = call("PUT", ENTITIES, many[:MANY])
    assert (taken.status_code, taken.json()["count"]) == (200, MANY)
    assert eventually(lambda: call.may_read(f"u{MANY - 1}") and call.may_read("u0"))
    uids = [each["uid"] for each in many]
    assert call("DELETE", ENTITIES, uids).status_code == 413
    assert call("DELETE", ENTITIES, uids[:MANY]).json() == {"count": MANY}
    assert eventually(lambda: not call.may_read(f"u{MANY - 1}"))


@pytest.mark.parametrize(
    "bad",
    [
        user("bad", level="high"),
        user("bad", unknown=1),
        {"uid": {"type": "Nothing", "id": "x"}, "attrs": {}, "parents": []},
        {"uid": {"type": "User"}},
        {"uid": {"type": "User", "id": "bad"}, "attrs": [], "parents": []},
        {"uid": {"type": "User", "id": "bad"}, "extra": 1},
        "bad",
    ],
)
def test_one_bad_entity_refuses_all(start: StartReplica, bad: Any) -> None:
    call = start()
    refused = call("PUT", ENTITIES, [user("good", "staff"), bad])
    assert refused.status_code == 400
    assert refused.json()["detail"]
    assert call("GET", f"{ENTITIES}/User/good").status_code == 404


def test_the_refusal_has_the_reason_of_the_schema(start: StartReplica) -> None:
    call = start()
    refused = call("PUT", BOB, user("bob", level="high"))
    assert refused.status_code == 400
    for part in ('User::"bob"', "level"):
        assert part in refused.json()["detail"]


def test_faults_of_shape_are_all_named(start: StartReplica) -> None:
    items = [user("a"), {"uid": {"type": "User", "id": 1}}, 7]
    refused = start()("PUT", ENTITIES, items).json()
    assert [fault["pointer"] for fault in refused["errors"]] == ["/1/uid", "/2"]


def test_the_body_cannot_name_another_entity_than_the_path(start: StartReplica) -> None:
    assert start()("PUT", BOB, user("carol")).status_code == 400


def test_ids_may_hold_anything(start: StartReplica) -> None:
    call = start()
    for name in ("a/b", "a%b", 'say "hi"', "žluťoučký", " ", "a?b#c"):
        path = f"{ENTITIES}/User/" + "".join(f"%{byte:02X}" for byte in name.encode())
        assert call("PUT", path, {"attrs": {}}).status_code == 201, name
        assert call("GET", path).json()["uid"]["id"] == name
        assert call("DELETE", path).status_code == 204


@pytest.mark.parametrize("name", ["a\n", "\na", "a\nb", "\n", "a\r\nb/c", "a\u2028b", ""])
def test_an_id_with_a_line_end_names_itself_and_no_other(start: StartReplica, name: str) -> None:
    call = start()
    call("PUT", f"{ENTITIES}/User/a", {"attrs": {"level": 1}})
    path = f"{ENTITIES}/User/" + "".join(f"%{byte:02X}" for byte in name.encode())
    assert call("PUT", path, {"attrs": {"level": 2}}).status_code == 201
    assert call("GET", path).json() == user(name, level=2)
    assert call("GET", f"{ENTITIES}/User/a").json() == user("a", level=1)
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).status_code == 404
    assert call("GET", f"{ENTITIES}/User/a").status_code == 200


def test_the_listing_is_paged_by_id(start: StartReplica) -> None:
    call = start()
    call("PUT", ENTITIES, [user(f"u{number}") for number in range(5)])
    first = call("GET", f"{ENTITIES}?type=User&limit=2").json()
    assert [each["uid"]["id"] for each in first["items"]] == ["u0", "u1"]
    rest = call("GET", f"{ENTITIES}?type=User&limit=3&after={first['next_cursor']}").json()
    assert [each["uid"]["id"] for each in rest["items"]] == ["u2", "u3", "u4"]
    assert rest["next_cursor"] is None


def test_only_an_administrator_writes_and_only_an_auditor_reads_besides(
    start: StartReplica,
) -> None:
    call = start()
    writes = [
        ("PUT", ENTITIES, []),
        ("DELETE", ENTITIES, []),
        ("PUT", BOB, {}),
        ("DELETE", BOB, None),
    ]
    reads = [("GET", f"{ENTITIES}?type=User", None), ("GET", BOB, None)]
    for method, path, body in writes:
        assert call(method, path, body, AUDITOR_KEY).status_code == 403
    for method, path, body in writes + reads:
        assert call(method, path, body, "demo-pep-key").status_code == 403
        refused = call(method, path, body, None)
        assert (refused.status_code, "www-authenticate" in refused.headers) == (401, True)
    assert call("GET", f"{ENTITIES}?type=User", None, AUDITOR_KEY).status_code == 200
    assert call("GET", BOB, None, AUDITOR_KEY).status_code == 404

"""`pdp client` and `pdp keys`: what they print, keep and refuse."""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pdp.commands.clients import add_client, callback_secret, list_clients, remove_client
from pdp.commands.keys import list_keys, rotate_keys
from pdp.settings import Settings
from pdp.store import clients
from pdp.store.engine import Database
from pdp.trust.callers import Authenticator

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DIGEST = hashlib.sha256(b"configured").hexdigest()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    configured: Any = [{"id": "as-1", "key_sha256": DIGEST, "roles": ["as"]}]
    return Settings(demo=True, database=f"sqlite:///{tmp_path}/pdp.db", clients=configured)


def added(settings: Settings, name: str = "pep-1") -> str:
    status, text = add_client(settings, name, ["pep"], ["User::*"], now=NOW, json=True)
    assert status == 0
    return str(json.loads(text)["key"])


def authenticator(settings: Settings) -> Authenticator:
    found = Authenticator.from_settings(settings)
    database = Database.open(settings.database)
    found.use_stored(database.read(clients.all_clients))
    database.close()
    return found


def test_a_new_client_can_call_with_the_key_that_was_shown(settings: Settings) -> None:
    key = added(settings)
    caller = authenticator(settings).authenticate(f"Bearer {key}".encode())
    assert caller is not None
    assert (caller.id, sorted(caller.roles)) == ("pep-1", ["pep"])
    assert caller.acts_for == ("User::*",)


def test_the_key_is_shown_once_and_kept_nowhere(settings: Settings, tmp_path: Path) -> None:
    key = added(settings)
    assert len(key) > 43
    assert added(settings, "pep-2") != key
    kept = b"".join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))
    assert key.encode() not in kept
    digest = hashlib.sha256(key.encode()).hexdigest()
    for shown in (list_clients(settings), list_clients(settings, json=True)):
        assert key not in shown[1] and digest not in shown[1]


def test_text_for_people_has_the_key_on_a_line_of_its_own(settings: Settings) -> None:
    status, text = add_client(settings, "pep-1", ["pep", "pep"], now=NOW)
    assert status == 0
    assert text.startswith("client `pep-1` (pep); its key, shown only now:\npdpkey_")


@pytest.mark.parametrize(
    ("client_id", "roles", "acts_for", "expected"),
    [
        ("", ["pep"], ["*"], "the id must be"),
        ("a" * 201, ["pep"], ["*"], "the id must be"),
        ("a\nb", ["pep"], ["*"], "the id must be"),
        ("a", [], ["*"], "at least one role"),
        ("a", ["root"], ["*"], "there is no role `root`; there are pep, as,"),
        ("a", ["pep"], ["alice"], "`alice` must be `*`"),
        ("a", ["pep"], ['User::"alice'], "must be `*`"),
    ],
)
def test_a_client_of_the_wrong_shape_is_refused(
    settings: Settings, client_id: str, roles: list[str], acts_for: list[str], expected: str
) -> None:
    status, text = add_client(settings, client_id, roles, acts_for, now=NOW)
    assert (status, expected in text) == (2, True)


@pytest.mark.parametrize("name", ["pep-1", "as-1"])
def test_an_id_that_is_taken_is_refused(settings: Settings, name: str) -> None:
    added(settings)
    status, text = add_client(settings, name, ["pep"], now=NOW)
    assert (status, name in text) == (1, True)


def test_listing_shows_where_each_client_comes_from(settings: Settings) -> None:
    added(settings)
    status, text = list_clients(settings)
    assert status == 0
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["as-1", "as", "*", "config", "-"],
        ["pep-1", "pep", "User::*", "cli", "2026-05-01T00:00:00Z"],
    ]
    found = json.loads(list_clients(settings, json=True)[1])["clients"]
    assert [client["id"] for client in found] == ["as-1", "pep-1"]


def test_a_removed_client_cannot_call_any_more(settings: Settings) -> None:
    key = added(settings)
    assert remove_client(settings, "pep-1")[0] == 0
    assert remove_client(settings, "pep-1") == (1, "there is no client `pep-1`")
    with pytest.raises(Exception, match="not known"):
        authenticator(settings).authenticate(f"Bearer {key}".encode())


def test_a_configured_client_is_removed_in_the_configuration(settings: Settings) -> None:
    assert remove_client(settings, "as-1")[0] == 1


@pytest.mark.parametrize("database", ["mysql://x/y", "sqlite://", "/dev/null/x", "::"])
def test_a_database_that_cannot_be_opened_is_status_2(database: str) -> None:
    status, text = list_clients(Settings(demo=True, database=database))
    assert status == 2
    assert text.startswith("`database`: ") and "\n" not in text


def test_keys_are_listed_and_rotated(settings: Settings) -> None:
    before = json.loads(list_keys(settings, now=NOW, json=True)[1])["keys"]
    assert [key["state"] for key in before] in (["active", "next"], ["next", "active"])
    following = next(key["kid"] for key in before if key["state"] == "next")
    assert rotate_keys(settings, now=NOW) == (0, f"`{following}` signs from now on")
    after = json.loads(list_keys(settings, now=NOW, json=True)[1])["keys"]
    assert sorted(key["state"] for key in after) == ["active", "next", "retired"]
    assert set(after[0]) == {"kid", "alg", "state", "created_at", "activated_at", "retired_at"}
    assert following in list_keys(settings, now=NOW)[1]


def test_keys_under_another_master_key_are_status_2(settings: Settings, tmp_path: Path) -> None:
    assert list_keys(settings, now=NOW)[0] == 0
    (tmp_path / "pdp.db.key").unlink()
    status, text = list_keys(settings, now=NOW)
    assert status == 2
    assert "is not the master key" in text and "\n" not in text


def test_a_caller_is_told_the_secret_that_signs_its_callbacks(tmp_path: Path) -> None:
    configured: Any = [
        {"id": "as-1", "key_sha256": DIGEST, "roles": ["as"], "callback_bearer": "b-1"}
    ]
    database = f"sqlite:///{tmp_path}/pdp.db"
    settings = Settings(demo=True, database=database, clients=configured)
    status, secret = callback_secret(settings, "pep-1", now=NOW)
    assert (status, secret[:6]) == (0, "whsec_")
    assert callback_secret(settings, "pep-1", now=NOW) == (0, secret)
    assert callback_secret(settings, "pep-2", now=NOW) != (0, secret)
    assert callback_secret(settings, "as-1", now=NOW)[0] == 1

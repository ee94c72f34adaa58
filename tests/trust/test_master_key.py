"""The master key: where it comes from, and what it seals."""

import base64
import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pdp.settings import Settings
from pdp.trust.master_key import MasterKey, MasterKeyError, master_key_of

SECRET = bytes(range(32))
TEXT = base64.b64encode(SECRET).decode()


def settings(database: str, **keys: Any) -> Settings:
    return Settings(demo=True, database=database, keys=keys)


def test_a_key_is_made_beside_the_database_for_its_owner_alone(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/new/pdp.db"
    first = master_key_of(settings(database))
    file = tmp_path / "new" / "pdp.db.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["pdp.db.key"]
    assert master_key_of(settings(database)).derive("x") == first.derive("x")


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    database = settings(f"sqlite:///{tmp_path}/pdp.db")
    with ThreadPoolExecutor(8) as pool:
        made = {key.derive("x") for key in pool.map(master_key_of, [database] * 16)}
    assert len(made) == 1
    assert os.listdir(tmp_path) == ["pdp.db.key"]


def test_a_configured_key_is_used_and_no_file_made(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/pdp.db"
    key = master_key_of(settings(database, master_key=TEXT))
    assert key.derive("x") == MasterKey(SECRET).derive("x")
    assert os.listdir(tmp_path) == []


def test_a_key_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(TEXT + "\n")
    key = master_key_of(settings("postgresql://x/y", master_key_file=tmp_path / "secret"))
    assert key.derive("x") == MasterKey(SECRET).derive("x")


def test_postgresql_without_a_key_refuses_to_start() -> None:
    with pytest.raises(MasterKeyError, match="^PDP_KEYS__MASTER_KEY: is needed") as fault:
        master_key_of(settings("postgresql://pdp@host/name"))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("text", ["", "short", "c2hvcnQ=", "é", "A" * 44])
def test_a_bad_key_file_is_named_but_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(MasterKeyError, match="secret: ") as fault:
        master_key_of(settings("postgresql://x/y", master_key_file=file))
    assert not text or text not in str(fault.value).replace("secret", "")


def test_an_absent_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="secret: cannot be read: No such file"):
        master_key_of(settings("postgresql://x/y", master_key_file=tmp_path / "secret"))


def test_what_is_sealed_opens_only_with_the_same_key_and_purpose() -> None:
    key, other = MasterKey(SECRET), MasterKey(secrets.token_bytes(32))
    sealed = key.seal(b"plain", "a")
    assert key.unseal(sealed, "a") == b"plain"
    assert b"plain" not in sealed
    assert key.seal(b"plain", "a") != sealed
    for opener, data, purpose in [
        (key, sealed, "b"),
        (other, sealed, "a"),
        (key, sealed[:-1], "a"),
        (key, bytes([sealed[0] ^ 1]) + sealed[1:], "a"),
        (key, b"", "a"),
    ]:
        with pytest.raises(MasterKeyError):
            opener.unseal(data, purpose)


def test_derived_keys_differ_by_purpose_and_never_are_the_master_key() -> None:
    key = MasterKey(SECRET)
    derived = {key.derive(purpose) for purpose in ("a", "b", "seal", "mac a")} | {SECRET}
    assert len(derived) == 5


def test_the_representation_shows_no_secret() -> None:
    assert TEXT not in repr(MasterKey(SECRET)) + str(vars(MasterKey(SECRET)).keys())

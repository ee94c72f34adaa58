"""The key ring: made once, rotated without a gap, followed by every replica."""

import base64
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pdp.settings import Settings
from pdp.store.engine import Database
from pdp.store.migrate import upgrade
from pdp.trust.claims import BadToken
from pdp.trust.keys import KeyRing
from pdp.trust.master_key import MasterKeyError

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MASTER = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        demo=True,
        database=f"sqlite:///{tmp_path}/pdp.db",
        keys={"master_key": MASTER, "publish_retired": "30d"},
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database.open(settings.database)
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def ring(settings: Settings, database: Database) -> KeyRing:
    return KeyRing.open(database, settings, now=NOW)


def states(ring: KeyRing) -> list[str]:
    return sorted(key.state for key in ring.listing())


def kids(ring: KeyRing) -> set[str]:
    return {key["kid"] for key in ring.jwks()["keys"]}


@pytest.mark.requirement("ARAP-006")
@pytest.mark.requirement("ARAP-007")
@pytest.mark.requirement("ARAP-008")
def test_the_first_start_makes_an_active_and_a_next_key_and_publishes_both(ring: KeyRing) -> None:
    assert states(ring) == ["active", "next"]
    for key in ring.jwks()["keys"]:
        assert (key["use"], key["alg"], key["kty"], key["crv"]) == ("sig", "ES256", "EC", "P-256")
        assert set(key) == {"kid", "use", "alg", "kty", "crv", "x", "y"}


def test_another_start_finds_the_same_keys(
    ring: KeyRing, settings: Settings, database: Database
) -> None:
    again = KeyRing.open(database, settings, now=NOW)
    assert again.jwks() == ring.jwks()
    assert again.verify(ring.sign({"a": 1})) == {"a": 1}


def test_replicas_that_start_together_make_one_ring(settings: Settings, database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        rings = list(pool.map(lambda _: KeyRing.open(database, settings, now=NOW), range(4)))
    rings[0].refresh()
    assert states(rings[0]) == ["active", "next"]
    assert {frozenset(kids(ring)) for ring in rings} == {frozenset(kids(rings[0]))}


def test_rotation_signs_with_the_key_that_was_published_before(ring: KeyRing) -> None:
    published, old = kids(ring), ring.sign({"n": 1})
    active = ring.rotate(NOW)
    assert active in published
    assert states(ring) == ["active", "next", "retired"]
    assert ring.verify(old) == {"n": 1}
    assert ring.verify(ring.sign({"n": 2})) == {"n": 2}


def test_another_replica_follows_a_rotation_and_can_verify_before_it_does(
    ring: KeyRing, settings: Settings, database: Database
) -> None:
    replica = KeyRing.open(database, settings, now=NOW)
    ring.rotate(NOW)
    assert replica.verify(ring.sign({"n": 1})) == {"n": 1}
    replica.refresh()
    assert replica.jwks() == ring.jwks()


def test_a_retired_key_is_published_for_as_long_as_configured(ring: KeyRing) -> None:
    token = ring.sign({"n": 1})
    ring.rotate(NOW)
    assert ring.tend(NOW + timedelta(days=30), None) is None
    assert ring.verify(token) == {"n": 1}
    ring.tend(NOW + timedelta(days=30, seconds=1), None)
    assert states(ring) == ["active", "next"]
    with pytest.raises(BadToken):
        ring.verify(token)


def test_keys_rotate_by_age_once_whoever_asks(
    ring: KeyRing, settings: Settings, database: Database
) -> None:
    replica, week = KeyRing.open(database, settings, now=NOW), timedelta(days=7)
    assert ring.tend(NOW + week - timedelta(seconds=1), week) is None
    assert ring.tend(NOW + week, week) is not None
    assert replica.tend(NOW + week, week) is None
    replica.refresh()
    assert states(replica) == ["active", "next", "retired"]


def test_ring_signatures_of_one_type_do_not_pass_for_another(ring: KeyRing) -> None:
    assert ring.verify(ring.sign({"a": 1}, "x+jwt"), "x+jwt") == {"a": 1}
    for signed, expected in [(None, "x+jwt"), ("x+jwt", None), ("x+jwt", "y+jwt")]:
        with pytest.raises(BadToken):
            ring.verify(ring.sign({"a": 1}, signed), expected)


def test_private_keys_are_nowhere_in_the_database_file(
    ring: KeyRing, settings: Settings, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "pdp.db") as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    content = b"".join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))
    assert b'"d":' not in content and b'"d": ' not in content
    assert ring.listing()[0].kid.encode() in content


def test_a_key_moved_under_another_kid_does_not_open(
    ring: KeyRing, settings: Settings, database: Database, tmp_path: Path
) -> None:
    first, second = (key.kid for key in ring.listing())
    with sqlite3.connect(tmp_path / "pdp.db") as raw:
        raw.execute(
            "UPDATE signing_keys SET private_sealed ="
            " (SELECT private_sealed FROM signing_keys WHERE kid = ?) WHERE kid = ?",
            (first, second),
        )
    raw.close()
    with pytest.raises(MasterKeyError):
        KeyRing.open(database, settings, now=NOW)


def test_another_master_key_refuses_to_start_and_changes_nothing(
    ring: KeyRing, settings: Settings, database: Database
) -> None:
    other = settings.model_copy(
        update={"keys": settings.keys.model_copy(update={"master_key": None})}
    )
    with pytest.raises(MasterKeyError, match=r"pdp\.db\.key: is not the master key"):
        KeyRing.open(database, other, now=NOW)
    assert KeyRing.open(database, settings, now=NOW).jwks() == ring.jwks()


def test_macs_depend_on_purpose_and_data_and_agree_between_replicas(
    ring: KeyRing, settings: Settings, database: Database
) -> None:
    replica = KeyRing.open(database, settings, now=NOW)
    tag = ring.mac("page-token", b"data")
    assert replica.mac("page-token", b"data") == tag
    assert ring.mac("handle", b"data") != tag
    assert ring.verify_mac("page-token", b"data", tag)
    assert ring.verify_mac("page-token", b"data", tag[:16], 16)
    for purpose, data, given in [
        ("handle", b"data", tag),
        ("page-token", b"dat", tag),
        ("page-token", b"data", tag[:16]),
        ("page-token", b"data", b""),
    ]:
        assert not ring.verify_mac(purpose, data, given)


def test_macs_outlive_a_rotation(ring: KeyRing) -> None:
    tag = ring.mac("handle", b"data")
    ring.rotate(NOW)
    assert ring.verify_mac("handle", b"data", tag)


def test_sealed_values_open_for_their_purpose_only(ring: KeyRing) -> None:
    sealed = ring.seal(b"whsec_1", "subscription s1")
    assert ring.unseal(sealed, "subscription s1") == b"whsec_1"
    with pytest.raises(MasterKeyError):
        ring.unseal(sealed, "subscription s2")


@pytest.mark.requirement("ARAP-050")
def test_a_concealed_token_is_read_by_every_replica_and_by_nobody_else(
    ring: KeyRing, settings: Settings, database: Database
) -> None:
    token = ring.sign({"secret": "hidden-from-the-bearer"})
    concealed = ring.conceal(token)
    replica = KeyRing.open(database, settings, now=NOW)
    assert replica.reveal(concealed) == token
    ring.rotate(NOW)
    assert ring.reveal(concealed) == token
    assert concealed.count(".") == 4
    assert b"hidden" not in b"".join(
        base64.urlsafe_b64decode(part + "===") for part in concealed.split(".")
    )
    with pytest.raises(BadToken):
        ring.reveal(token)
    with pytest.raises(BadToken):
        ring.reveal(concealed[:-4] + "AAAA")
    assert ring.jwks()["keys"][0]["kid"] not in concealed

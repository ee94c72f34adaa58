"""Signing keys and machine callers."""

from pdp.store import clients, keys, versions
from pdp.store.clients import Client
from pdp.store.engine import Database
from pdp.store.keys import SigningKey
from tests.contract.make import DAY, NOW, race


def key(kid: str, state: keys.KeyState = "next") -> SigningKey:
    """A key."""
    return SigningKey(
        kid=kid, alg="ES256", state=state, public_jwk={"kid": kid}, private_sealed=b"\x00\xff",
        created_at=NOW,
    )  # fmt: skip


def client(name: str, source: clients.Source = "config", key_sha256: str = "00") -> Client:
    """A caller."""
    return Client(
        id=name, source=source, key_sha256=key_sha256, roles=["pep"], acts_for=["*"],
        created_at=NOW,
    )  # fmt: skip


def test_a_key_comes_back_whole_and_its_kid_is_taken(db: Database) -> None:
    assert db.write(lambda session: keys.add(session, key("k1")))
    assert not db.write(lambda session: keys.add(session, key("k1", "active")))
    assert db.read(keys.all_keys) == [key("k1")]


def test_a_key_moves_from_state_to_state_once(db: Database) -> None:
    db.write(lambda session: keys.add(session, key("k1")))
    moved = race(
        lambda _: db.write(lambda session: keys.set_state(session, "k1", "next", "active", NOW)),
        8,
    )
    assert moved.count(True) == 1
    assert db.read(keys.all_keys)[0].activated_at == NOW


def test_only_keys_retired_long_ago_are_dropped(db: Database) -> None:
    def work(session: keys.Session) -> int:
        for kid in ("old", "new", "used"):
            keys.add(session, key(kid, "active"))
        keys.set_state(session, "old", "active", "retired", NOW - DAY)
        keys.set_state(session, "new", "active", "retired", NOW)
        return keys.drop_retired(session, NOW)

    assert db.write(work) == 1
    assert {found.kid for found in db.read(keys.all_keys)} == {"new", "used"}


def test_two_that_find_no_key_make_one(db: Database) -> None:
    def first_key(number: int) -> None:
        def work(session: keys.Session) -> None:
            if not keys.lock(session, "ES256"):
                keys.add(session, key(f"k{number}", "active"))

        db.write(work)

    race(first_key, 8)
    assert len(db.read(keys.all_keys)) == 1


def test_a_configured_client_wins_over_one_added_by_hand(db: Database) -> None:
    assert db.write(lambda session: clients.add(session, client("as-1", "cli", "11")))
    assert db.write(lambda session: clients.replace_configured(session, [client("as-1")], NOW))
    assert [found.key_sha256 for found in db.read(clients.all_clients)] == ["00"]
    found = db.read(lambda session: clients.get(session, "as-1"))
    assert found is not None
    assert found.source == "config"


def test_the_same_configuration_again_changes_nothing(db: Database) -> None:
    configured = [client("a"), client("b")]
    assert db.write(lambda session: clients.replace_configured(session, configured, NOW))
    assert not db.write(lambda session: clients.replace_configured(session, configured, NOW + DAY))
    assert db.read(versions.current) == {"clients": 1}


def test_a_new_configuration_replaces_the_old_but_not_what_was_added_by_hand(
    db: Database,
) -> None:
    db.write(lambda session: clients.add(session, client("hand", "cli")))
    db.write(lambda session: clients.replace_configured(session, [client("a")], NOW))
    db.write(lambda session: clients.replace_configured(session, [client("b")], NOW))
    assert [found.id for found in db.read(clients.all_clients)] == ["b", "hand"]


def test_only_clients_added_by_hand_can_be_removed(db: Database) -> None:
    db.write(lambda session: clients.replace_configured(session, [client("a")], NOW))
    db.write(lambda session: clients.add(session, client("hand", "cli")))
    assert not db.write(lambda session: clients.remove(session, "a"))
    assert db.write(lambda session: clients.remove(session, "hand"))
    assert not db.write(lambda session: clients.remove(session, "hand"))

"""`pdp keys`: the signing keys of this deployment."""

from datetime import datetime

from pdp.commands.opened import Outcome, as_json, as_table, moment, with_database
from pdp.settings import Settings
from pdp.store.engine import Database
from pdp.trust.keys import KeyRing


def list_keys(settings: Settings, *, now: datetime, json: bool = False) -> Outcome:
    """Every signing key with its state, oldest first; never a private key."""

    def work(database: Database) -> Outcome:
        return 0, _listing(KeyRing.open(database, settings, now=now), json)

    return with_database(settings, work)


def rotate_keys(settings: Settings, *, now: datetime, json: bool = False) -> Outcome:
    """Sign with the next key from now on; every replica follows within a second."""

    def work(database: Database) -> Outcome:
        ring = KeyRing.open(database, settings, now=now)
        active = ring.rotate(now)
        return 0, _listing(ring, True) if json else f"`{active}` signs from now on"

    return with_database(settings, work)


def _listing(ring: KeyRing, json: bool) -> str:
    keys = ring.listing()
    if json:
        names = ("kid", "alg", "state", "created_at", "activated_at", "retired_at")
        return as_json({"keys": [{name: getattr(key, name) for name in names} for key in keys]})
    rows = [
        (key.kid, key.alg, key.state, moment(key.created_at), moment(key.activated_at))
        for key in keys
    ]
    return as_table(("KID", "ALG", "STATE", "CREATED", "ACTIVE SINCE"), rows)

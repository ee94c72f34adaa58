"""`pdp client`: machine callers kept in the database beside those of the configuration."""

from collections.abc import Sequence
from datetime import datetime

from pdp.background.credentials import derived_secret_text
from pdp.commands.opened import Outcome, as_json, as_table, moment, with_database
from pdp.settings import Settings
from pdp.store import clients as stored
from pdp.store.engine import Database
from pdp.trust.callers import ROLES
from pdp.trust.credentials import digest_of, new_client_key
from pdp.trust.keys import KeyRing
from pdp.trust.subjects import unreadable

_LONGEST_ID = 200
_Row = tuple[str, Sequence[str], Sequence[str], str, datetime | None]


def add_client(
    settings: Settings,
    client_id: str,
    roles: Sequence[str],
    acts_for: Sequence[str] = ("*",),
    *,
    now: datetime,
    json: bool = False,
) -> Outcome:
    """Make a client and its key. The key is shown this once; only its SHA-256 is kept."""
    fault = _fault(client_id, roles, acts_for)
    if fault is not None:
        return 2, fault
    if any(client.id == client_id for client in settings.clients):
        return 1, f"`{client_id}` is a client of the configuration"
    key = new_client_key()
    client = stored.Client(
        id=client_id,
        source="cli",
        key_sha256=digest_of(key.encode()).hex(),
        roles=list(dict.fromkeys(roles)),
        acts_for=list(dict.fromkeys(acts_for)),
        created_at=now,
    )

    def work(database: Database) -> Outcome:
        if not database.write(lambda session: stored.add(session, client)):
            return 1, f"there is a client `{client_id}` already; remove it first"
        shown = {"id": client_id, "key": key, "roles": client.roles, "acts_for": client.acts_for}
        lines = f"client `{client_id}` ({', '.join(client.roles)}); its key, shown only now:\n{key}"
        return 0, as_json(shown) if json else lines

    return with_database(settings, work)


def list_clients(settings: Settings, *, json: bool = False) -> Outcome:
    """Every client, of the configuration and of the database; never a key or its digest."""

    def work(database: Database) -> Outcome:
        rows: dict[str, _Row] = {
            client.id: (client.id, client.roles, client.acts_for, client.source, client.created_at)
            for client in database.read(stored.all_clients)
        }
        for known in settings.clients:
            rows[known.id] = (known.id, known.roles, known.acts_for, "config", None)
        found = [rows[name] for name in sorted(rows)]
        if json:
            names = ("id", "roles", "acts_for", "source", "created_at")
            return 0, as_json({"clients": [dict(zip(names, row, strict=True)) for row in found]})
        head = ("ID", "ROLES", "ACTS FOR", "SOURCE", "CREATED")
        cells = [
            (row[0], ",".join(row[1]), ",".join(row[2]), row[3], moment(row[4])) for row in found
        ]
        return 0, as_table(head, cells)

    return with_database(settings, work)


def remove_client(settings: Settings, client_id: str) -> Outcome:
    """Remove a client of the database: its key stops working on every replica within a second."""
    if any(client.id == client_id for client in settings.clients):
        return 1, f"`{client_id}` is a client of the configuration; remove it there"

    def work(database: Database) -> Outcome:
        if not database.write(lambda session: stored.remove(session, client_id)):
            return 1, f"there is no client `{client_id}`"
        return 0, f"client `{client_id}` is removed"

    return with_database(settings, work)


def callback_secret(settings: Settings, client_id: str, *, now: datetime) -> Outcome:
    """The secret that signs a caller's callbacks when none is configured for it."""
    configured = {client.id: client for client in settings.clients}.get(client_id)
    if configured is not None and (
        configured.callback_secret or configured.callback_bearer or configured.callback_certificate
    ):
        return 1, f"the callbacks of `{client_id}` are authenticated as the configuration says"

    def work(database: Database) -> Outcome:
        ring = KeyRing.open(database, settings, now=now)
        return 0, derived_secret_text(ring, client_id)

    return with_database(settings, work)


def _fault(client_id: str, roles: Sequence[str], acts_for: Sequence[str]) -> str | None:
    if not client_id or len(client_id) > _LONGEST_ID or not client_id.isprintable():
        return f"the id must be 1 to {_LONGEST_ID} printable characters"
    if not roles:
        return f"at least one role is needed, of {', '.join(ROLES)}"
    for role in roles:
        if role not in ROLES:
            return f"there is no role `{role}`; there are {', '.join(ROLES)}"
    for pattern in unreadable(acts_for):
        return f'`{pattern}` must be `*`, `Type::*` or one entity such as `User::"alice"`'
    return None

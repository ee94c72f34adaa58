"""Machine callers: their key's SHA-256, roles, and the subjects they may act for.

Law: the clients of the configuration are replaced as one; those added by hand stay, and a
configured client of the same id wins.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from sqlalchemy import delete, select
from sqlmodel import Field

from pdp.store import versions
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import ByteText, DocList, Key, Moment, Words

Source = Literal["config", "cli"]


class Client(Record):
    """A caller known by a key; `key_sha256` is the lower-case hex of the key's hash."""

    id: Key
    source: Annotated[Source, Field(sa_type=ByteText, primary_key=True)]
    key_sha256: Words
    roles: DocList
    acts_for: DocList
    created_at: Moment


class ClientRow(Client, table=True):
    """Table `clients`."""

    __tablename__ = "clients"


clients = table_of(ClientRow)


def add(session: Session, client: Client) -> bool:
    """Keep a new client; False when that id is taken within its source."""
    added = session.add_once(clients, client, ["id", "source"])
    if added:
        versions.announce(session, "clients")
    return added


def all_clients(session: Session) -> list[Client]:
    """One client for each id, by id: the configured one where there are two."""
    found = session.all(Client, select(clients).order_by(clients.c.id, clients.c.source))
    return list({client.id: client for client in found}.values())


def get(session: Session, client_id: str) -> Client | None:
    """The client of that id."""
    statement = select(clients).where(clients.c.id == client_id)
    return session.first(Client, statement.order_by(clients.c.source.desc()))


def remove(session: Session, client_id: str) -> bool:
    """Remove a client added by hand; False when there is none."""
    statement = delete(clients).where(clients.c.id == client_id, clients.c.source == "cli")
    removed = session.execute(statement).rowcount == 1
    if removed:
        versions.announce(session, "clients")
    return removed


def replace_configured(session: Session, configured: Sequence[Client], now: datetime) -> bool:
    """Make the configured clients these; tells whether anything was different."""
    wanted = {client.id: client.model_copy(update={"source": "config"}) for client in configured}
    statement = select(clients).where(clients.c.source == "config")
    held = {client.id: client for client in session.all(Client, statement)}
    if _known(held) == _known(wanted):
        return False
    session.execute(delete(clients).where(clients.c.source == "config"))
    created = {name: client.created_at for name, client in held.items()}
    session.add(
        clients,
        *(
            client.model_copy(update={"created_at": created.get(client.id, now)})
            for client in wanted.values()
        ),
    )
    versions.announce(session, "clients")
    return True


def _known(found: dict[str, Client]) -> dict[str, tuple[str, list[str], list[str]]]:
    return {
        name: (client.key_sha256, client.roles, client.acts_for) for name, client in found.items()
    }

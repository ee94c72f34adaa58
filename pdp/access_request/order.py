"""A request that was checked and is to be opened, whichever way it came in."""

from datetime import datetime
from typing import NamedTuple

from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow


class OrderItem(NamedTuple):
    """One thing that is asked for.

    Attributes:
        workflow: what its denial named.
        members: the context members that the denial binds.
        denial: what is kept of its own denial.
        wishes: `requested_access` as it holds for this item.
    """

    resource: JsonObject
    action: JsonObject
    workflow: Workflow
    members: tuple[str, ...] = ()
    evaluation_id: str | None = None
    denial: JsonObject | None = None
    wishes: JsonObject = {}  # noqa: RUF012 - nobody writes into it
    until: datetime | None = None
    emergency: bool = False


class UsedDenial(NamedTuple):
    """A mark of a denial that only one request may use, until nobody could take it any more."""

    kind: str
    issuer: str
    value: str
    until: datetime
    at: str


class Order(NamedTuple):
    """What is to be opened, for whom, by whom.

    Attributes:
        requester: the caller's id; only it is given the result.
        client_id: the OAuth client that the caller's credential is verified to speak for.
        items: exactly one when `bundle` is False.
        transport: `arap`, `dtr`, `ciba` or `txn`.
        actor: the chain that the caller's credential proves.
        client: what the submission says of its client, for the record only.
        used: the denials that it uses up.
        binding_hash: of what the denial of a whole bundle binds.
        unapprovable: steps, by position and name, that nobody known could approve.
    """

    requester: str
    client_id: str | None
    subject: JsonObject
    context: JsonObject
    items: tuple[OrderItem, ...]
    bundle: bool = False
    transport: str = "arap"
    justification: str | None = None
    wishes: JsonObject = {}  # noqa: RUF012 - nobody writes into it
    actor: JsonObject | None = None
    client: JsonObject = {}  # noqa: RUF012 - nobody writes into it
    callback: JsonObject | None = None
    used: tuple[UsedDenial, ...] = ()
    members: tuple[str, ...] = ()
    evaluation_id: str | None = None
    denial: JsonObject | None = None
    binding_hash: str | None = None
    policy_version: str | None = None
    unapprovable: tuple[tuple[int, str], ...] = ()

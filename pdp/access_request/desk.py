"""What the services of access requests work with, put together by the composition root."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pdp.access_request.approvers import Approvers
from pdp.access_request.denial_proof import Opener
from pdp.access_request.grant import Keys as GrantKeys
from pdp.access_request.results import Results
from pdp.core.cause import Cause
from pdp.core.task_effects import Effect
from pdp.core.values import JsonObject
from pdp.policy.authorizer import Authorizer
from pdp.settings import Settings
from pdp.store.engine import Database, Session
from pdp.store.tasks import Task
from pdp.trust.outbound import Outbound
from pdp.trust.trusted_pdps import TrustedPdps


class Keys(GrantKeys, Opener, Protocol):
    """What of the key ring access requests need."""

    def verify(self, token: str, typ: str | None = None) -> JsonObject:
        """The claims of a token that this deployment signed; raises `BadToken`."""


class Consequences(Protocol):
    """Writes what follows from one transition, in its transaction: audit, jobs, events."""

    def __call__(
        self,
        session: Session,
        effects: Sequence[Effect],
        task: Task,
        queues: Sequence[str],
        cause: Cause,
        now: datetime,
    ) -> None:
        """Write them; `task` is the row as the transition leaves it, its new version included."""


class Record(Protocol):
    """Has one more thing recorded in the audit, beside what a transition records by itself."""

    def __call__(
        self,
        session: Session,
        event: str,
        details: JsonObject,
        task: Task,
        cause: Cause,
        now: datetime,
    ) -> None:
        """Record it, in the transaction of its effect."""


class Publish(Protocol):
    """Tells those who follow a task: an event, and webhooks to its subscriptions."""

    def __call__(
        self, session: Session, kind: str, task: Task, queues: Sequence[str], now: datetime
    ) -> None:
        """Write it, in the transaction of what is told."""


class Desk(NamedTuple):
    """The parts of the services.

    Attributes:
        authorizer: the policies and entities in force now.
        identifier: of this PDP: its base URL as configured.
        base: prefix of every URL that is given out, without a slash at its end.
        endpoint: the Access Request Endpoint.
        consequences, record, publish: bound to the background by the composition root.
        outbound: checks the addresses of callbacks.
        trusted: other PDPs whose denials are taken.
        new_id: a new identifier that nobody can guess, beginning with the prefix given.
        approvers: sees whether anybody could approve.
        results: opens and signs approvals for their requesters.
    """

    database: Database
    authorizer: Callable[[], Authorizer]
    keys: Keys
    clock: Callable[[], datetime]
    settings: Settings
    identifier: str
    base: str
    endpoint: str
    consequences: Consequences
    record: Record
    publish: Publish
    outbound: Outbound
    trusted: TrustedPdps
    new_id: Callable[[str], str]
    approvers: Approvers
    results: Results

    def status_url(self, task_id: str) -> str:
        """The Task Status Endpoint of a task."""
        return f"{self.base}/access/v1/requests/{task_id}"

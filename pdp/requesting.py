"""The parts of a process that take access requests: the desk of the services, and the runner."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import orjson

from pdp.access_request.approvers import Approvers
from pdp.access_request.desk import Consequences, Desk, Record
from pdp.access_request.grant import Parties
from pdp.access_request.notices import Notices
from pdp.access_request.results import Results
from pdp.access_request.timers import DueTasks
from pdp.background import assembly, deferral_notices, publishing
from pdp.background.audit_heads import head_document
from pdp.background.credentials import Bearer, Credential, Credentials, Hmac, Mtls
from pdp.background.effects import Cause, Change, write_effects
from pdp.background.effects import record as note
from pdp.background.jobs import Handler
from pdp.background.outbound_poster import OutboundPoster
from pdp.background.periodic import Periodic
from pdp.background.retention import Keep
from pdp.background.runner import Runner
from pdp.core.task_effects import Effect, TaskResolved
from pdp.core.values import JsonObject
from pdp.policy.live import LivePolicies
from pdp.settings import ClientSettings, Settings
from pdp.store.audit_chain import AuditHead
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job
from pdp.store.tasks import Task
from pdp.trust.keys import KeyRing
from pdp.trust.outbound import Outbound
from pdp.trust.trusted_pdps import TrustedPdps
from pdp.trust.webhook_signature import parse_secret

ID_BYTES = 18
KEY_TENDING = Periodic("key_tending", timedelta(minutes=10))
_log = logging.getLogger("pdp.audit")


def endpoint_of(settings: Settings) -> str:
    """The Access Request Endpoint: ours, unless another service takes the requests."""
    own = base_of(settings) + "/access/v1/requests"
    return str(settings.access_requests.endpoint or own)


def base_of(settings: Settings) -> str:
    """The prefix of every URL that is given out."""
    return settings.base_url.rstrip("/")


def desk_of(
    settings: Settings,
    database: Database,
    keys: KeyRing,
    live: LivePolicies,
    clock: Callable[[], datetime],
) -> Desk:
    """The desk of this process."""

    return Desk(
        database,
        lambda: live.current,
        keys,
        clock,
        settings,
        settings.base_url,
        base_of(settings),
        endpoint_of(settings),
        *_written(keys),
        publishing.publish,
        Outbound(settings.outbound),
        TrustedPdps.from_settings(settings, time.time),
        lambda prefix: prefix + secrets.token_urlsafe(ID_BYTES),
        Approvers(),
        Results(keys, Parties(endpoint_of(settings), settings.base_url)),
    )


def _written(keys: KeyRing) -> tuple[Consequences, Record]:
    """What the background writes for the services."""

    def consequences(
        session: Session,
        effects: Sequence[Effect],
        task: Task,
        queues: Sequence[str],
        cause: Cause,
        now: datetime,
    ) -> None:
        write_effects(session, effects, Change(task, queues, cause, now, keys))
        if any(isinstance(effect, TaskResolved) for effect in effects):
            deferral_notices.tell_of(session, task, now)

    def record(
        session: Session,
        event: str,
        details: JsonObject,
        task: Task,
        cause: Cause,
        now: datetime,
    ) -> None:
        note(session, event, details, Change(task, (), cause, now, keys))

    return consequences, record


def runner_of(desk: Desk, keys: KeyRing, name: str, count: Callable[[str], object]) -> Runner:
    """The runner of this process, which does what follows from requests."""
    settings = desk.settings
    notices = Notices(desk)
    parts = assembly.Parts(
        database=desk.database,
        keys=keys,
        issuer=desk.identifier,
        poster=OutboundPoster(desk.outbound, desk.clock),
        credentials=Credentials(keys, _callers(settings), _named(settings)),
        timers=DueTasks(desk),
        handles=notices,
        questions=notices,
        hand_over=_hand_over,
        keep=_keep(settings),
    )

    def tend(job: Job, now: datetime) -> None:
        keys.tend(now, settings.keys.rotate_every)

    return Runner(
        desk.database,
        {**assembly.handlers(parts), KEY_TENDING.kind: Handler(tend)},
        desk.clock,
        name,
        periodic=(*assembly.PERIODIC, KEY_TENDING),
        lease=assembly.lease_for(settings.outbound.total_seconds),
        count=count,
    )


def _callers(settings: Settings) -> Mapping[str, Credential]:
    found = {client.id: _credential(client) for client in settings.clients}
    return {name: credential for name, credential in found.items() if credential is not None}


def _credential(client: ClientSettings) -> Credential | None:
    if client.callback_secret is not None:
        return Hmac((parse_secret(client.callback_secret.get_secret_value()),))
    if client.callback_bearer is not None:
        return Bearer(client.callback_bearer.get_secret_value())
    if client.callback_certificate is not None and client.callback_key is not None:
        return Mtls(client.callback_certificate, client.callback_key)
    return None


def _named(settings: Settings) -> Mapping[str, Hmac]:
    return {
        name: Hmac((parse_secret(secret.get_secret_value()),))
        for name, secret in settings.secrets.items()
    }


def _keep(settings: Settings) -> Keep:
    kept = settings.retention
    return Keep(
        decisions=settings.log.keep_decisions_days,
        tasks=kept.tasks,
        approvals=kept.approvals,
        outbox=kept.outbox,
        events=kept.events,
        policies=kept.policies,
        deletions=kept.deletions,
    )


def _hand_over(head: AuditHead) -> None:
    """The log of this process is kept elsewhere, so a deleted tail of the audit shows."""
    _log.info("signed audit head: %s", orjson.dumps(head_document(head)).decode())

"""A PDP in this process, with approvals granted behind its back, for the tests of evaluations."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import anyio

from pdp.access_request.grant import Parties, approval_result, grant_approval
from pdp.core.approval_state import STATE_TYPE
from pdp.core.authzen import evaluation_from
from pdp.core.scope import EXACT, Scope
from pdp.core.task_effects import ApprovalGranted
from pdp.core.values import EntityUid, JsonObject
from pdp.evaluation.evaluate import Asking, Offer, Outcome, evaluate_fully
from pdp.evaluation.presented import StateTrust
from pdp.evaluation.reconsider import Approvals
from pdp.evaluation.requestable import Issuer
from pdp.evaluation.standing import Standing
from pdp.policy.authorizer import Authorizer
from pdp.policy.bundle import Bundle, load_bundle
from pdp.policy.entities import EntityIndex
from pdp.store.approvals import Approval
from pdp.store.engine import Database
from pdp.store.tasks import Task
from pdp.trust.callers import Caller
from pdp.trust.keys import KeyRing
from pdp.trust.master_key import MasterKey

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BASE = "https://pdp.example.com"
ENDPOINT = BASE + "/access/v1/requests"
PEP = Caller("pep-1", frozenset({"pep"}))
OTHER_PEP = Caller("pep-2", frozenset({"pep"}))
WORLD = Path(__file__).parent.parent / "data" / "approvals" / "policies"

ALICE = {"type": "user", "id": "alice"}
E1 = {"type": "document", "id": "e1"}
A1 = {"type": "account", "id": "a1"}
VAULT = {"type": "folder", "id": "vault"}


class Asked(NamedTuple):
    """One question, with defaults for a read of a plan."""

    subject: JsonObject = ALICE
    action: str = "read"
    resource: JsonObject = E1
    context: Mapping[str, Any] = MappingProxyType({})

    def body(self, approval: Any = None) -> JsonObject:
        """The request, with an approval presented."""
        context = {**self.context} | ({} if approval is None else {"approval": approval})
        action = {"name": self.action}
        return {"subject": self.subject, "action": action, "resource": self.resource,
                "context": context}  # fmt: skip


PAYMENT = Asked(action="pay", resource=A1, context={"amount": 10})
OPENING = Asked(action="open", resource=VAULT)


@cache
def bundle() -> Bundle:
    """The policies of `tests/data/approvals`."""
    return load_bundle(WORLD, None, now=NOW)


class Pdp:
    """One replica: what it keeps in memory, over a database that others may share."""

    def __init__(self, database: Database, master: MasterKey | None = None) -> None:
        self.database = database
        self.keys = KeyRing(database, master or MasterKey(b"k" * 32))
        self.keys.prepare(NOW)
        self.authorizer = Authorizer(bundle(), EntityIndex.load(bundle().entities))
        self.standing = Standing(database)
        self.parties = Parties(ENDPOINT, BASE)
        keys = self.keys
        trust = StateTrust(ENDPOINT, BASE, {ENDPOINT: lambda token: keys.verify(token, STATE_TYPE)})
        self.approvals = Approvals(database, trust, self.standing)
        self.offer = Offer(Issuer(BASE, ENDPOINT, BASE, self.keys))

    def ask(
        self,
        asked: Asked,
        approval: Any = None,
        caller: Caller = PEP,
        now: datetime = NOW + MINUTE,
        *,
        offers: bool = True,
    ) -> Outcome:
        """Evaluate as the HTTP route does."""
        return self.ask_body(asked.body(approval), caller, now, offers=offers)

    def ask_body(
        self, body: JsonObject, caller: Caller = PEP, now: datetime = NOW + MINUTE, *,
        offers: bool = True,
    ) -> Outcome:  # fmt: skip
        """Evaluate a body."""
        offer = self.offer if offers else None
        asking = Asking(caller, self.authorizer, now, offer, self.approvals)
        return anyio.run(evaluate_fully, evaluation_from(body), asking)

    def grant(
        self,
        asked: Asked,
        template: str = "lead_approval",
        *,
        until: timedelta = 60 * MINUTE,
        scope: Scope = EXACT,
        standing: bool = False,
        members: tuple[str, ...] = (),
        review_within: timedelta | None = None,
        approvers: tuple[EntityUid, ...] = (("User", "bob"),),
        requester: str = "pep-1",
        client_id: str | None = None,
        task_id: str = "arq_1",
    ) -> "Given":
        """Have an approval granted for what was asked, from `NOW` on."""
        workflow = bundle().workflows.get(template)
        assert workflow is not None
        granted = ApprovalGranted(
            0, workflow, NOW, NOW + until, scope, workflow.single_use, standing,
            review_within is not None, None if review_within is None else NOW + review_within,
            approvers, ("somebody-approves",),
        )  # fmt: skip
        task = task_for(asked, template, members, requester, client_id, task_id)
        row = self.database.write(lambda session: grant_approval(session, task, granted, self.keys))
        result = approval_result(row, self.keys, self.parties)
        assert result.state is not None
        return Given(row, result.id, result.state)


class Given(NamedTuple):
    """An approval as kept, and what its requester holds."""

    row: Approval
    id: str
    state: str

    @property
    def both(self) -> JsonObject:
        """As the PEP presents it."""
        return {"id": self.id, "state": self.state}


def task_for(
    asked: Asked, template: str, members: tuple[str, ...], requester: str,
    client_id: str | None, task_id: str,
) -> Task:  # fmt: skip
    """The row of a request for what was asked."""
    return Task(
        id=task_id, status="approved", template=template, transport="arap",
        subject_type=asked.subject["type"], subject_id=asked.subject["id"],
        resource_type=asked.resource["type"], resource_id=asked.resource["id"],
        action_name=asked.action, requester=requester, client_id=client_id,
        evaluation_id="eval_1", created_at=NOW, updated_at=NOW, expires_at=NOW + 60 * MINUTE,
        subject=asked.subject, resource=asked.resource, action={"name": asked.action},
        context=dict(asked.context), binding_members=list(members), workflow={}, state={},
    )  # fmt: skip


def said(outcome: Outcome) -> tuple[bool, str | None, str | None]:
    """The decision, and for a denial the reason and the next action."""
    context = outcome.context or {}
    return outcome.allowed, context.get("reason"), context.get("next_action")

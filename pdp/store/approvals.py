"""Approvals: what was approved, for whom, until when, and whether it still counts.

Law: the secret `approval.id` is kept only as its SHA-256 (and sealed, for whoever may see it
again); a revoked or used-up approval never counts again; every approval ends. Overlapping
approvals are rows of their own and do not touch each other.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Index, bindparam, select, update

from pdp.store import versions
from pdp.store.records import Record, table_of
from pdp.store.session import Session
from pdp.store.types import (
    Doc,
    DocList,
    Key,
    MaybeCount,
    MaybeDoc,
    MaybeMoment,
    MaybeSealed,
    MaybeWords,
    Moment,
    Words,
)

PROVISIONED = "provisioned"
"""Member of `extra`: whether what the approval stands for is in place; missing: it is."""


class Approval(Record):
    """An approval. `ref` names it where the secret must not be; `context` is the bound part."""

    ref: Key
    id_hash: Words
    sealed_id: MaybeSealed = None
    task_id: Words
    item: MaybeCount = None
    template: Words
    transport: Words
    subject_type: Words
    subject_id: Words
    resource_type: Words
    resource_id: Words
    action_name: Words
    scope: Words
    standing_version: MaybeCount = None
    single_use: bool = False
    emergency: bool = False
    requester: Words
    client_id: MaybeWords = None
    evaluation_id: MaybeWords = None
    approved_at: Moment
    approved_until: Moment
    used_at: MaybeMoment = None
    used_by: MaybeWords = None
    revoked_at: MaybeMoment = None
    revoked_by: MaybeWords = None
    revoked_reason: MaybeWords = None
    binding_hash: Words
    binding_members: DocList
    subject: Doc
    resource: Doc
    action: Doc
    context: Doc
    scope_detail: MaybeDoc = None
    actor: MaybeDoc = None
    approvers: DocList
    extra: MaybeDoc = None


class ApprovalRow(Approval, table=True):
    """Table `approvals`."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index("ix_approvals_id_hash", "id_hash", unique=True),
        Index("ix_approvals_task", "task_id", "item"),
        Index("ix_approvals_at", "approved_at", "ref"),
        Index("ix_approvals_subject", "subject_id", "approved_at", "ref"),
        Index("ix_approvals_requester", "requester", "approved_at", "ref"),
        Index("ix_approvals_until", "approved_until"),
        Index("ix_approvals_standing", "standing_version"),
    )


approvals = table_of(ApprovalRow)
_c = approvals.c
_BY_HASH = select(approvals).where(_c.id_hash == bindparam("hash"))
_BY_REF = select(approvals).where(_c.ref == bindparam("ref"))
_OF_TASK = select(approvals).where(_c.task_id == bindparam("task")).order_by(_c.item, _c.ref)


def hash_of(approval_id: str) -> str:
    """What is kept of an `approval.id`: its SHA-256, in hex."""
    return hashlib.sha256(approval_id.encode("utf-8", "surrogatepass")).hexdigest()


def is_live(now: datetime) -> ColumnElement[bool]:
    """The condition that an approval counts at that moment."""
    return (
        (_c.approved_until > now)
        & _c.revoked_at.is_(None)
        & (_c.used_at.is_(None) | _c.single_use.is_(False))
    )


def is_provisioned(approval: Approval) -> bool:
    """Whether what an approval stands for is in place."""
    return (approval.extra or {}).get(PROVISIONED) is not False


def grant(session: Session, approval: Approval, *, standing: bool) -> None:
    """Keep a new approval; a `standing` one is found by evaluations that do not present it."""
    version = versions.bump(session, "approvals") if standing else None
    session.add(approvals, approval.model_copy(update={"standing_version": version}))


def by_id(session: Session, approval_id: str) -> Approval | None:
    """The approval with that secret id, live or not: one read by a unique key."""
    return session.first(Approval, _BY_HASH, {"hash": hash_of(approval_id)})


def by_ref(session: Session, ref: str) -> Approval | None:
    """The approval of that public reference."""
    return session.first(Approval, _BY_REF, {"ref": ref})


def of_task(session: Session, task_id: str) -> list[Approval]:
    """The approvals that a task ended in, by item."""
    return session.all(Approval, _OF_TASK, {"task": task_id})


def use(session: Session, ref: str, used_by: str, now: datetime) -> bool:
    """Spend a single-use approval; False when it is spent, revoked or over."""
    statement = update(approvals).where(
        _c.ref == ref, _c.single_use.is_(True), _c.used_at.is_(None), is_live(now)
    )
    return session.execute(statement.values(used_at=now, used_by=used_by)).rowcount == 1


def revoke(session: Session, ref: str, *, by: str, reason: str | None, now: datetime) -> bool:
    """End an approval at once, for every replica; False when it no longer counted."""
    statement = update(approvals).where(_c.ref == ref, _c.revoked_at.is_(None))
    statement = statement.where(_c.approved_until > now)
    values = {"revoked_at": now, "revoked_by": by, "revoked_reason": reason}
    returned = statement.values(values).returning(_c.standing_version)
    row = session.execute(returned).first()
    if row is not None and row.standing_version is not None:
        _restamp(session, ref)
    return row is not None


def provision(session: Session, approval: Approval, now: datetime) -> bool:
    """Note that what an approval stands for is in place; False when it was, or no longer counts."""
    if is_provisioned(approval):
        return False
    statement = update(approvals).where(
        _c.ref == approval.ref, _c.extra == approval.extra, is_live(now)
    )
    returned = statement.values(extra={**(approval.extra or {}), PROVISIONED: True})
    row = session.execute(returned.returning(_c.standing_version)).first()
    if row is not None and row.standing_version is not None:
        _restamp(session, approval.ref)
    return row is not None


def _restamp(session: Session, ref: str) -> None:
    changes: Mapping[str, int] = {"standing_version": versions.bump(session, "approvals")}
    session.execute(update(approvals).where(_c.ref == ref).values(changes))

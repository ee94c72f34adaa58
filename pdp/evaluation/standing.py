"""The standing approvals, which evaluations find by themselves, kept in memory by subject.

What is found here is a candidate: the store is asked again before an allow rests on it, so that a
revocation holds at once, whatever this replica has heard of it.
"""

import heapq
import threading
from datetime import datetime

from pdp.core.approval import Approval
from pdp.core.values import EntityUid
from pdp.store.approval_listing import standing_since
from pdp.store.approval_records import approval_of
from pdp.store.engine import Database


class Standing:
    """Standing approvals as this replica knows them; `follow` keeps up with the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = 0
        self._following = threading.Lock()
        self._by_subject: dict[EntityUid, tuple[Approval, ...]] = {}
        self._subjects: dict[str, EntityUid] = {}
        self._ends: list[tuple[datetime, str]] = []

    def __len__(self) -> int:
        return len(self._subjects)

    def follow(self, now: datetime) -> None:
        """Take over what changed in the store, and forget what is over."""
        with self._following:
            self._follow(now)

    def of_subject(self, subject: EntityUid) -> tuple[Approval, ...]:
        """The approvals of a subject, by its AuthZEN type and id, oldest first."""
        return self._by_subject.get(subject, ())

    def _follow(self, now: datetime) -> None:
        changed = self._database.read(lambda session: standing_since(session, self._version, now))
        for row in changed.approvals:
            self._drop(row.ref)
            if row.revoked_at is None and row.approved_until > now:
                self._put((row.subject_type, row.subject_id), approval_of(row))
        self._version = changed.version
        while self._ends and self._ends[0][0] <= now:
            _, ref = heapq.heappop(self._ends)
            if not self._lasts(ref, now):
                self._drop(ref)

    def _put(self, subject: EntityUid, approval: Approval) -> None:
        held = (*self._by_subject.get(subject, ()), approval)
        self._by_subject[subject] = tuple(
            sorted(held, key=lambda each: (each.approved_at, each.ref))
        )
        self._subjects[approval.ref] = subject
        heapq.heappush(self._ends, (approval.approved_until, approval.ref))

    def _drop(self, ref: str) -> None:
        subject = self._subjects.pop(ref, None)
        if subject is None:
            return
        left = tuple(each for each in self._by_subject[subject] if each.ref != ref)
        if left:
            self._by_subject[subject] = left
        else:
            del self._by_subject[subject]

    def _lasts(self, ref: str, now: datetime) -> bool:
        subject = self._subjects.get(ref)
        held = self._by_subject.get(subject, ()) if subject is not None else ()
        return any(each.ref == ref and each.approved_until > now for each in held)

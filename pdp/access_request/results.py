"""The approvals that requesters are given, remembered so that a poll signs nothing again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from typing import Generic, TypeVar

from pdp.access_request.grant import Keys, Parties, approval_result
from pdp.core.task_handle import ApprovalResult
from pdp.store.approvals import Approval

MOST_KEPT = 4096

V = TypeVar("V")


class Results:
    """Opens and signs the approvals of one deployment, each once."""

    def __init__(self, keys: Keys, parties: Parties) -> None:
        self._keys = keys
        self._parties = parties
        self._kept = _Kept[Mapping[int, ApprovalResult]]()

    def of_task(
        self, task_id: str, version: int, read: Callable[[], Sequence[Approval]]
    ) -> Mapping[int, ApprovalResult]:
        """What the requester is given of a request, by item.

        Args:
            task_id: the request.
            version: of its row as it is committed; its approvals came with it, and their terms
                never change.
            read: the approvals of the request, asked for when they are not remembered.
        """
        return self._kept.get(
            (task_id, version),
            lambda: {
                row.item or 0: approval_result(row, self._keys, self._parties) for row in read()
            },
        )


class _Kept(Generic[V]):
    """Values by key; the one that was not asked for longest makes room."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._kept[key] = made
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made

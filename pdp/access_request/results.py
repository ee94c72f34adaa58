"""The approvals that requesters are given, remembered so that a poll signs nothing again."""

from collections import OrderedDict
from threading import Lock

from pdp.access_request.grant import Keys, Parties, approval_result
from pdp.core.task_handle import ApprovalResult
from pdp.store.approvals import Approval

MOST_KEPT = 4096


class Results:
    """Opens and signs the approvals of one deployment, each once."""

    def __init__(self, keys: Keys, parties: Parties) -> None:
        self._keys = keys
        self._parties = parties
        self._kept: OrderedDict[tuple[str, object], ApprovalResult] = OrderedDict()
        self._lock = Lock()

    def of(self, row: Approval) -> ApprovalResult:
        """What the requester of an approval is given, always the same."""
        # One that was brought to an earlier end is another one here.
        key = (row.ref, row.approved_until)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = approval_result(row, self._keys, self._parties)
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

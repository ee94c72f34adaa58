"""What is in force in this process: one immutable snapshot of policies and entities at a time.

Whoever takes the snapshot keeps it for the whole of its work, so that a batch or a search never
sees two versions. Writers build the next snapshot aside and put it in place with one assignment.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.authorizer import Authorizer
from pdp.policy.bundle import Bundle
from pdp.policy.entities import EntityIndex

Listener = Callable[[Authorizer], object]


class LivePolicies:
    """The snapshot in force, following the policy folder and the stored entities.

    Entities put through the admin API win over those of `entities.json` with the same uid.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._lock = threading.Lock()
        self._stored: set[EntityUid] = set()
        self._folder = self._entities = EntityIndex.load(bundle.entities)
        self._bundle = replace(bundle, entities=())
        self._authorizer = Authorizer(self._bundle, self._entities)
        self._listeners: list[Listener] = []

    @property
    def current(self) -> Authorizer:
        """The snapshot in force now."""
        return self._authorizer

    @property
    def bundle(self) -> Bundle:
        """The policy set in force now."""
        return self._bundle

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` called with every new snapshot, from whichever thread made it."""
        self._listeners.append(listener)

    def take_bundle(self, bundle: Bundle) -> None:
        """Put a newly loaded policy set in force, with the stored entities over its own."""
        folder = EntityIndex.load(bundle.entities)
        with self._lock:
            stored = [body for uid in self._stored if (body := self._entities.get(uid))]
            self._folder = folder
            self._entities = folder.with_changes(stored, []) if stored else folder
            self._bundle = replace(bundle, entities=())
            self._swap()

    def take_entities(self, puts: Sequence[JsonObject], deletes: Sequence[EntityUid]) -> None:
        """Put changed stored entities in force; a deleted one uncovers that of the folder."""
        with self._lock:
            self._stored.update(uid_of(body) for body in puts)
            self._stored.difference_update(deletes)
            uncovered = [body for uid in deletes if (body := self._folder.get(uid))]
            gone = [uid for uid in deletes if self._folder.get(uid) is None]
            self._entities = self._entities.with_changes([*puts, *uncovered], gone)
            self._swap()

    def _swap(self) -> None:
        self._authorizer = Authorizer(self._bundle, self._entities)
        for listener in self._listeners:
            listener(self._authorizer)


def uid_of(body: JsonObject) -> EntityUid:
    """The uid of an entity in Cedar's JSON form, with or without the `__entity` wrapper."""
    uid = body["uid"]
    uid = uid.get("__entity", uid)
    return (uid["type"], uid["id"])

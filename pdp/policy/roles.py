"""What was worked out about the entities asked for last, for each of the three roles."""

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.entity_slice import EntityReader
from pdp.policy.heads import Side
from pdp.policy.slice import Cut

_MOST_KNOWN = 4096
_MOST_TEXTS = 16


class Known:
    """One entity in one role.

    Attributes:
        uid: which.
        json: its uid for the engine.
        profile: what heads make of it.
    """

    __slots__ = ("_look", "_reader", "_texts", "json", "profile", "uid")

    def __init__(self, uid: EntityUid, side: Side, reader: EntityReader) -> None:
        self._reader = reader
        self._look = look = reader.look(uid)
        self._texts: dict[Cut, str] = {}
        self.uid = uid
        self.json = {"type": uid[0], "id": uid[1]}
        self.profile = side.profile(uid, look[1].uids)

    def text(self, cut: Cut) -> str:
        """The entity for the engine, cut down; empty when the decision is the same without it."""
        text = self._texts.get(cut)
        if text is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            text = self._texts[cut] = self._reader.text(self.uid, cut, None, self._look)
        return text

    def overlaid_text(self, cut: Cut, overlay: JsonObject) -> str:
        """The same with attributes laid over it."""
        return self._reader.text(self.uid, cut, overlay, self._look)


Three = tuple[Known, Known, Known]
"""Principal, action and resource."""


class Role(dict[EntityUid, Known]):
    """Principals, actions or resources, of one snapshot of policies and entities.

    It is a dictionary that works out what it lacks and forgets all when it grows too large.
    """

    def __init__(self, side: Side, reader: EntityReader) -> None:
        super().__init__()
        self._side = side
        self._reader = reader

    def __missing__(self, uid: EntityUid) -> Known:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        known = self[uid] = Known(uid, self._side, self._reader)
        return known

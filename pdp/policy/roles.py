"""What was worked out about the entities asked for last, for each of the three roles."""

from pdp.core.values import EntityUid
from pdp.policy.entity_slice import EntityReader
from pdp.policy.heads import Profile, Side
from pdp.policy.slice import Cut

_MOST_KNOWN = 4096
_MOST_TEXTS = 16


class Known:
    """One entity in one role.

    Attributes:
        json: its uid for the engine.
        profile: what heads make of it.
        texts: what the engine is given of it, as JSON text.
    """

    __slots__ = ("json", "profile", "texts")

    def __init__(self, uid: EntityUid, profile: Profile) -> None:
        self.json = {"type": uid[0], "id": uid[1]}
        self.profile = profile
        self.texts: dict[Cut, str] = {}


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
        known = Known(uid, self._side.profile(uid, self._reader.ancestry(uid).uids))
        self[uid] = known
        return known

    def text(self, uid: EntityUid, cut: Cut) -> str:
        """An entity for the engine, cut down; empty when the decision is the same without it."""
        known = self[uid]
        text = known.texts.get(cut)
        if text is None:
            if len(known.texts) >= _MOST_TEXTS:
                known.texts.clear()
            text = known.texts[cut] = self._reader.text(uid, cut.want, cut.targets, None)
        return text

"""Several decisions in one call of the engine, where they can share policies and entities."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.answer import Answer, answer_of
from pdp.policy.asking import engine_request, is_plain
from pdp.policy.engine import EngineRequest, authorize_batch
from pdp.policy.entity_slice import EntityReader, Wants
from pdp.policy.mapping import CedarRequest
from pdp.policy.roles import Known, Three
from pdp.policy.slice import Cut, Slice


class Groups:
    """Requests as they come, sorted into groups.

    Attributes:
        answers: by position; None where it is not known yet.
    """

    def __init__(self, reader: EntityReader, count: int) -> None:
        self.answers: list[Answer | None] = [None] * count
        self._reader = reader
        self._open: dict[tuple[Slice, bool], _Group] = {}

    def add(
        self,
        position: int,
        chosen: Slice,
        request: CedarRequest,
        three: Three,
        context: JsonObject,
    ) -> None:
        """Put a request into a group of its slice."""
        plain = not request.overlays and is_plain(chosen, request, context)
        group = self._open.get((chosen, plain))
        item = _Item(position, request, three, context)
        if group is None or not group.take(item):
            if group is not None:
                group.decide(self.answers)
            group = _PlainGroup(chosen) if plain else _MixedGroup(chosen, self._reader)
            self._open[chosen, plain] = group
            group.take(item)

    def decided(self) -> list[Answer]:
        """The answers to all requests, in the order of their positions."""
        for group in self._open.values():
            group.decide(self.answers)
        return [answer for answer in self.answers if answer is not None]


class _Item(NamedTuple):
    position: int
    request: CedarRequest
    three: Three
    context: JsonObject


class _Group(ABC):
    """Requests of one slice that see the same entities.

    What one request lays over an entity must not be seen by another that looks at that entity.
    """

    def __init__(self, chosen: Slice) -> None:
        self._slice = chosen
        self._positions: list[int] = []
        self._requests: list[EngineRequest] = []

    def take(self, item: _Item) -> bool:
        """Take a request in, if that changes the answer of none."""
        if not self._fits(item):
            return False
        self._positions.append(item.position)
        self._requests.append(engine_request(self._slice, item.three, item.context))
        return True

    def decide(self, answers: list[Answer | None]) -> None:
        """Put the answers of this group's requests in their positions."""
        chosen = self._slice
        text = "[" + ",".join(filter(None, self._texts())) + "]"
        found = authorize_batch(chosen.handle, text, self._requests)
        for position, answer in zip(self._positions, found, strict=True):
            answers[position] = answer_of(answer, chosen)

    @abstractmethod
    def _fits(self, item: _Item) -> bool:
        """Take in the entities of a request, if they go with those of the others."""

    @abstractmethod
    def _texts(self) -> Iterable[str]:
        """The entities, each as JSON text."""


class _PlainGroup(_Group):
    """Requests that look at three different entities, as they are stored, and no others."""

    def __init__(self, chosen: Slice) -> None:
        super().__init__(chosen)
        self._found: dict[EntityUid, tuple[int, Known]] = {}

    def _fits(self, item: _Item) -> bool:
        found = self._found
        for role, known in enumerate(item.three):
            there = found.setdefault(known.uid, (role, known))
            if there[0] != role:
                return False
        return True

    def _texts(self) -> Iterable[str]:
        cuts = self._slice.cuts
        return [known.text(cuts[role]) for role, known in self._found.values()]


class _MixedGroup(_Group):
    """Requests that look further, or that lay attributes over entities."""

    def __init__(self, chosen: Slice, reader: EntityReader) -> None:
        super().__init__(chosen)
        self._reader = reader
        self._wants: Wants = {}
        self._overlays: dict[EntityUid, JsonObject] = {}

    def _fits(self, item: _Item) -> bool:
        wants = self._reader.wants(item.request, self._slice, item.context)
        mine, overlays, laid = self._wants, self._overlays, item.request.overlays
        if laid or overlays:
            for uid in wants:
                if uid in mine and overlays.get(uid) != laid.get(uid):
                    return False
        for uid, want in wants.items():
            known = mine.get(uid)
            mine[uid] = want if known is None else known.along_with(want)
            if uid in laid:
                overlays[uid] = laid[uid]
        return True

    def _texts(self) -> Iterable[str]:
        reader, overlays, targets = self._reader, self._overlays, self._slice.targets
        return [
            reader.text(uid, Cut(want, targets), overlays.get(uid), reader.look(uid))
            for uid, want in self._wants.items()
        ]

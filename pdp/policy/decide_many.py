"""Several decisions in one call of the engine, where they can share policies and entities."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.answer import Answer, answer_of
from pdp.policy.engine import EngineRequest, authorize_batch
from pdp.policy.entity_slice import EntityReader, Wants
from pdp.policy.mapping import CedarRequest
from pdp.policy.roles import Role
from pdp.policy.slice import Slice


class Group(ABC):
    """Requests of one slice that see the same entities.

    What one request lays over an entity must not be seen by another that looks at that entity.
    """

    def __init__(self, chosen: Slice) -> None:
        self._slice = chosen
        self._positions: list[int] = []
        self._requests: list[EngineRequest] = []

    def take(
        self, position: int, request: CedarRequest, context: JsonObject, asked: EngineRequest
    ) -> bool:
        """Take a request in, if that changes the answer of none."""
        if not self._fits(request, context):
            return False
        self._positions.append(position)
        self._requests.append(asked)
        return True

    def decide(self, answers: list[Answer | None]) -> None:
        """Put the answers of this group's requests in their positions."""
        chosen = self._slice
        text = "[" + ",".join(filter(None, self._texts())) + "]"
        found = authorize_batch(chosen.handle, text, self._requests)
        for position, answer in zip(self._positions, found, strict=True):
            answers[position] = answer_of(answer, chosen)

    @abstractmethod
    def _fits(self, request: CedarRequest, context: JsonObject) -> bool:
        """Take in the entities of a request, if they go with those of the others."""

    @abstractmethod
    def _texts(self) -> Iterable[str]:
        """The entities, each as JSON text."""


class PlainGroup(Group):
    """Requests that look at three different entities, as they are stored, and no others."""

    def __init__(self, chosen: Slice, roles: Sequence[Role]) -> None:
        super().__init__(chosen)
        self._roles = roles
        self._role_of: dict[EntityUid, int] = {}

    def _fits(self, request: CedarRequest, context: JsonObject) -> bool:
        role_of = self._role_of
        new = [at for at in range(3) if role_of.get(request[at]) != at]
        if any(request[at] in role_of for at in new):
            return False
        for at in new:
            role_of[request[at]] = at
        return True

    def _texts(self) -> Iterable[str]:
        roles, cuts = self._roles, self._slice.cuts
        return (roles[at].text(uid, cuts[at]) for uid, at in self._role_of.items())


class MixedGroup(Group):
    """Requests that look further, or that lay attributes over entities."""

    def __init__(self, chosen: Slice, reader: EntityReader) -> None:
        super().__init__(chosen)
        self._reader = reader
        self._wants: Wants = {}
        self._overlays: dict[EntityUid, JsonObject] = {}

    def _fits(self, request: CedarRequest, context: JsonObject) -> bool:
        wants = self._reader.wants(request, self._slice, context)
        mine, overlays, laid = self._wants, self._overlays, request.overlays
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
        text, overlays, targets = self._reader.text, self._overlays, self._slice.targets
        return (text(uid, want, targets, overlays.get(uid)) for uid, want in self._wants.items())

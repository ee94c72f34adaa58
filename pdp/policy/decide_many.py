"""Several decisions in one call of the engine, where they can share policies and entities."""

from pdp.core.values import EntityUid, JsonObject
from pdp.policy.answer import Answer, answer_of, engine_request
from pdp.policy.engine import EngineRequest, authorize_batch
from pdp.policy.entity_slice import EntityReader, Wants
from pdp.policy.mapping import CedarRequest
from pdp.policy.slice import Slice


class Group:
    """Requests of one slice that see the same entities.

    What one request lays over an entity must not be seen by another that looks at that entity.
    """

    def __init__(self, reader: EntityReader, chosen: Slice) -> None:
        self._reader = reader
        self._slice = chosen
        self._wants: Wants = {}
        self._overlays: dict[EntityUid, JsonObject | None] = {}
        self._positions: list[int] = []
        self._requests: list[EngineRequest] = []

    def take(self, position: int, request: CedarRequest, context: JsonObject) -> bool:
        """Take a request in, if that changes the answer of none."""
        wants = self._reader.wants(request, self._slice, context)
        overlays, laid = self._overlays, request.overlays
        if laid or overlays:
            for uid in wants:
                if uid in self._wants and overlays.get(uid) != laid.get(uid):
                    return False
        mine = self._wants
        for uid, want in wants.items():
            known = mine.get(uid)
            mine[uid] = want if known is None else known.along_with(want)
            if uid in laid:
                overlays[uid] = laid[uid]
        self._positions.append(position)
        self._requests.append(engine_request(request, self._slice, context))
        return True

    def decide(self, answers: list[Answer | None]) -> None:
        """Put the answers of this group's requests in their positions."""
        chosen, overlays = self._slice, self._overlays
        texts = [
            text
            for uid, want in self._wants.items()
            if (text := self._reader.text(uid, want, chosen.targets, overlays.get(uid)))
        ]
        found = authorize_batch(chosen.handle, "[" + ",".join(texts) + "]", self._requests)
        for position, answer in zip(self._positions, found, strict=True):
            answers[position] = answer_of(answer, chosen)

"""What the engine is told about one request."""

import orjson

from pdp.core.values import JsonObject
from pdp.policy.engine import EngineRequest
from pdp.policy.entity_slice import EntityReader
from pdp.policy.mapping import CedarRequest
from pdp.policy.reach import NOTHING, Reach
from pdp.policy.roles import Three
from pdp.policy.slice import Slice


def engine_request(chosen: Slice, three: Three, context: JsonObject) -> EngineRequest:
    """A request, with those members of the context that the policies of the slice read."""
    asked: EngineRequest = {
        "principal": three[0].json,
        "action": three[1].json,
        "resource": three[2].json,
    }
    members = chosen.context_members
    if context and members is not None:
        context = {name: context[name] for name in members if name in context}
    if context:
        # The engine takes 3 us even for an empty context.
        asked["context"] = orjson.dumps(context).decode()
    return asked


def is_plain(chosen: Slice, request: CedarRequest, context: JsonObject) -> bool:
    """Whether three different entities are all that is looked at."""
    principal, action, resource = request.principal_uid, request.action_uid, request.resource_uid
    if chosen.walks or principal == resource or action in (principal, resource):
        return False
    return not (chosen.walks_context and context and _meets_entity(context, chosen.access.context))


def _meets_entity(values: JsonObject, reach: Reach) -> bool:
    """Whether what is read of a record goes on through a reference to an entity."""
    if reach.everything:
        return True
    for name, below in reach.attrs:
        value = values.get(name)
        if below == NOTHING or value is None:
            continue
        if below.everything:
            return True
        inside = isinstance(value, dict) and "__extn" not in value
        if inside and ("__entity" in value or _meets_entity(value, below)):
            return True
    return False


def entity_texts(
    reader: EntityReader,
    chosen: Slice,
    request: CedarRequest,
    three: Three,
    context: JsonObject,
) -> list[str]:
    """The entities for one decision, each as JSON text; empty ones are to be left out."""
    if not is_plain(chosen, request, context):
        return reader.texts(request, chosen, context)
    overlays, cuts = request.overlays, chosen.cuts
    if not overlays:
        return [three[0].text(cuts[0]), three[1].text(cuts[1]), three[2].text(cuts[2])]
    return [
        known.overlaid_text(cut, overlays[known.uid]) if known.uid in overlays else known.text(cut)
        for known, cut in zip(three, cuts, strict=True)
    ]

"""Who may act on a request: Cedar's answer, about the very resource that was requested.

The actions are `access_request:approve`, `:auto_approve`, `:view` and `:revoke`; policies see the
request in `context.request` (contract, section 4). Nobody may do what no policy permits.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pdp.access_request.case import Case
from pdp.core.authzen import Action, Entity, Evaluation
from pdp.core.moment import format_moment
from pdp.core.task import Question
from pdp.core.values import EntityUid, JsonObject
from pdp.policy.approval_facts import entity_reference
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.coercion import Coercion, cedar_datetime
from pdp.policy.mapping import CedarRequest
from pdp.policy.names import is_cedar_type
from pdp.policy.schema_types import EntityRef, Primitive, Record, Type

RequestAction = Literal["approve", "auto_approve", "view", "revoke"]
PREFIX = "access_request:"
_NOTHING: JsonObject = {}
_FEW = 50


class RequestFacts(NamedTuple):
    """What policies may know of one item of a request.

    Attributes:
        subject: as submitted, its properties included; they lie over the stored entity.
        resource: likewise.
        client: the OAuth client that asked, else the caller that submitted.
    """

    id: str
    template: str
    step: str
    subject: JsonObject
    resource: JsonObject
    action: JsonObject
    client: str
    transport: str
    emergency: bool = False
    requested_until: datetime | None = None
    justification: str | None = None
    actor: JsonObject | None = None


def facts_of(case: Case, position: int, step: str = "") -> RequestFacts:
    """The facts about an item of a request, at one of its steps."""
    row = case.row
    item = case.task.items[position]
    plan = case.task.plan_of(item)
    return RequestFacts(
        row.id,
        plan.workflow.name,
        step,
        row.subject,
        case.resource(position),
        case.action(position),
        row.client_id or row.requester,
        row.transport,
        plan.emergency,
        item.requested_until,
        row.justification,
        row.actor,
    )


class Rights:
    """Asks one snapshot of the policies, at one moment."""

    def __init__(self, authorizer: Authorizer, now: datetime) -> None:
        self._authorizer = authorizer
        self._now = now

    def permitted(
        self, person: EntityUid, action: RequestAction, facts: RequestFacts
    ) -> tuple[str, ...] | None:
        """The ids of the policies that permit a person an action; None when it is denied.

        What was asked under CIBA is approved by its own subject and by nobody else, not even by
        policy, whatever the policies and the workflow say.
        """
        if facts.transport == "ciba" and (
            action == "auto_approve" or (action == "approve" and person != self.subject_uid(facts))
        ):
            return None
        answer = self._answer(person, action, facts)
        if answer is None or not answer.allowed:
            return None
        return tuple(policy.id for policy in answer.determining)

    def forbidden(self, person: EntityUid, action: RequestAction, facts: RequestFacts) -> bool:
        """Whether a policy forbids it, which no standing in for another gets around."""
        answer = self._answer(person, action, facts)
        if answer is None:
            return True
        return not answer.allowed and any(each.effect == "forbid" for each in answer.determining)

    def _answer(
        self, person: EntityUid, action: RequestAction, facts: RequestFacts
    ) -> Answer | None:
        """Cedar's answer; None where it cannot even be asked."""
        request = self.request(person, action, facts)
        if not (request.representable and is_cedar_type(person[0])):
            return None
        return self._authorizer.decide(
            request, now=self._now, request_facts=self.request_facts(action, facts)
        )

    def request(
        self, person: EntityUid, action: RequestAction, facts: RequestFacts
    ) -> CedarRequest:
        """The question as Cedar is asked it."""
        mapping = self._authorizer.mapping
        asked = mapping.request(
            Evaluation(
                _entity(facts.subject), Action(PREFIX + action, {}, {}), _entity(facts.resource), {}
            )
        )
        return asked._replace(principal_uid=person, overlays=self._trusted(asked))

    def _trusted(self, asked: CedarRequest) -> dict[EntityUid, JsonObject]:
        """What lies over the entities: of a subject that is stored, nothing.

        Whoever asks for access must not be able to say, with it, who their manager is.
        """
        subject, resource = asked.principal_uid, asked.resource_uid
        if subject == resource or subject not in self._authorizer.entities:
            return asked.overlays
        return {uid: laid for uid, laid in asked.overlays.items() if uid != subject}

    def request_facts(self, action: RequestAction, facts: RequestFacts) -> JsonObject:
        """`context.request`, in Cedar's JSON form, with the types that the schema gives it."""
        mapping, schema = self._authorizer.mapping, self._authorizer.bundle.schema
        context = schema.context(mapping.action_uid(PREFIX + action)) if schema else None
        declared = context.attributes.get("request") if context else None
        shape = declared.type if declared and isinstance(declared.type, Record) else None
        kinds: dict[str, Type] = {}
        if shape is not None:
            kinds = {name: attribute.type for name, attribute in shape.attributes.items()}
        found: JsonObject = {
            "id": facts.id,
            "template": facts.template,
            "step": facts.step,
            "subject": entity_reference(self.subject_uid(facts)),
            "action": self._action(facts, kinds.get("action")),
            "client": _named(facts.client, kinds.get("client")),
            "transport": facts.transport,
            "emergency": facts.emergency,
        }
        if facts.requested_until is not None:
            found["requested_until"] = _moment(facts.requested_until, kinds.get("requested_until"))
        if facts.justification is not None:
            found["justification"] = facts.justification
        if facts.actor is not None:
            coercion = Coercion(mapping.entity_type)
            found |= coercion.members({"actor": facts.actor}, shape, ("context", "request"))
        return found

    def subject_uid(self, facts: RequestFacts) -> EntityUid:
        """The Cedar entity for whom access was requested."""
        return self.uid_of(facts.subject)

    def uid_of(self, entity: JsonObject) -> EntityUid:
        """The Cedar entity of an AuthZEN subject or resource, or of a reference to a person."""
        return (self._authorizer.mapping.entity_type(str(entity["type"])), str(entity["id"]))

    def _action(self, facts: RequestFacts, kind: Type | None) -> Any:
        name = str(facts.action["name"])
        if isinstance(kind, EntityRef):
            return entity_reference(self._authorizer.mapping.action_uid(name))
        return name


def permitted_questions(
    rights: Rights, case: Case, person: EntityUid, questions: Iterable[Question]
) -> dict[Question, tuple[str, ...]]:
    """Which of the open steps a person may decide now, and by which policies."""
    found: dict[Question, tuple[str, ...]] = {}
    for question in questions:
        item = case.task.items[question.position]
        step = case.task.plan_of(item).workflow.leaves()[question.leaf]
        policies = rights.permitted(person, "approve", facts_of(case, question.position, step.name))
        if policies is not None:
            found[question] = policies
    return found


def eligible(
    rights: Rights, facts: RequestFacts, candidates: Iterable[EntityUid]
) -> Iterator[tuple[EntityUid, tuple[str, ...]]]:
    """Who of the candidates may approve, and by which policies; asks as far as it is read."""
    for person in candidates:
        policies = rights.permitted(person, "approve", facts)
        if policies is not None:
            yield person, policies


def people(authorizer: Authorizer) -> Iterator[EntityUid]:
    """The known entities that could be approvers: of the types that the schema lets be.

    Without a schema, of every type that holds no others: a group is not a person.
    """
    schema, entities = authorizer.bundle.schema, authorizer.entities
    action = authorizer.mapping.action_uid(PREFIX + "approve")
    known = None if schema is None else schema.actions.get(action)
    types = entities.types() - _holding(authorizer) if known is None else known.principals
    for kind in sorted(types):
        for identifier in entities.ids_of_type(kind):
            yield kind, identifier


def _holding(authorizer: Authorizer) -> frozenset[str]:
    """The types of which some are parents, as far as a look at a few of each type tells."""
    entities = authorizer.entities
    few = (
        (kind, identifier)
        for kind in entities.types()
        for identifier in entities.ids_of_type(kind)[:_FEW]
    )
    return frozenset(parent[0] for uid in few for parent in entities.ancestors(uid))


def _entity(body: JsonObject) -> Entity:
    properties = body.get("properties")
    known = properties if isinstance(properties, dict) else _NOTHING
    return Entity(str(body["type"]), str(body["id"]), known, body)


def _named(client: str, kind: Type | None) -> Any:
    return entity_reference((kind.name, client)) if isinstance(kind, EntityRef) else client


def _moment(moment: datetime, kind: Type | None) -> Any:
    if isinstance(kind, Primitive) and kind.name == "String":
        return format_moment(moment)
    return cedar_datetime(moment)

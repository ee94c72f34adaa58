"""Authorizers from texts, for tests that need no policy folder."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pdp.core.authzen import evaluation_from
from pdp.core.workflow import Workflows
from pdp.policy import engine
from pdp.policy.access_paths import access_paths
from pdp.policy.authorizer import Answer, Authorizer
from pdp.policy.bundle import Bundle
from pdp.policy.entities import EntityIndex
from pdp.policy.mapping import NO_NAMES, Mapping, NameMap
from pdp.policy.policy import Policy, Shared, scope_of
from pdp.policy.schema import parse_schema
from pdp.policy.schema_types import Schema
from pdp.policy.slicing import SliceIndex, TemplateLink

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

Uid = tuple[str, str]


def policies_of(*texts: str) -> tuple[Policy, ...]:
    """Policies, one in each text; named by `@id`, else `p0`, `p1`, …"""
    shared = Shared()
    return tuple(_policy(text, f"p{index}", shared) for index, text in enumerate(texts))


def _policy(text: str, name: str, shared: Shared) -> Policy:
    (parsed,) = engine.parse_policies(text)
    return Policy(
        id=parsed.annotations.get("id", name),
        text=text,
        effect=parsed.effect,
        file="test.cedar",
        line=1,
        column=1,
        annotations=tuple(sorted(parsed.annotations.items())),
        scope=scope_of(parsed.est, shared),
        template=parsed.annotations.get("approval"),
        is_template=parsed.is_template,
        access=access_paths(parsed.est),
    )


def entity(uid: Uid, parents: Iterable[Uid] = (), **attributes: Any) -> dict[str, Any]:
    """An entity in Cedar's JSON form."""
    return {"uid": _json(uid), "attrs": attributes, "parents": [_json(each) for each in parents]}


def ref(kind: str, name: str) -> dict[str, Any]:
    """A reference to an entity, as a value."""
    return {"__entity": {"type": kind, "id": name}}


def _json(uid: Uid) -> dict[str, str]:
    return {"type": uid[0], "id": uid[1]}


def authorizer_of(
    texts: Sequence[str],
    entities: Iterable[dict[str, Any]] = (),
    schema: str | Schema | None = None,
    names: NameMap = NO_NAMES,
    links: Sequence[TemplateLink] = (),
    policies: Sequence[Policy] | None = None,
) -> Authorizer:
    """A snapshot of policies and entities, with a schema when there is one."""
    if isinstance(schema, str):
        schema = parse_schema(schema)
    policies = policies_of(*texts) if policies is None else policies
    bundle = Bundle(
        version="test",
        loaded_at=NOON,
        policies=tuple(policies),
        slices=SliceIndex(policies, (), links),
        schema=schema,
        mapping=Mapping(names, schema),
        workflows=Workflows({}),
        entities=(),
        forms={},
        findings=(),
    )
    return Authorizer(bundle, EntityIndex.load(entities))


def decide(authorizer: Authorizer, body: dict[str, Any], **facts: Any) -> Answer:
    """The answer to an AuthZEN evaluation."""
    request = authorizer.mapping.request(evaluation_from(body))
    return authorizer.decide(request, now=facts.pop("now", NOON), **facts)


def evaluation(
    subject: Uid = ("user", "alice"),
    action: str = "read",
    resource: Uid = ("doc", "plan"),
    **more: Any,
) -> dict[str, Any]:
    """The body of an AuthZEN evaluation; `subject_properties` and the like go where they belong."""
    body: dict[str, Any] = {
        "subject": _json(subject),
        "action": {"name": action},
        "resource": _json(resource),
    }
    for part in ("subject", "action", "resource"):
        if f"{part}_properties" in more:
            body[part]["properties"] = more.pop(f"{part}_properties")
    return body | more


def ids(answer: Answer) -> list[str]:
    """The determining policies by id, sorted."""
    return sorted(policy.id for policy in answer.determining)

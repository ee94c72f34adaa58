"""Catalogs: what a form's field may be chosen from, for whom, and whether a choice was one of it.

An item is shown only where it can be asked for: it is not disabled or retired, it matches the
scope parameters, and, where the catalog names an action, policy permits it to the subject of the
denial (ARAP, Catalog References). The same rules decide on a submission.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pdp.core.authzen import Action, Entity, Evaluation
from pdp.core.values import EntityUid, JsonObject
from pdp.core.workflow import CatalogField, Workflows
from pdp.policy.authorizer import Authorizer

DEFAULT_PAGE = 50
LARGEST_PAGE = 200
MOST_LOOKED_AT = 5_000
_CHUNK = 200
_GONE = ("disabled", "retired")


class Item(NamedTuple):
    """An item of a catalog, with the place where a page may go on after it."""

    value: str
    label: str
    place: str
    attributes: JsonObject
    granted: bool = False


class CatalogPage(NamedTuple):
    """Some items, and where to go on; None at the end."""

    items: Sequence[Item]
    next: str | None


class Wanted(NamedTuple):
    """What is looked for: a part of value or label, and values of scope parameters."""

    search: str = ""
    scope: Mapping[str, str] = {}


class Catalog(NamedTuple):
    """One catalog as a subject may see it now; `subject` None only where no action is asked."""

    field: CatalogField
    subject: Entity | None
    authorizer: Authorizer
    now: datetime
    caller_facts: JsonObject

    def page(self, wanted: Wanted, cursor: str | None, limit: int) -> CatalogPage:
        """A page of the items that may be asked for; raises `ValueError` for a bad cursor.

        It may be short, even empty, and still have a next one: no call looks at more than
        `MOST_LOOKED_AT` items.
        """
        after = None if cursor is None else _place_of(cursor)
        found: list[Item] = []
        looked_at = 0
        for chunk in _chunks(self._candidates(after)):
            looked_at += len(chunk)
            fitting = [item for item in chunk if _fits(item, self.field, wanted)]
            for item in self._permitted(fitting):
                if len(found) == limit:
                    return CatalogPage(found, _cursor(found[-1].place))
                found.append(item)
            if looked_at >= MOST_LOOKED_AT:
                return CatalogPage(found, _cursor(chunk[-1].place))
        return CatalogPage(found, None)

    def holds(self, value: str, scope: Mapping[str, str]) -> bool:
        """Whether a value is one that may be asked for."""
        field = self.field
        if field.entity_type is None:
            candidates = [item for item in _listed(field) if item.value == value]
        else:
            known = self._entity(field.entity_type, value)
            candidates = [] if known is None else [known]
        fitting = [item for item in candidates if _fits(item, field, Wanted(scope=scope))]
        return bool(self._permitted(fitting))

    def _candidates(self, after: str | None) -> Iterator[Item]:
        field = self.field
        if field.entity_type is None:
            first = 0 if after is None else _whole(after) + 1
            yield from _listed(field)[first:]
            return
        for name in self.authorizer.entities.ids_of_type(field.entity_type):
            if after is None or name > after:
                item = self._entity(field.entity_type, name)
                if item is not None:
                    yield item

    def _entity(self, kind: str, name: str) -> Item | None:
        entities = self.authorizer.entities
        body = entities.get((kind, name))
        if body is None:
            return None
        attributes = body["attrs"]
        label = attributes.get(self.field.label)
        return Item(name, label if isinstance(label, str) else name, name, attributes)

    def _permitted(self, items: Sequence[Item]) -> list[Item]:
        field, subject = self.field, self.subject
        kind = field.entity_type
        if kind is None or not items:
            return list(items)
        if subject is not None:
            items = [item._replace(granted=self._has((kind, item.value))) for item in items]
        if field.action is None:
            return list(items)
        if subject is None:
            return []
        mapping = self.authorizer.mapping
        action = Action(field.action, {}, {"name": field.action})
        named = mapping.authzen_type(kind)
        requests = [
            mapping.request(Evaluation(subject, action, Entity(named, item.value, {}, {}), {}))
            for item in items
        ]
        answers = self.authorizer.decide_many(requests, now=self.now, caller=self.caller_facts)
        pairs = zip(items, answers, strict=True)
        return [item for item, answer in pairs if answer.allowed]

    def _has(self, uid: EntityUid) -> bool:
        assert self.subject is not None
        kind = self.authorizer.mapping.entity_type(self.subject.type)
        return uid in self.authorizer.entities.ancestors((kind, self.subject.id))


def catalog_field(workflows: Workflows, name: str, template: str | None) -> CatalogField | None:
    """The catalog of that name: of a template, or of the first workflow that has one."""
    for workflow in workflows:
        if template in (None, workflow.name):
            for field in workflow.catalogs:
                if field.name == name:
                    return field
    return None


def item_json(field: CatalogField, item: Item) -> JsonObject:
    """An item as it is answered: value and label at their paths, and what is known beside."""
    shown: JsonObject = {}
    for name in ("description", "risk_level"):
        if isinstance(item.attributes.get(name), str):
            shown[name] = item.attributes[name]
    owner = item.attributes.get("owner")
    if isinstance(owner, dict) and isinstance(owner.get("__entity"), dict):
        shown["owner"] = dict(owner["__entity"])
    elif isinstance(owner, str):
        shown["owner"] = owner
    if item.granted:
        shown["granted"] = True
    _put(shown, field.label_path, item.label)
    _put(shown, field.value_path, item.value)
    return shown


def _listed(field: CatalogField) -> list[Item]:
    return [Item(value, label, str(at), {}) for at, (value, label) in enumerate(field.items)]


def _fits(item: Item, field: CatalogField, wanted: Wanted) -> bool:
    if any(item.attributes.get(name) is True for name in _GONE):
        return False
    if field.entity_type is not None:
        for name, value in wanted.scope.items():
            if not _is(item.attributes.get(name), value):
                return False
    words = wanted.search.casefold()
    return words in item.label.casefold() or words in item.value.casefold()


def _is(attribute: Any, value: str) -> bool:
    """Whether an attribute is a value, or an entity of that id."""
    if isinstance(attribute, dict) and isinstance(attribute.get("__entity"), dict):
        return bool(attribute["__entity"].get("id") == value)
    return bool(attribute == value)


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _put(body: JsonObject, pointer: str, value: str) -> None:
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for name in above:
        inner = body.setdefault(name, {})
        body = inner if isinstance(inner, dict) else body
    body[last] = value


def _cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def _place_of(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode(
            "utf-8", "surrogatepass"
        )
    except (ValueError, UnicodeError):
        raise ValueError("not a cursor") from None


def _whole(place: str) -> int:
    if not (place.isascii() and place.isdigit() and len(place) < 10):
        raise ValueError("not a cursor")
    return int(place)

"""Reads the emergency path and the catalogs of a workflow."""

import re
from datetime import timedelta
from typing import Any

from pdp.core.members import Members
from pdp.core.values import EntityUid
from pdp.core.workflow import CatalogField, Emergency

_LITERAL = re.compile(r'\s*([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)::"((?:[^"\\]|\\.)*)"\s*\Z')
_TYPE = re.compile(r"[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*\Z")
_EMERGENCY_TTL = timedelta(hours=1)
_REVIEW = timedelta(days=3)
_SHORTEST_REASON = 20


def read_emergency(at: Members, workflow: str, approval_ttl: timedelta) -> Emergency | None:
    """Read `emergency`; without it, or without `approvers`, nobody may approve on that path."""
    if not at.has("emergency"):
        return None
    inner = at.inner("emergency")
    shortest = min(_EMERGENCY_TTL, approval_ttl)
    emergency = Emergency(
        approvers=_read_people(inner),
        ttl=inner.duration("ttl", shortest),
        review_within=inner.duration("review_within", _REVIEW),
        justification=inner.whole("justification", _SHORTEST_REASON, 0, 1_000),
        queue=inner.name("queue", workflow),
        notify=tuple(_read_names(inner, "notify")),
    )
    inner.done()
    if emergency.ttl > approval_ttl:
        inner.fault("must not be longer than the workflow's `approval_ttl`", "ttl")
    return emergency


def parse_uid(value: Any) -> EntityUid:
    """An entity written as `User::"alice"` or as `{type: User, id: alice}`.

    Raises:
        ValueError: when it is neither.
    """
    if isinstance(value, str) and (match := _LITERAL.match(value)):
        if "\\" not in match[2]:
            return match[1], match[2]
        raise ValueError("write an id with a backslash as `{type: ..., id: ...}`")
    if isinstance(value, dict) and set(value) == {"type", "id"}:
        kind, identifier = value["type"], value["id"]
        if isinstance(kind, str) and isinstance(identifier, str) and _TYPE.match(kind):
            return kind, identifier
    raise ValueError('must be an entity such as `User::"alice"`')


def read_catalogs(at: Members, workflow: str) -> tuple[CatalogField, ...]:
    """Read `catalogs`: form fields, by JSON Pointer, whose values come from a catalog."""
    if not at.has("catalogs"):
        return ()
    inner = at.inner("catalogs")
    fields = []
    for place in inner.data:
        inner.known.add(place)
        if not _is_pointer(place):
            inner.fault("must be a JSON Pointer such as `/requested_access/role`", place)
        fields.append(_read_catalog(inner.inner(place), place, workflow))
    return tuple(fields)


def _read_catalog(at: Members, place: str, workflow: str) -> CatalogField:
    last = re.sub(r"[^A-Za-z0-9_.-]", "_", place.rpartition("/")[2])
    field = CatalogField(
        pointer=place,
        name=at.name("name", f"{workflow}.{last}"[:64]),
        entity_type=_read_type(at),
        action=at.optional_text("action"),
        label=at.text("label", "label"),
        items=tuple(_read_items(at)),
        search_param=at.name("search_param", "q"),
        scope_params=tuple(_read_scope_params(at)),
        value_path=at.text("value_path", "/value"),
        label_path=at.text("label_path", "/label"),
    )
    at.done(" in a catalog")
    if at.usable and (field.entity_type is None) == (not field.items):
        at.fault("needs either `entity_type` or `items`")
    reserved = {field.search_param, "cursor", "limit"}
    for parameter, _ in field.scope_params:
        if parameter in reserved:
            at.fault(f"`{parameter}` is a parameter already", "scope_params", parameter)
    for member in ("value_path", "label_path"):
        if not _is_pointer(getattr(field, member)):
            at.fault("must be a JSON Pointer such as `/value`", member)
    return field


def _is_pointer(text: str) -> bool:
    return text.startswith("/") and re.search(r"~(?![01])", text) is None


def _read_people(at: Members) -> tuple[EntityUid, ...]:
    people: list[EntityUid] = []
    for index, value in at.elements("approvers", 100):
        try:
            people.append(parse_uid(value))
        except ValueError as error:
            at.fault(str(error), "approvers", index)
    return tuple(people)


def _read_names(at: Members, member: str) -> list[str]:
    names = []
    for index, value in at.elements(member, 100):
        probe = Members({"name": value}, (), [])
        names.append(probe.name("name"))
        for fault in probe.faults:
            at.fault(fault.message, member, index)
    return names


def _read_type(at: Members) -> str | None:
    kind = at.optional_text("entity_type")
    if kind is not None and not _TYPE.match(kind):
        at.fault("must be a Cedar entity type such as `Role`", "entity_type")
    return kind


def _read_items(at: Members) -> list[tuple[str, str]]:
    items = []
    for index, value in at.elements("items", 1_000):
        item = {"value": value} if isinstance(value, str) else value
        inner = Members(item, (*at.path, "items", index), at.faults)
        chosen = inner.text("value")
        if inner.usable and not chosen:
            inner.fault("`value` is required")
        items.append((chosen, inner.text("label", chosen)))
        inner.done()
    return items


def _read_scope_params(at: Members) -> list[tuple[str, str]]:
    if not at.has("scope_params"):
        return []
    inner = at.inner("scope_params")
    params = []
    for parameter in inner.data:
        source = inner.text(parameter)
        if source and not _is_pointer(source):
            inner.fault("must be a JSON Pointer such as `/context/department`", parameter)
        params.append((parameter, source))
    return params

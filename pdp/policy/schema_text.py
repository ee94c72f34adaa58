"""A parser of Cedar's human-readable schema syntax."""

from pdp.policy.locations import Span
from pdp.policy.schema_cursor import Cursor, annotations_of, label, unescape
from pdp.policy.schema_raw import (
    Annotations,
    NameKind,
    RawAction,
    RawCommon,
    RawEntity,
    RawGroup,
    RawName,
    RawNamespace,
    RawRecord,
    RawSet,
    RawType,
)

NO_ATTRIBUTES = RawRecord(())
MAX_NESTING = 100


def parse_schema_text(text: str) -> list[RawNamespace]:
    """Read one schema file: the declarations outside of namespaces first, then each namespace.

    Raises:
        SchemaFault: at the first token that does not fit.
    """
    cursor = Cursor(text)
    outside = RawNamespace("")
    namespaces = [outside]
    while cursor.peek() is not None:
        start = cursor.offset()
        annotations = annotations_of(cursor)
        if cursor.at("namespace"):
            namespaces.append(_namespace(cursor, start))
        else:
            _declaration(cursor, outside, annotations)
    return namespaces


def _namespace(cursor: Cursor, start: int) -> RawNamespace:
    cursor.need("namespace")
    name = _path(cursor)
    opening = cursor.need("{")
    namespace = RawNamespace(name.path)
    while not cursor.at("}"):
        _declaration(cursor, namespace, annotations_of(cursor))
    closing = cursor.need("}")
    namespace.block = Span(start, closing.end)
    namespace.body = Span(opening.end, closing.start)
    return namespace


def _declaration(cursor: Cursor, into: RawNamespace, annotations: Annotations) -> None:
    if cursor.take("entity"):
        into.entities += _entity(cursor, annotations)
    elif cursor.take("action"):
        into.actions += _action(cursor, annotations)
    elif cursor.take("type"):
        name = cursor.need_kind("name", "a type name")
        cursor.need("=")
        common = RawCommon(name.text, _type(cursor), Span(name.start, name.end))
        cursor.need(";")
        into.commons.append(common)
    else:
        raise cursor.fault("expected `entity`, `action`, `type` or `namespace`")


def _entity(cursor: Cursor, annotations: Annotations) -> list[RawEntity]:
    names = [cursor.need_kind("name", "an entity type name")]
    while cursor.take(","):
        names.append(cursor.need_kind("name", "an entity type name"))
    member_of: tuple[RawName, ...] = ()
    shape: RawType = NO_ATTRIBUTES
    tags: RawType | None = None
    choices: tuple[str, ...] = ()
    if cursor.take("enum"):
        choices = _choices(cursor)
    else:
        if cursor.take("in"):
            member_of = _names(cursor)
        if cursor.take("=") or cursor.at("{"):
            shape = _record(cursor)
        if cursor.take("tags"):
            tags = _type(cursor)
    cursor.need(";")
    return [
        RawEntity(
            name.text,
            member_of,
            shape,
            tags,
            choices,
            annotations,
            Span(name.start, name.end),
        )
        for name in names
    ]


def _choices(cursor: Cursor) -> tuple[str, ...]:
    cursor.need("[")
    choices = [unescape(cursor.need_kind("string", "a string"))]
    while cursor.take(","):
        if cursor.at("]"):
            break
        choices.append(unescape(cursor.need_kind("string", "a string")))
    cursor.need("]")
    return tuple(choices)


def _action(cursor: Cursor, annotations: Annotations) -> list[RawAction]:
    names = [label(cursor)]
    while cursor.take(","):
        names.append(label(cursor))
    member_of = _groups(cursor) if cursor.take("in") else ()
    principals, resources, context = _applies_to(cursor)
    if cursor.take("attributes"):
        _record(cursor)
    cursor.need(";")
    return [
        RawAction(name, member_of, principals, resources, context, annotations, span)
        for name, span in names
    ]


def _applies_to(
    cursor: Cursor,
) -> tuple[tuple[RawName, ...], tuple[RawName, ...], RawType]:
    principals: tuple[RawName, ...] = ()
    resources: tuple[RawName, ...] = ()
    context: RawType = NO_ATTRIBUTES
    if not cursor.take("appliesTo"):
        return principals, resources, context
    cursor.need("{")
    while not cursor.at("}"):
        if cursor.take("principal"):
            cursor.need(":")
            principals = _names(cursor)
        elif cursor.take("resource"):
            cursor.need(":")
            resources = _names(cursor)
        elif cursor.take("context"):
            cursor.need(":")
            context = _type(cursor)
        else:
            raise cursor.fault("expected `principal`, `resource` or `context`")
        if not cursor.take(","):
            break
    cursor.need("}")
    return principals, resources, context


def _groups(cursor: Cursor) -> tuple[RawGroup, ...]:
    if not cursor.take("["):
        return (_group(cursor),)
    groups = []
    while not cursor.at("]"):
        groups.append(_group(cursor))
        if not cursor.take(","):
            break
    cursor.need("]")
    return tuple(groups)


def _group(cursor: Cursor) -> RawGroup:
    start = cursor.offset()
    token = cursor.peek()
    if token is not None and token.kind == "string":
        cursor.take(token.text)
        return RawGroup(None, unescape(token), Span(token.start, token.end))
    parts = [cursor.need_kind("name", "an action").text]
    while cursor.take("::"):
        token = cursor.peek()
        if token is not None and token.kind == "string":
            cursor.take(token.text)
            return RawGroup("::".join(parts), unescape(token), Span(start, token.end))
        parts.append(cursor.need_kind("name", "a name or a string").text)
    if len(parts) > 1:
        raise cursor.fault('expected `::"name"`')
    return RawGroup(None, parts[0], Span(start, cursor.last_end()))


def _type(cursor: Cursor) -> RawType:
    if cursor.at("{"):
        return _record(cursor)
    name = _path(cursor)
    if name.path != "Set" or not cursor.at("<"):
        return name
    _deeper(cursor)
    cursor.need("<")
    element = _type(cursor)
    cursor.need(">")
    cursor.nesting -= 1
    return RawSet(element)


def _record(cursor: Cursor) -> RawRecord:
    _deeper(cursor)
    cursor.need("{")
    # The engine keeps the last of two attributes of one name, and so does this.
    attributes: dict[str, tuple[str, RawType, bool]] = {}
    while not cursor.at("}"):
        annotations_of(cursor)
        name, _ = label(cursor)
        required = not cursor.take("?")
        cursor.need(":")
        attributes[name] = (name, _type(cursor), required)
        if not cursor.take(","):
            break
    cursor.need("}")
    cursor.nesting -= 1
    return RawRecord(tuple(attributes.values()))


def _deeper(cursor: Cursor) -> None:
    cursor.nesting += 1
    if cursor.nesting > MAX_NESTING:
        raise cursor.fault(f"types are nested deeper than {MAX_NESTING} levels")


def _names(cursor: Cursor) -> tuple[RawName, ...]:
    if not cursor.take("["):
        return (_path(cursor, "entity"),)
    names = []
    while not cursor.at("]"):
        names.append(_path(cursor, "entity"))
        if not cursor.take(","):
            break
    cursor.need("]")
    return tuple(names)


def _path(cursor: Cursor, kind: NameKind = "any") -> RawName:
    start = cursor.offset()
    parts = [cursor.need_kind("name", "a name").text]
    while cursor.take("::"):
        parts.append(cursor.need_kind("name", "a name").text)
    place = Span(start, cursor.last_end())
    return RawName("::".join(parts), kind, place)

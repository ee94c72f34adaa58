"""JSON values and requests for laws about bindings."""

from typing import Any

from hypothesis import strategies as st

_NAMES = st.text(st.characters(codec="utf-8"), max_size=4)
_NUMBERS = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
SCALARS = st.one_of(st.none(), st.booleans(), _NUMBERS, st.text(st.characters(codec="utf-8")))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)
PROPERTIES = st.dictionaries(_NAMES.filter(lambda name: name != "act"), VALUES, max_size=3)
ENTITIES = st.builds(
    lambda kind, identifier, properties: {
        "type": kind,
        "id": identifier,
        **({"properties": properties} if properties is not None else {}),
    },
    _NAMES,
    _NAMES,
    st.none() | PROPERTIES,
)
ACTIONS = st.builds(
    lambda name, properties: {"name": name, **({"properties": properties} if properties else {})},
    _NAMES,
    PROPERTIES,
)
MEMBERS = ("tenant", "risk", "amount")
CONTEXTS = st.fixed_dictionaries({}, optional={name: VALUES for name in (*MEMBERS, "other")})
REQUESTS = st.tuples(ENTITIES, ENTITIES, ACTIONS, CONTEXTS)


def shuffled(value: Any, random: Any) -> Any:
    """The same value with the members of every object in another order."""
    if isinstance(value, dict):
        members = [(name, shuffled(inner, random)) for name, inner in value.items()]
        random.shuffle(members)
        return dict(members)
    if isinstance(value, list):
        return [shuffled(inner, random) for inner in value]
    return value


def respelt(value: Any) -> Any:
    """The same value with whole numbers written as fractions and back."""
    if isinstance(value, dict):
        return {name: respelt(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [respelt(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a value that is not a filled object or array."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    if not inner:
        return [path]
    return [found for name, each in inner for found in leaves_of(each, (*path, name))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with what is at `path` exchanged."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy

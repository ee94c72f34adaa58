"""Durations as people write them: `10m`, `1h30m`, `3d`, or ISO 8601 without years and months."""

import re
from datetime import timedelta

_SHORT = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?\Z")
_ISO = re.compile(
    r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?\Z"
)
_SECONDS = (604_800, 86_400, 3_600, 60, 1)
_UNITS = "wdhms"

LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """Read a duration of whole seconds, at least one and at most 36500 days.

    Raises:
        ValueError: saying what is wanted.
    """
    match = _SHORT.match(text) or _ISO.match(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"`{text}` is not a duration such as `10m`, `4h`, `3d` or `PT1H`")
    if sum(map(len, filter(None, match.groups()))) > 30:
        raise ValueError("a duration must not be longer than 36500 days")
    seconds = sum(
        int(count or 0) * unit for count, unit in zip(match.groups(), _SECONDS, strict=False)
    )
    if seconds == 0:
        raise ValueError("a duration must be at least one second")
    if seconds > LONGEST.total_seconds():
        raise ValueError("a duration must not be longer than 36500 days")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration of whole seconds in the short form, such as `1h30m`."""
    left = int(duration.total_seconds())
    parts = []
    for unit, seconds in zip(_UNITS, _SECONDS, strict=True):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

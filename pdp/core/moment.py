"""Moments on the wire: RFC 3339 in, RFC 3339 in UTC out."""

import re
from datetime import UTC, datetime
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})\Z", re.ASCII
)


def parse_moment(text: str) -> datetime:
    """Read a moment; digits beyond the microsecond are dropped, a leap second is the one before it.

    Raises:
        ValueError: when it is not RFC 3339.
    """
    match = _RFC3339.match(text)
    if match is None:
        raise ValueError(f"`{text[:40]}` is not an RFC 3339 moment such as `2026-04-30T20:15:00Z`")
    date, time, fraction, offset = match.groups()
    if time.endswith(":60"):
        time = time[:-2] + "59"
    offset = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{date}T{time}.{(fraction or '')[:6]:0<6}{offset}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"`{text}` is not a moment of the calendar") from None


@lru_cache(1024)
def format_moment(moment: datetime) -> str:
    """Write an aware moment in UTC, with a fraction only where it has one."""
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def whole_seconds(moment: datetime) -> datetime:
    """The moment without its fraction of a second."""
    return moment.replace(microsecond=0)

"""Cedar's extension types in its JSON form: decimal, ipaddr, datetime and duration.

Nothing is passed on that the engine would refuse: one bad value would spoil the whole decision.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_interface
from typing import Any

from pdp.core.values import JsonObject

_MIN, _MAX = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL_STEP = Decimal("0.0001")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Cedar knows no zones, no dotted masks and no dotted part in an IPv6 address.
_ADDRESS = re.compile(r"([0-9.]+|[0-9a-fA-F:]+)(/(0|[1-9][0-9]{0,2}))?", re.ASCII)
_UNITS = (86_400_000, 3_600_000, 60_000, 1000, 1)
_DURATION = re.compile(
    r"(-?)(?=\d)(?:(\d{1,19})d)?(?:(\d{1,19})h)?(?:(\d{1,19})m)?(?:(\d{1,19})s)?(?:(\d{1,19})ms)?",
    re.ASCII,
)


class Unfit(ValueError):
    """A value that Cedar cannot hold in its place."""


def cedar_datetime(moment: datetime) -> JsonObject:
    """A moment, which must have a time zone, as Cedar's `datetime`, to the millisecond."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return _call("datetime", text.removesuffix("+00:00") + "Z")


def _call(function: str, argument: str) -> JsonObject:
    return {"__extn": {"fn": function, "arg": argument}}


def _decimal(value: Any) -> JsonObject:
    """From a number or its text, with at most four places after the point."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit
    text = str(value)
    try:
        exact = Decimal(text)
        rounded = exact.quantize(_DECIMAL_STEP)
    except InvalidOperation:
        raise Unfit from None
    if rounded != exact or not _MIN <= int(rounded * 10_000) <= _MAX or "_" in text:
        raise Unfit
    return _call("decimal", f"{rounded:f}")


def _address(value: Any) -> JsonObject:
    """From the text of an address or a range."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise Unfit
    try:
        ip_interface(value)
    except ValueError:
        raise Unfit from None
    return _call("ip", value)


def _datetime(value: Any) -> JsonObject:
    """From RFC 3339 text, a date, or milliseconds since 1970."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return cedar_datetime(_EPOCH + timedelta(milliseconds=value))
        if not isinstance(value, str):
            raise Unfit
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            # A time of day without its zone could be any of a whole day.
            if not _DATE.fullmatch(value):
                raise Unfit
            moment = moment.replace(tzinfo=UTC)
        return cedar_datetime(moment)
    except (OverflowError, ValueError):
        raise Unfit from None


def _duration(value: Any) -> JsonObject:
    """From text as Cedar writes it (`1d2h3m4s5ms`), or milliseconds."""
    if isinstance(value, int) and not isinstance(value, bool) and _MIN <= value <= _MAX:
        return _call("duration", f"{value}ms")
    if not isinstance(value, str):
        raise Unfit
    match = _DURATION.fullmatch(value)
    if match is None:
        raise Unfit
    parts = [int(part or 0) * unit for part, unit in zip(match.groups()[1:], _UNITS, strict=True)]
    if sum(parts) > _MAX:
        raise Unfit
    return _call("duration", value)


EXTENSIONS: Mapping[str, Callable[[Any], JsonObject]] = {
    "decimal": _decimal,
    "ipaddr": _address,
    "datetime": _datetime,
    "duration": _duration,
}

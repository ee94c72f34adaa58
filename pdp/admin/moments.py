"""Moments in the query of an admin call."""

from datetime import UTC, datetime

from pdp.errors import INVALID_REQUEST, Problem


def require_moments(**moments: datetime | None) -> None:
    """Refuse a moment without an offset, or one that UTC cannot hold; raises `Problem` 400."""
    for name, moment in moments.items():
        if moment is None:
            continue
        if moment.tzinfo is None:
            raise Problem(INVALID_REQUEST, f"`{name}` needs an offset, such as `Z`")
        try:
            moment.astimezone(UTC)
        except OverflowError:
            raise Problem(INVALID_REQUEST, f"`{name}` is out of range") from None

"""How many examples a property test tries, beside what the profile says."""

from typing import Any

from hypothesis import settings


def times(factor: float, **further: Any) -> settings:
    """So many times the examples of the profile in force, so that the fast tests stay fast."""
    most = round(settings().max_examples * factor)
    return settings(max_examples=max(most, 5), deadline=None, **further)

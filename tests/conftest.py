"""How many examples the property tests try, and which; what the fast tests leave out."""

import gc

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every machine: what passes here passes there, and a failure comes again.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("fast", settings.get_profile("repeatable"), max_examples=25)
# `pytest --hypothesis-profile=explore`: other examples each time, to find what nobody has seen.
settings.register_profile(
    "explore", settings.get_profile("repeatable"), derandomize=False, max_examples=500
)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Keep the collector from going through thousands of tests again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what needs a PostgreSQL server out of the fast tests, which install nothing."""
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.slow)

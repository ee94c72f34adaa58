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


FROM_OUTSIDE = {
    "access_request": {"test_submit.py", "test_forms.py", "test_grant.py", "test_races.py"},
    "admin": {"test_entity_routes.py", "test_policy_routes.py"},
    "conformance": {"test_certification_basic.py", "test_arap_denial.py"},
    "deferral": {"test_poll.py"},
    "docs": {"test_reference.py", "test_tour.py"},
    "ops": {"test_seeing.py", "test_depth.py"},
    "queue": {"test_decisions.py"},
    "security": {"test_wire.py", "test_credentials.py", "test_jwt.py", "test_outbound.py"},
}
"""Suites that look at whole servers, and the part of each that the fast tests have."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of the fast tests what needs a PostgreSQL server, and most of what takes long."""
    for item in items:
        part = FROM_OUTSIDE.get(item.path.parent.name)
        if item.get_closest_marker("postgres") or (part and item.path.name not in part):
            item.add_marker(pytest.mark.slow)

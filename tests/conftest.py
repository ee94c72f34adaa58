"""How many examples the property tests try, and which."""

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

"""Who brought a change of a task about, and from where; kept with each of its audit events."""

from dataclasses import dataclass

from pdp.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class Cause:
    """Who did it.

    Attributes:
        actor_type, actor_id: the person or caller.
        actor: more of it: on whose behalf, the chain of actors, the caller that passed it on.
        origin: the request id, the transport, the address.
    """

    actor_type: str | None = None
    actor_id: str | None = None
    actor: JsonObject | None = None
    origin: JsonObject | None = None


BY_TIME = Cause("system", "clock")
"""Nobody did it: its time had come."""

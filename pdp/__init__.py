"""authzen-pdp: a Policy Decision Point that answers yes, no and not yet."""

__version__ = "0.1.0"

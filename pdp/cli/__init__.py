"""The command `pdp`: one module for each kind of work, put together here."""

from pdp.cli import authoring, operating, requesting, serving  # noqa: F401 - each adds its own
from pdp.cli.frame import app, main

__all__ = ["app", "main"]

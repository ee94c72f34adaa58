"""Whether this process lives, and whether it is ready to answer."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Check(NamedTuple):
    """One part that must work before traffic is sent here; `probe` raises when it does not."""

    name: str
    probe: Callable[[], object]


class Health:
    """The state behind `/healthz` and `/readyz`."""

    def __init__(self, checks: list[Check]) -> None:
        self._checks = checks
        self._stopping = False

    def stop(self) -> None:
        """Say not ready from now on, so that no new traffic comes while this process ends."""
        self._stopping = True

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether every part works, and the state of each part."""
        parts = {check.name: _state(check) for check in self._checks}
        ok = not self._stopping and all(state == "ok" for state in parts.values())
        return ok, {"status": "ready" if ok else "not ready", "parts": parts}


def _state(check: Check) -> str:
    try:
        check.probe()
    except Exception as error:  # noqa: BLE001 - a probe that fails in any way has failed
        return f"failed: {type(error).__name__}"
    return "ok"

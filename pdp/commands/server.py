"""Talking to a running server from a terminal, with a caller's own key."""

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from pdp.core.values import JsonObject

_SECONDS = 30


class Unreachable(Exception):
    """The server could not be asked; the text says why."""


class Said(NamedTuple):
    """What a server answered."""

    status: int
    body: JsonObject


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key goes to the server that it is for, and nowhere else."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Follow nothing: the redirection is the answer."""


_OPENER = urllib.request.build_opener(_NoRedirect)


class Remote(NamedTuple):
    """A server, and the key to call it with."""

    url: str
    key: str

    def ask(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        query: JsonObject | None = None,
    ) -> Said:
        """Make one call; raises `Unreachable`."""
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        target = self.url.rstrip("/") + path
        if urlsplit(target).scheme not in ("http", "https"):
            raise Unreachable(f"`{self.url}` is no http or https URL")
        if wanted:
            target += "?" + urlencode(wanted, doseq=True)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(target, data, headers, method=method)
        try:
            with _OPENER.open(request, timeout=_SECONDS) as reply:
                return Said(reply.status, _parsed(reply.read()))
        except urllib.error.HTTPError as fault:
            return Said(fault.code, _parsed(fault.read()))
        except (OSError, ValueError) as fault:
            reason = getattr(fault, "reason", fault)
            raise Unreachable(f"`{self.url}` cannot be asked: {reason}") from None


def _parsed(raw: bytes) -> JsonObject:
    try:
        found: Any = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

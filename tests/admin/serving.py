"""A server in this process, for tests of the admin API."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from pdp.admin import audit_routes, outbox_routes
from pdp.app import Server, create_app
from pdp.settings import Settings
from pdp.store.engine import Database


class Client:
    """Calls a server without a socket between."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(
        self, method: str, path: str, key: str | None = "demo-admin-key", **options: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self._server)
            async with httpx.AsyncClient(transport=transport, base_url="http://pdp") as client:
                return await client.request(method, path, headers=headers, **options)

        return anyio.run(call)

    @property
    def database(self) -> Database:
        """The server's own database."""
        return self._server.services.database


@contextmanager
def serving(folder: Path) -> Iterator[Client]:
    """A demo server on an empty policy folder."""
    for name in ("policies", "schemas"):
        (folder / name).mkdir()
    settings = Settings(
        demo=True,
        database=f"sqlite:///{folder}/pdp.db",
        policies=folder / "policies",
        schemas=folder / "schemas",
    )
    server = create_app(settings)
    _include(server)
    try:
        yield Client(server)
    finally:
        server.services.close()


def _include(server: Server) -> None:
    """Add these routes where the server does not have them yet."""
    server.api.state.keys = server.services.keys
    paths = {getattr(route, "path", None) for route in server.api.routes}
    for routes in (audit_routes.router, outbox_routes.router):
        if routes.prefix not in paths:
            server.api.include_router(routes)

"""A database that goes away: not ready, but alive, and what needs no database is still answered."""

import base64
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from pdp.store.engine import Database
from tests.ops.processes import ask, eventually, folder_of
from tests.server import ADMIN_KEY, Server, running

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(240)]
MASTER_KEY = {"PDP_KEYS__MASTER_KEY": base64.b64encode(bytes(32)).decode()}


def status_of(server: Server, path: str, key: str | None = None) -> int:
    """What a path answers."""
    with server.client(key) as client:
        return client.get(path).status_code


def test_a_server_without_its_database_is_unready_and_recovers(
    tmp_path: Path, postgres: str, postgres_db: Database
) -> None:
    name = urlsplit(postgres_db.url).path.strip("/")
    policies = folder_of(tmp_path, "read")

    def allow_connections(allowed: bool) -> None:
        with psycopg.connect(postgres.format(name="postgres"), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')  # type: ignore[arg-type]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    options = {"policies": policies, "database": postgres_db.url, "environment": MASTER_KEY}
    with running(tmp_path, **options) as server, server.client() as pep:  # type: ignore[arg-type]
        assert ask(pep, "read")
        allow_connections(False)
        try:
            assert eventually(lambda: status_of(server, "/readyz") == 503)
            assert status_of(server, "/healthz") == 200
            assert ask(pep, "read")
            assert not ask(pep, "write")
            assert status_of(server, "/admin/v1/entities?type=User", ADMIN_KEY) == 503
        finally:
            allow_connections(True)
        assert eventually(lambda: status_of(server, "/readyz") == 200)
        assert status_of(server, "/admin/v1/entities?type=User", ADMIN_KEY) == 200

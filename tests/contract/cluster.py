"""A throw-away PostgreSQL server on a socket of its own, for as long as the tests run."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; None when PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


class Cluster:
    """A server with a folder of its own.

    Attributes:
        address: of its databases, with `{name}` for the database's name.
    """

    def __init__(self, folder: Path) -> None:
        found = binaries()
        assert found is not None, "PostgreSQL is not installed"
        self._bin, self._folder = found, folder
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        self.address = f"postgresql://postgres@/{{name}}?host={folder}"
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c max_connections=300"
        self._run("pg_ctl", "-o", options, "-l", str(self._folder / "log"), "-w", "start")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def _run(self, command: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / command), "-D", str(self._folder / "data"), *arguments],
            user=self._user,
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        found = Cluster(folder)
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """Start a server; gives the address of its databases, with `{name}` for the name."""
    with cluster() as found:
        yield found.address

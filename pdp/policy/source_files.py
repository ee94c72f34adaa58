"""Reading a policy folder and a schema folder from disk, as one consistent set of texts."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pdp.policy.pace import Pace

Role = Literal["policy", "entities", "workflows", "mapping", "schema", "form"]

# How often a folder that changes under our eyes is read again before it is called unreadable.
ATTEMPTS = 5


class SourceFile(NamedTuple):
    """One file: `name` is its path below its folder, `shown` the path that an author knows."""

    role: Role
    name: str
    shown: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that a bundle is made of; `version` is the SHA-256 over names and contents."""

    folder: str
    version: str
    files: tuple[SourceFile, ...]

    def of(self, role: Role) -> list[SourceFile]:
        """The files of one role, in the order of their names."""
        return [file for file in self.files if file.role == role]


class UnreadableFolder(OSError):
    """The folder is missing, cannot be read, or does not hold still."""


class _Entry(NamedTuple):
    role: Role
    name: str
    path: str
    state: tuple[int, int, int]


def read_sources(policies: Path, schemas: Path | None, pace: Pace) -> Sources:
    """Read both folders; when they change meanwhile, read again, so that no mixture is returned.

    Args:
        policies: the policy folder, which must exist.
        schemas: the schema folder; None or a missing one is the same as an empty one.
        pace: called between files, so that a loading thread can make room for others.

    Raises:
        UnreadableFolder: with the path and the reason.
    """
    fault: OSError | None = None
    for _ in range(ATTEMPTS):
        try:
            before = _listing(policies, schemas, pace)
            files = tuple(_read(entry, pace) for entry in before)
            if _listing(policies, schemas, pace) == before:
                return Sources(policies.as_posix(), _version(files), files)
        except FileNotFoundError as error:
            # A file that went away between listing and reading: the folder is being replaced.
            fault = error
            if not policies.is_dir():
                break
    raise UnreadableFolder(_reason(policies, fault))


def _reason(policies: Path, fault: OSError | None) -> str:
    if not policies.is_dir():
        return f"`{policies}` is not a folder"
    if fault is not None:
        return f"`{fault.filename}`: {fault.strerror}"
    return f"`{policies}` keeps changing while it is read"


def _listing(policies: Path, schemas: Path | None, pace: Pace) -> list[_Entry]:
    if not policies.is_dir():
        raise FileNotFoundError(2, "no such folder", str(policies))
    found = [*_entries(str(policies), "", _policy_role, set(), pace)]
    if schemas is not None and schemas.is_dir():
        found += _entries(str(schemas), "", _schema_role, set(), pace)
    return sorted(found)


def _entries(
    folder: str,
    below: str,
    role_of: Callable[[str], Role | None],
    seen: set[tuple[int, int]],
    pace: Pace,
) -> Iterator[_Entry]:
    """The files of a folder and of those below it; links are followed, in circles only once.

    Names with a leading dot are skipped: a Kubernetes volume keeps its copies in `..<date>`.
    """
    itself = os.stat(folder)
    if (itself.st_dev, itself.st_ino) in seen:
        return
    seen.add((itself.st_dev, itself.st_ino))
    with os.scandir(folder) as entries:
        present = sorted(entries, key=lambda entry: entry.name)
    for entry in present:
        pace()
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _entries(entry.path, f"{below}{entry.name}/", role_of, seen, pace)
        elif (role := role_of(below + entry.name)) is not None:
            state = entry.stat()
            yield _Entry(
                role,
                below + entry.name,
                entry.path,
                (state.st_ino, state.st_size, state.st_mtime_ns),
            )


def _policy_role(name: str) -> Role | None:
    if name.endswith(".cedar"):
        return "policy"
    named: dict[str, Role] = {
        "entities.json": "entities",
        "workflows.yaml": "workflows",
        "mapping.yaml": "mapping",
    }
    return named.get(name)


def _schema_role(name: str) -> Role | None:
    if name.endswith((".cedarschema", ".cedarschema.json")):
        return "schema"
    if name.startswith("forms/") and name.endswith(".json"):
        return "form"
    return None


def _read(entry: _Entry, pace: Pace) -> SourceFile:
    pace()
    with open(entry.path, "rb", buffering=0) as file:
        return SourceFile(entry.role, entry.name, entry.path, file.read())


def _version(files: tuple[SourceFile, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.role}/{file.name}\0{len(file.content)}\0".encode())
        digest.update(file.content)
    return digest.hexdigest()

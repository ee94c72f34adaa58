"""Every suite here runs with and without a Cedar schema; the slow part on one and four workers."""

from collections.abc import Iterator

import pytest

from tests.conformance.worlds import Pep, World, in_process, served

_slow = pytest.mark.slow
# Whether there is a schema, and how many worker processes; none is the server in this process.
DEPLOYMENTS = [
    pytest.param((True, 0), id="schema"),
    pytest.param((False, 0), id="no_schema"),
    pytest.param((True, 1), id="schema-one_worker", marks=_slow),
    pytest.param((False, 1), id="no_schema-one_worker", marks=_slow),
    pytest.param((True, 4), id="schema-four_workers", marks=_slow),
    pytest.param((False, 4), id="no_schema-four_workers", marks=_slow),
]


def _serving(
    name: str, request: pytest.FixtureRequest, factory: pytest.TempPathFactory
) -> Iterator[Pep]:
    with_schema, workers = request.param
    world, folder = World(name, with_schema), factory.mktemp(name)
    with served(world, folder, workers) if workers else in_process(world, folder) as pep:
        yield pep


@pytest.fixture(scope="session", params=DEPLOYMENTS)
def pep(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pep]:
    """A caller of a server with the world of the certification scenario."""
    yield from _serving("certification", request, tmp_path_factory)


@pytest.fixture(scope="session", params=DEPLOYMENTS)
def todo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pep]:
    """A caller of a server with the world of the to-do interop."""
    yield from _serving("interop_todo", request, tmp_path_factory)


@pytest.fixture(scope="session", params=DEPLOYMENTS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pep]:
    """A caller of a server with the world of the search interop: six users, twenty records."""
    yield from _serving("interop_search", request, tmp_path_factory)

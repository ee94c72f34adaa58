"""Page tokens: only those made here, for this request and this caller, unaltered."""

import base64
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.worlds import RESOURCE_SEARCH, Pep, World, in_process

ASKED: dict[str, Any] = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "view"},
    "resource": {"type": "record"},
}
LIMIT = 3


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pep]:
    """A server with twenty records that may be viewed."""
    with in_process(World("interop_search"), tmp_path_factory.mktemp("tokens")) as pep:
        yield pep


@pytest.fixture(scope="module")
def token(library: Pep) -> str:
    """A token that is good."""
    reply = library.post(RESOURCE_SEARCH, ASKED | {"page": {"limit": LIMIT}})
    found: str = reply.body["page"]["next_token"]
    assert status_with(library, found) == 200
    return found


def status_with(library: Pep, token: Any) -> int:
    """The status of the next page's request with this token."""
    reply = library.post(RESOURCE_SEARCH, ASKED | {"page": {"limit": LIMIT, "token": token}})
    if reply.status != 200:
        assert reply.status == 400
        assert reply.body["type"].endswith(":invalid_page_token")
        assert "results" not in reply.body
    return reply.status


@pytest.mark.requirement("AZ-035")
def test_every_single_altered_character_is_noticed(library: Pep, token: str) -> None:
    for place in range(len(token)):
        # The last character's lowest bits may stand for nothing, so change the highest one.
        other = "A" if token[place] not in "ABCDEFGHIJKLMNOP" else "z"
        assert status_with(library, token[:place] + other + token[place + 1 :]) == 400, place


@pytest.mark.requirement("AZ-035")
def test_a_token_has_one_spelling(library: Pep, token: str) -> None:
    for other in (token + "\n", " " + token, token + "A", token[:-1], token.swapcase()):
        assert status_with(library, other) == 400, other
    assert status_with(library, token + token) == 400


@pytest.mark.requirement("AZ-035")
@pytest.mark.parametrize(
    "forged",
    [
        "x",
        "101",
        "AAAA",
        "A" * 64,
        "A" * 500_000,
        "ünïcode",
        "\0",
        base64.urlsafe_b64encode(b"103").decode(),
        base64.urlsafe_b64encode(b"\0" * 32 + b"103").decode(),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_made_up_token_is_refused(library: Pep, forged: str) -> None:
    assert status_with(library, forged) == 400


@pytest.mark.requirement("AZ-035")
def test_random_tokens_are_refused(library: Pep) -> None:
    source = random.Random(20)
    for _ in range(200):
        raw = source.randbytes(source.randrange(1, 80))
        assert status_with(library, base64.urlsafe_b64encode(raw).decode().rstrip("=")) == 400


@pytest.mark.requirement("AZ-035")
@pytest.mark.parametrize("value", [1, True, [], {}, ["x"], 1.5], ids=repr)
def test_a_token_that_is_no_string_is_refused(library: Pep, value: Any) -> None:
    reply = library.post(RESOURCE_SEARCH, ASKED | {"page": {"token": value}})
    assert reply.status == 400


@pytest.mark.requirement("AZ-035")
def test_a_token_of_another_deployment_is_refused(
    library: Pep, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    with in_process(World("interop_search"), folder) as other:
        reply = other.post(RESOURCE_SEARCH, ASKED | {"page": {"limit": LIMIT}})
    assert status_with(library, reply.body["page"]["next_token"]) == 400


@pytest.mark.requirement("AZ-035")
def test_a_token_reveals_neither_policy_nor_subject(token: str) -> None:
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"alice" not in raw
    assert b"view" not in raw

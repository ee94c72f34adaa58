"""Key sets of others: cached as their answers say, asked again for a new `kid`, never hammered."""

import asyncio
import json
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from pdp.settings import SettingsError
from pdp.trust.jose import PrivateKey
from pdp.trust.jwks import (
    FRESH_AT_LEAST,
    FRESH_AT_MOST,
    FRESH_UNTOLD,
    PAUSE_AFTER_FAULT,
    PAUSE_AFTER_UNKNOWN,
    USABLE_STALE,
    Fetched,
    FileKeys,
    KeysUnavailable,
    RemoteKeys,
    freshness,
)

FIRST, SECOND = PrivateKey.generate(), PrivateKey.generate()
URI = "https://as.example/jwks"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


class Issuer:
    """Publishes keys as it is told, and counts how often it is asked."""

    def __init__(self, *keys: PrivateKey) -> None:
        self.keys = list(keys)
        self.status = 200
        self.headers: dict[str, str] = {"cache-control": "max-age=600"}
        self.body: bytes | None = None
        self.asked: list[Mapping[str, str]] = []
        self.fault: Exception | None = None
        self.now = 1000.0
        self.delay = 0.0

    def clock(self) -> float:
        return self.now

    async def fetch(self, uri: str, headers: Mapping[str, str]) -> Fetched:
        assert uri == URI
        self.asked.append(headers)
        await asyncio.sleep(self.delay)
        if self.fault is not None:
            raise self.fault
        document = {"keys": [key.public_jwk() for key in self.keys]}
        body = json.dumps(document).encode() if self.body is None else self.body
        return Fetched(self.status, self.headers, body)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(FIRST)


@pytest.fixture
def keys(issuer: Issuer) -> RemoteKeys:
    return RemoteKeys(URI, issuer.fetch, issuer.clock)


def has(keys: RemoteKeys | FileKeys, key: PrivateKey) -> bool:
    return key.kid in run(keys.keys_for(key.kid))


@pytest.mark.requirement("ARAP-010")
def test_keys_are_fetched_once_while_they_are_fresh(issuer: Issuer, keys: RemoteKeys) -> None:
    assert has(keys, FIRST)
    issuer.now += 599
    assert has(keys, FIRST)
    assert len(issuer.asked) == 1
    issuer.now += 1
    assert has(keys, FIRST)
    assert len(issuer.asked) == 2


@pytest.mark.requirement("ARAP-010")
def test_a_key_that_was_rotated_out_is_gone_after_the_refresh(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    assert has(keys, FIRST)
    issuer.keys = [SECOND]
    assert has(keys, FIRST)
    issuer.now += 600
    assert not has(keys, FIRST)


@pytest.mark.requirement("ARAP-009")
def test_an_unknown_kid_asks_exactly_once_more(issuer: Issuer, keys: RemoteKeys) -> None:
    assert has(keys, FIRST)
    issuer.keys = [FIRST, SECOND]
    assert has(keys, SECOND)
    assert len(issuer.asked) == 2


def test_a_kid_that_nobody_has_cannot_make_us_ask_again_and_again(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    assert has(keys, FIRST)
    for _ in range(50):
        assert not has(keys, SECOND)
    assert len(issuer.asked) == 2
    issuer.now += PAUSE_AFTER_UNKNOWN
    assert not has(keys, SECOND)
    assert len(issuer.asked) == 3


def test_the_first_fetch_is_enough_to_know_that_a_kid_is_unknown(
    issuer: Issuer, keys: RemoteKeys
) -> None:
    assert not has(keys, SECOND)
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("known", [True, False])
def test_many_at_once_share_one_fetch(issuer: Issuer, keys: RemoteKeys, known: bool) -> None:
    issuer.delay = 0.01

    async def many() -> list[bool]:
        if known:
            await keys.keys_for(None)
            issuer.keys.append(SECOND)
        else:
            issuer.keys = [SECOND]
        found = await asyncio.gather(*(keys.keys_for(SECOND.kid) for _ in range(30)))
        return [SECOND.kid in each for each in found]

    assert all(run(many()))
    assert len(issuer.asked) == 1 + known


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 302},
        {"status": 304},
        {"body": b"<html>"},
        {"body": b'{"keys":{}}'},
        {"body": b"[]"},
        {"body": b'{"keys":[],"keys":[]}'},
        {"fault": OSError("down")},
    ],
)
def test_without_any_keys_a_fault_is_unavailable_and_not_hammered(
    issuer: Issuer, keys: RemoteKeys, fault: dict[str, Any]
) -> None:
    vars(issuer).update(fault)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            run(keys.keys_for(FIRST.kid))
    assert len(issuer.asked) == 1
    vars(issuer).update({"status": 200, "body": None, "fault": None})
    issuer.now += PAUSE_AFTER_FAULT
    assert has(keys, FIRST)


def test_good_keys_outlive_a_fault_but_not_for_ever(issuer: Issuer, keys: RemoteKeys) -> None:
    assert has(keys, FIRST)
    issuer.status = 503
    issuer.now += 600
    for _ in range(20):
        assert has(keys, FIRST)
    assert len(issuer.asked) == 2
    issuer.now += USABLE_STALE - 1
    assert has(keys, FIRST)
    issuer.now += 1
    with pytest.raises(KeysUnavailable):
        run(keys.keys_for(FIRST.kid))


def test_an_unchanged_set_is_not_sent_again(issuer: Issuer, keys: RemoteKeys) -> None:
    issuer.headers["etag"] = '"v1"'
    assert has(keys, FIRST)
    issuer.status, issuer.body = 304, b""
    issuer.now += 600
    assert has(keys, FIRST)
    assert issuer.asked[1]["if-none-match"] == '"v1"'
    issuer.now += 599
    assert has(keys, FIRST)
    assert len(issuer.asked) == 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, FRESH_UNTOLD),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age=600, must-revalidate"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "s-maxage=600"}, FRESH_UNTOLD),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "x"}, 600),
        ({"cache-control": "max-age=600", "age": "9" * 5000}, 600),
        ({"cache-control": "max-age=0"}, FRESH_AT_LEAST),
        ({"cache-control": "max-age=-1"}, FRESH_UNTOLD),
        ({"cache-control": "no-store"}, FRESH_AT_LEAST),
        ({"cache-control": "no-cache, max-age=600"}, FRESH_AT_LEAST),
        ({"cache-control": "max-age=999999999"}, FRESH_AT_MOST),
    ],
)
def test_freshness_follows_the_answer_within_bounds(
    headers: dict[str, str], expected: float
) -> None:
    assert freshness(headers) == expected


def write(path: Path, *keys: PrivateKey) -> None:
    path.write_text(json.dumps({"keys": [key.public_jwk() for key in keys]}))


def test_a_key_file_is_read_again_when_it_changes(tmp_path: Path, issuer: Issuer) -> None:
    path = tmp_path / "jwks.json"
    write(path, FIRST)
    keys = FileKeys(path, issuer.clock)
    assert has(keys, FIRST)
    write(path, FIRST, SECOND)
    assert has(keys, SECOND)
    write(path, SECOND)
    issuer.now += FRESH_AT_LEAST
    assert not has(keys, FIRST)


def test_a_key_file_that_breaks_leaves_the_last_good_keys(tmp_path: Path, issuer: Issuer) -> None:
    path = tmp_path / "jwks.json"
    write(path, FIRST)
    keys = FileKeys(path, issuer.clock)
    path.write_text("{")
    issuer.now += FRESH_AT_LEAST
    assert has(keys, FIRST)
    path.unlink()
    issuer.now += FRESH_AT_LEAST
    assert has(keys, FIRST)


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", '{"keys":[]}', '{"keys":[{"kty":"oct"}]}']
)
def test_a_key_file_without_usable_keys_refuses_to_start(
    tmp_path: Path, issuer: Issuer, content: str | None
) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="jwks.json: ") as fault:
        FileKeys(path, issuer.clock)
    assert "\n" not in str(fault.value)

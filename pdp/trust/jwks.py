"""Key sets of other parties: from a file, or from a URI and cached as its answers say."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from pdp.core.values import InvalidJson, parse_json
from pdp.settings import SettingsError
from pdp.trust.jose import PublicKeys

FRESH_AT_LEAST = 60.0
FRESH_AT_MOST = 86_400.0
FRESH_UNTOLD = 300.0
"""Seconds that a key set counts as fresh: bounds, and when the answer does not say."""
USABLE_STALE = 3_600.0
"""Seconds beyond freshness that a set is used while its source cannot be reached."""
PAUSE_AFTER_FAULT = 10.0
PAUSE_AFTER_UNKNOWN = 10.0
"""Seconds between two fetches because of failures, and because of unknown `kid`s."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})")


class KeysUnavailable(Exception):
    """The keys of another party cannot be had at the moment."""


class Fetched(NamedTuple):
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Fetch = Callable[[str, Mapping[str, str]], Awaitable[Fetched]]


class KeySource(Protocol):
    """Where the keys of one party come from."""

    @property
    def fresh_until(self) -> float:
        """When what was verified with these keys must be verified again."""

    async def keys_for(self, kid: str | None) -> PublicKeys:
        """The keys to verify a token of that `kid` with; raises `KeysUnavailable`."""


class FileKeys:
    """A key set in a file, read again when the file has changed."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self.fresh_until = 0.0
        try:
            self._keys = self._read()
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
        except InvalidJson as error:
            raise SettingsError(f"{path}: is not a JWK set: {error}") from None
        if not len(self._keys):
            raise SettingsError(f"{path}: holds no key that signatures can be verified with")

    async def keys_for(self, kid: str | None) -> PublicKeys:
        """The keys of the file; the last good ones while it cannot be read."""
        now = self._clock()
        if now >= self.fresh_until or kid not in self._keys:
            self.fresh_until = now + FRESH_AT_LEAST
            with suppress(OSError, InvalidJson):
                self._keys = self._read()
        return self._keys

    def _read(self) -> PublicKeys:
        state = self._path.stat()
        seen = (state.st_mtime_ns, state.st_size)
        if seen == self._seen:
            return self._keys
        keys = _parsed(self._path.read_bytes())
        self._seen = seen
        return keys


class RemoteKeys:
    """A key set at a URI, fetched when it is stale or a `kid` is unknown, one fetch at a time."""

    def __init__(self, uri: str, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._uri = uri
        self._fetch = fetch
        self._clock = clock
        self._keys: PublicKeys | None = None
        self._etag: str | None = None
        self._fetches = 0
        self._not_before = 0.0
        self._unknown_not_before = 0.0
        self._one_at_a_time = asyncio.Lock()
        self.fresh_until = 0.0

    async def keys_for(self, kid: str | None) -> PublicKeys:
        """The keys, fetched first if they are stale or do not have that `kid`.

        Raises:
            KeysUnavailable: there are none, or only stale ones for too long.
        """
        seen = self._fetches
        if self._clock() >= self.fresh_until:
            await self._refresh(seen)
        if kid is not None and self._keys is not None and kid not in self._keys:
            await self._look_for_unknown(seen)
        if self._keys is None or self._clock() >= self.fresh_until + USABLE_STALE:
            raise KeysUnavailable(f"no keys from `{self._uri}`")
        return self._keys

    async def _look_for_unknown(self, seen: int) -> None:
        now = self._clock()
        if self._fetches == seen and now >= self._unknown_not_before:
            self._unknown_not_before = now + PAUSE_AFTER_UNKNOWN
            await self._refresh(seen)
        elif self._one_at_a_time.locked():
            async with self._one_at_a_time:
                """Another call is fetching: its answer is this one's as well."""

    async def _refresh(self, seen: int) -> None:
        async with self._one_at_a_time:
            now = self._clock()
            if self._fetches != seen or now < self._not_before:
                return
            try:
                await self._replace(now)
            except (KeysUnavailable, OSError, InvalidJson):
                self._not_before = now + PAUSE_AFTER_FAULT
            finally:
                # Counted when it is over, so that those who came meanwhile take its result.
                self._fetches += 1

    async def _replace(self, now: float) -> None:
        headers = {"accept": "application/jwk-set+json, application/json"}
        if self._etag is not None and self._keys is not None:
            headers["if-none-match"] = self._etag
        answer = await self._fetch(self._uri, headers)
        if answer.status == 200:
            self._keys = _parsed(answer.body)
            self._etag = answer.headers.get("etag")
        elif answer.status != 304 or self._keys is None:
            raise KeysUnavailable(f"status {answer.status}")
        self.fresh_until = now + freshness(answer.headers)


def key_source(
    file: Path | None, uri: str | None, fetch: Fetch, clock: Callable[[], float]
) -> KeySource:
    """The keys in a file or else at a URI; raises `SettingsError` for a bad file."""
    return FileKeys(file, clock) if file is not None else RemoteKeys(str(uri), fetch, clock)


def freshness(headers: Mapping[str, str]) -> float:
    """Seconds that an answer may be used without asking again (RFC 9111), within our bounds."""
    control = headers.get("cache-control", "").lower()
    found = _MAX_AGE.search(control)
    if "no-store" in control or "no-cache" in control:
        return FRESH_AT_LEAST
    if found is None:
        return FRESH_UNTOLD
    age = headers.get("age", "0")
    lived = int(age) if age.isdecimal() and len(age) < 10 else 0
    return min(max(float(int(found[1]) - lived), FRESH_AT_LEAST), FRESH_AT_MOST)


def _parsed(raw: bytes) -> PublicKeys:
    document = parse_json(raw)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise InvalidJson("syntax", "it is not a JWK set")
    return PublicKeys(document)

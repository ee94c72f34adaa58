"""Going out: the only file that imports the HTTP client.

A URL that a caller gave is never simply fetched. Its host is looked up once, every address found
is held against `pdp.trust.addresses`, and the connection goes to one of those very addresses. No
redirects, proxies, cookies or kept connections; answers and waiting are bounded.
"""

import ipaddress
import ssl
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpcore
import httpx

from pdp.settings import OutboundSettings, SettingsError, is_loopback
from pdp.trust.jwks import Fetched
from pdp.trust.resolution import (
    Addresses,
    OutboundFailed,
    OutboundRefused,
    Resolve,
    literal_address,
    system_resolve,
    within,
)

__all__ = ["Fetched", "Outbound", "OutboundFailed", "OutboundRefused"]

LONGEST_URL = 2048
_MOST_ATTEMPTS = 3
Certificate = tuple[Path, Path]
"""PEM files: a client certificate and its private key."""

_PORTS = {"https": 443, "http": 80}


class Destination(NamedTuple):
    """A URL of acceptable form, and whether its host may have an internal address."""

    url: httpx.URL
    internal_allowed: bool


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """The network for one exchange: resolve once, look at every address, connect to one of them.

    The TLS layer above still asks for, and checks, the certificate of the name.
    """

    def __init__(self, addresses: Addresses, internal_allowed: bool, seconds: float) -> None:
        self._addresses = addresses
        self._internal_allowed = internal_allowed
        self._seconds = seconds
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to `host`; raises `OutboundFailed`."""
        with within(self._seconds):
            found = await self._addresses.of(host, port, self._internal_allowed)
            for address in found[:_MOST_ATTEMPTS]:
                try:
                    return await self._real.connect_tcp(address, port, timeout)
                except (httpcore.ConnectError, httpcore.ConnectTimeout):
                    continue
        raise OutboundFailed(f"`{host}` does not accept connections")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never; raises `OutboundRefused`."""
        raise OutboundRefused("local sockets are not contacted")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


class Outbound:
    """Sends requests to destinations that are safe to contact.

    Args:
        settings: allowed hosts and networks, time-outs and sizes.
        resolve: gives the addresses of a host as text.

    Raises:
        SettingsError: the file of certificate authorities cannot be used.
    """

    def __init__(self, settings: OutboundSettings, resolve: Resolve = system_resolve) -> None:
        self._settings = settings
        self._hosts = frozenset(_plain(host) for host in settings.allow_hosts)
        self._networks = tuple(ipaddress.ip_network(each) for each in settings.allow_networks)
        self._addresses = Addresses(resolve, self._networks)
        self._tls = _shared_tls(settings.ca_file)

    async def check_destination(self, url: str) -> None:
        """Whether `url` may be sent to, as its name resolves now; `send` looks again.

        Raises:
            OutboundRefused: its form, or an address behind it, is not acceptable.
            OutboundFailed: its name cannot be resolved.
        """
        target = self._destination(url, configured=False)
        port = target.url.port or _PORTS[target.url.scheme]
        with within(self._settings.connect_seconds):
            await self._addresses.of(target.url.host, port, target.internal_allowed)

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        certificate: Certificate | None = None,
    ) -> Fetched:
        """Send one request to a URL that a caller gave; a redirect is an answer like any other.

        Args:
            method: the HTTP method.
            url: where to.
            headers: header fields, beside those of HTTP itself.
            body: the content.
            certificate: PEM files of a client certificate and its key, to prove who sends.

        Raises:
            OutboundRefused: the destination must not be contacted.
            OutboundFailed: no answer in time, one that is too large, or an unusable certificate.
        """
        target = self._destination(url, False)
        tls = self._tls if certificate is None else _with_certificate(self._settings, certificate)
        return await self._exchange(method, target, headers, body, tls)

    async def fetch_configured(self, url: str, headers: Mapping[str, str]) -> Fetched:
        """GET a URL of the configuration, whose host may therefore be internal; raises as `send`."""
        return await self._exchange("GET", self._destination(url, True), headers, b"", self._tls)

    def _destination(self, text: str, configured: bool) -> Destination:
        if len(text) > LONGEST_URL or not (text.isascii() and text.isprintable()):
            raise OutboundRefused("the URL is too long or has characters that do not belong there")
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, ValueError):
            raise OutboundRefused("the URL is malformed") from None
        port = 443 if url.port is None else url.port
        if url.scheme not in _PORTS or not url.host or not 0 < port < 65_536:
            raise OutboundRefused("the URL must be an absolute https URL")
        if url.userinfo or any(mark in text for mark in "#\\ "):
            raise OutboundRefused("the URL must have no user information, fragment or backslash")
        named = _plain(url.host) in self._hosts
        if url.scheme == "http" and not (named or self._may_be_plain(url.host, configured)):
            raise OutboundRefused("the URL must be an absolute https URL")
        return Destination(url, named or configured)

    def _may_be_plain(self, host: str, configured: bool) -> bool:
        address = literal_address(host)
        listed = address is not None and any(
            address.version == each.version and address in each for each in self._networks
        )
        return listed or (configured and is_loopback(host))

    async def _exchange(
        self,
        method: str,
        target: Destination,
        headers: Mapping[str, str],
        body: bytes,
        tls: ssl.SSLContext,
    ) -> Fetched:
        settings = self._settings
        request = httpx.Request(
            method,
            target.url,
            headers={"accept-encoding": "identity", "user-agent": "authzen-pdp", **headers},
            content=body,
            extensions={"timeout": {"connect": settings.connect_seconds}},
        )
        backend = PinnedBackend(self._addresses, target.internal_allowed, settings.connect_seconds)
        transport = _transport(tls, backend)
        try:
            with within(settings.total_seconds):
                async with transport:
                    response = await transport.handle_async_request(request)
                    content = await _read(response, settings.response_bytes)
        except OutboundFailed:
            raise
        except (httpx.HTTPError, OSError) as error:
            raise OutboundFailed(f"no usable answer: {type(error).__name__}") from None
        return Fetched(response.status_code, dict(response.headers), content)


@cache
def _shared_tls(ca_file: Path | None) -> ssl.SSLContext:
    """One for all that present no certificate: reading the authorities takes 40 ms."""
    return _tls(ca_file)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError:
            raise SettingsError(
                f"`outbound.ca_file`: `{ca_file}` holds no certificates in PEM form"
            ) from None
    return context


def _with_certificate(settings: OutboundSettings, certificate: Certificate) -> ssl.SSLContext:
    context = _tls(settings.ca_file)
    try:
        context.load_cert_chain(*certificate)
    except OSError:
        raise OutboundFailed("the client certificate or its key cannot be read") from None
    return context


def _transport(tls: ssl.SSLContext, backend: PinnedBackend) -> httpx.AsyncHTTPTransport:
    """A transport over our network backend; httpx is pinned because this is not its public API."""
    transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=tls, max_connections=1, max_keepalive_connections=0, network_backend=backend
    )
    return transport


async def _read(response: httpx.Response, most: int) -> bytes:
    chunks, size = [], 0
    async for chunk in response.stream:  # type: ignore[union-attr]
        size += len(chunk)
        if size > most:
            raise OutboundFailed(f"the answer is larger than {most} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()

"""From a host to addresses that may be connected to."""

import ipaddress
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from socket import SOCK_STREAM

import anyio

from pdp.trust.addresses import Address, Network, why_refused

_MOST_ADDRESSES = 16

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host, as text."""


class OutboundFailed(OSError):
    """There was no usable answer; trying again later may help."""


class OutboundRefused(OutboundFailed):
    """The destination must not be contacted from here; trying again does not help."""


class Addresses:
    """Looks hosts up and lets only acceptable addresses through.

    Args:
        resolve: the look-up.
        networks: networks that the operator listed.
    """

    def __init__(self, resolve: Resolve, networks: Sequence[Network]) -> None:
        self._resolve = resolve
        self._networks = networks

    async def of(self, host: str, port: int, internal_allowed: bool) -> list[str]:
        """The addresses of `host`; one bad address among them is enough to refuse them all.

        Raises:
            OutboundRefused: it leads where this server must not go.
            OutboundFailed: it leads nowhere.
        """
        literal = literal_address(host)
        try:
            found = [str(literal)] if literal else await self._resolve(host, port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise OutboundFailed(f"the name `{host}` cannot be resolved")
        distinct = list(dict.fromkeys(found))
        for text in distinct:
            kind = self._why_refused(text, internal_allowed)
            if kind is not None:
                raise OutboundRefused(f"`{host}` leads to a {kind} address")
        return distinct[:_MOST_ADDRESSES]

    def _why_refused(self, text: str, internal_allowed: bool) -> str | None:
        address = literal_address(text)
        if address is None:
            return "malformed"
        return why_refused(address, self._networks, internal_allowed=internal_allowed)


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Give up after so many seconds; raises `OutboundFailed`."""
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise OutboundFailed(f"no answer within {seconds:g} seconds") from None


def literal_address(host: str) -> Address | None:
    """The address that a host is written as, if it is one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives."""
    found = await anyio.getaddrinfo(host, port, type=SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]

"""Which addresses this server must not be talked into connecting to.

`ipaddress.is_global` of the supported Python versions calls several of these global (translated
loopback and private addresses among them), so the table is our own.
"""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED = """
0.0.0.0/8           this network
10.0.0.0/8          private
100.64.0.0/10       shared
100.100.100.200/32  cloud metadata
127.0.0.0/8         loopback
168.63.129.16/32    cloud metadata
169.254.0.0/16      link-local
172.16.0.0/12       private
192.0.0.0/24        protocol assignments
192.0.2.0/24        documentation
192.88.99.0/24      6to4 relay
192.168.0.0/16      private
198.18.0.0/15       benchmarking
198.51.100.0/24     documentation
203.0.113.0/24      documentation
224.0.0.0/4         multicast
240.0.0.0/4         reserved
::/128              unspecified
::1/128             loopback
::/96               IPv4-compatible
::ffff:0:0/96       IPv4-mapped
::ffff:0:0:0/96     IPv4-translated
64:ff9b::/96        NAT64
64:ff9b:1::/48      NAT64
100::/64            discard-only
100:0:0:1::/64      dummy prefix
2001::/23           protocol assignments
2001:db8::/32       documentation
2002::/16           6to4
3fff::/20           documentation
5f00::/16           segment routing
fc00::/7            private
fd00:ec2::254/128   cloud metadata
fe80::/10           link-local
fec0::/10           site-local
ff00::/8            multicast
"""
_INTERNAL = frozenset({"private", "shared", "loopback"})


class _Row(NamedTuple):
    network: Network
    kind: str


def _table(text: str) -> tuple[_Row, ...]:
    rows = [line.split(None, 1) for line in text.strip().splitlines()]
    found = [_Row(ipaddress.ip_network(network), kind) for network, kind in rows]
    return tuple(sorted(found, key=lambda row: -row.network.prefixlen))


_ROWS = _table(_REFUSED)


def kind_of(address: Address) -> str | None:
    """What kind of special address it is, by the narrowest range; None for an ordinary one."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return "link-local"
    for network, kind in _ROWS:
        if address.version == network.version and address in network:
            return kind
    return None


def is_internal(kind: str) -> bool:
    """Whether machines of one's own may have addresses of that kind."""
    return kind in _INTERNAL


def why_refused(
    address: Address, allowed: Iterable[Network] = (), *, internal_allowed: bool = False
) -> str | None:
    """Why this server may not connect to `address`; None when it may.

    Args:
        address: where the connection would really go.
        allowed: networks that the operator listed, whatever their kind.
        internal_allowed: whether the operator named this host, so that private, shared and
            loopback addresses are meant; metadata services and link-local ones never are.
    """
    kind = kind_of(address)
    if kind is None or (internal_allowed and is_internal(kind)):
        return None
    if any(address.version == each.version and address in each for each in allowed):
        return None
    return kind

"""Who really asks, when a proxy stands in front: its headers are believed only if it is one of ours. Pure.

`X-Forwarded-For` is read from the right, as far as addresses are our own
proxies; what a client wrote in it stands further left and is not looked at.
Rules AC34 to AC36: docs/specs/access.md.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from carnet.errors import ConfigError

#: Believed when the owner trusts proxies and names none: this machine, and private networks, as of containers.
PRIVATE: Final = (
    "127.0.0.0/8",
    "::1",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
)

#: What proxies say, and what the page was loaded by. Traefik names a WebSocket's own scheme.
_SCHEMES: Final[Mapping[str, str]] = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Seen(NamedTuple):
    """A request as the browser made it."""

    address: str
    scheme: str
    host: str


def networks(named: Sequence[str]) -> Sequence[Network]:
    """Return addresses and networks, parsed.

    Raises:
        ConfigError: one is neither.
    """
    found = []
    for text in named:
        try:
            found.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise ConfigError(
                f"trusted_proxies: {text!r} is not an address or a network, as 192.0.2.7 or 10.0.0.0/8."
            ) from None
    return found


def seen_through(seen: Seen, headers: Mapping[str, str], trusted: Sequence[Network]) -> Seen:
    """Return what the browser did, by the headers of proxies of ours; `seen` itself where it came from elsewhere.

    An empty address is a Unix socket: whoever may open it is trusted.
    """
    if not _is_trusted(seen.address, trusted):
        return seen
    address = seen.address
    hops = [hop.strip() for hop in headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _is_address(hop):
            break
        address = hop
        if not _is_trusted(hop, trusted):
            break
    if not hops and _is_address(headers.get("X-Real-Ip", "")):
        address = headers["X-Real-Ip"].strip()
    scheme = _last(headers.get("X-Forwarded-Proto", "") or headers.get("X-Scheme", "")).lower()
    return Seen(
        address,
        _SCHEMES.get(scheme, seen.scheme),
        _last(headers.get("X-Forwarded-Host", "")) or seen.host,
    )


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    if not text:
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped.version == one.version and mapped in one for one in trusted)

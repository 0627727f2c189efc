"""Which Host names are ours, and which origins may act. Exact comparison only, no patterns.

The Host check guards against DNS rebinding, the Origin check against pages of
other sites that act with the user's cookie; fetch metadata is a reason to
refuse and never one to trust. Rules AC2 to AC5: docs/specs/access.md.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# name, address or [v6 address], and maybe a port
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/@\s]+)")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def host_name(authority: str) -> str | None:
    """Return the name or address in a Host header, lower case, without port; None if it is not one."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return None
    return (found["six"] or found["name"]).lower()


def is_our_host(authority: str, *, names: Iterable[str], local_address: str) -> bool:
    """Return whether a Host header names this server.

    The loopback names always do, the names given do, and so does the very
    address that the connection came in on: a rebound name is never an address.
    """
    name = host_name(authority)
    if name is None:
        return False
    return (
        name in LOOPBACK_NAMES or name == local_address.lower() or any(name == one.lower() for one in names)
    )


def is_same_origin(origin: str, *, scheme: str, authority: str) -> bool:
    """Return whether an Origin header is that of the page's own server.

    The authority must be the same to the letter (an absent port is the scheme's
    own). An https origin is taken where we speak http: a proxy in front does TLS.
    """
    found = _ORIGIN.fullmatch(origin)
    if found is None or found["scheme"] not in {scheme, "https"}:
        return False
    theirs = _AUTHORITY.fullmatch(found["authority"])
    ours = _AUTHORITY.fullmatch(authority)
    if theirs is None or ours is None:
        return False
    if (theirs["six"] or theirs["name"]).lower() != (ours["six"] or ours["name"]).lower():
        return False
    default = _DEFAULT_PORTS[found["scheme"]]
    return (theirs["port"] or default) == (ours["port"] or default)


def is_address(name: str) -> bool:
    """Return whether a host name is an address, v4 or v6."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # What only looks like one is taken for one by browsers: `127.1`, `2130706433`.
        return name.replace(".", "").isdigit()
    return True


def is_loopback(address: str) -> bool:
    """Return whether an address, or the name `localhost`, is this machine's own."""
    if address == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool(parsed.is_loopback or (mapped is not None and mapped.is_loopback))

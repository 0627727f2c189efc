"""Under which names and addresses others can reach this machine. It asks the system, never the network."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

#: Nothing is sent to them: connecting a UDP socket only makes the system choose the address it would send from.
_FAR_AWAY: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_addresses() -> Sequence[str]:
    """Return the addresses that others can reach us at, the likeliest first. Loopback and link-local ones are not."""
    found: dict[str, None] = {}
    for family, far in _FAR_AWAY:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                found[str(probe.getsockname()[0])] = None
        except OSError:
            pass  # no such protocol here, or no route
    try:
        infos = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        infos = []
    for info in infos:
        found[str(info[4][0]).partition("%")[0]] = None
    return [one for one in found if _reaches(one)]


def own_names() -> Sequence[str]:
    """Return host names and addresses, for a certificate: also those that only this machine uses."""
    names = [socket.gethostname(), socket.getfqdn(), "localhost", *own_addresses(), "127.0.0.1", "::1"]
    # A machine without a name of its own in the DNS gets odd answers here (`1.0.0...ip6.arpa`).
    return list(dict.fromkeys(name for name in names if name and not name.endswith(".arpa")))


def _reaches(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)

"""What a server says of itself: addresses that can be reached, and a QR code for telephones."""

import io
import socket
from collections.abc import Sequence

from carnet.server.services import Services

_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})
_USUAL_PORTS = {"http": 80, "https": 443}


def address_of(services: Services, port: int) -> str:
    """Return the address to open, without token: one that can be reached, never `*`."""
    if port == 0:
        return f"http+unix:{services.settings.sock or 'systemd'}"
    return _url(services, addresses(services)[0], port)


def other_addresses_of(services: Services, port: int) -> Sequence[str]:
    """Return more addresses that others can open."""
    return [_url(services, one, port) for one in addresses(services)[1:]] if port else []


def addresses(services: Services) -> Sequence[str]:
    """Return names and addresses of ours, the best first."""
    ip = services.settings.ip
    if ip not in _EVERYWHERE:
        return [ip]
    from carnet.server.reachable import own_addresses  # most servers are for their own machine

    named = [one for one in services.settings.local_hostnames if one != "localhost"]
    own = [one for one in own_addresses() if ip != "0.0.0.0" or ":" not in one]
    # A name without a dot is known to few others: not to a telephone.
    host = socket.gethostname()
    return list(dict.fromkeys([*named, *([host] if "." in host else []), *own, host]))


def qr_code(url: str) -> str:
    """Return a QR code for a terminal."""
    import segno  # only who serves others needs it

    out = io.StringIO()
    segno.make(url, micro=False).terminal(out=out, compact=True)
    return out.getvalue()


def _url(services: Services, host: str, port: int) -> str:
    scheme = "https" if services.is_secure else "http"
    bracketed = f"[{host}]" if ":" in host else host
    shown_port = "" if port == _USUAL_PORTS[scheme] else f":{port}"
    return f"{scheme}://{bracketed}{shown_port}{services.base_url}"

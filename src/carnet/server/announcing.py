"""What a server says of itself: addresses that can be reached, and a QR code for telephones."""

import io
import socket
from collections.abc import Sequence

from carnet.server.services import Services

_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})


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
    return list(dict.fromkeys([*named, socket.gethostname(), *own_addresses()]))


def qr_code(url: str) -> str:
    """Return a QR code for a terminal."""
    import segno  # only who serves others needs it

    out = io.StringIO()
    segno.make(url, micro=False).terminal(out=out, compact=True)
    return out.getvalue()


def _url(services: Services, host: str, port: int) -> str:
    scheme = "https" if services.is_secure else "http"
    bracketed = f"[{host}]" if ":" in host else host
    return f"{scheme}://{bracketed}:{port}{services.base_url}"

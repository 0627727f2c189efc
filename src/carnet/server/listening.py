"""Take the port: the one that is wanted, or the next free one where nobody insisted."""

import errno
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tornado.netutil import bind_sockets

from carnet.config.load import Loaded
from carnet.errors import ConfigError


class Listening(NamedTuple):
    """Bound sockets, and their port."""

    sockets: Sequence[socket.socket]
    port: int


def listen(loaded: Loaded) -> Listening:
    """Bind the sockets.

    Raises:
        ConfigError: the port is taken or not allowed, or the address is not one of this machine's.
    """
    settings = loaded.settings
    address = None if settings.ip in {"", "*"} else settings.ip
    tries = 1 if loaded.is_set("port") or settings.port == 0 else settings.port_retries + 1
    last = min(settings.port + tries - 1, 65535)
    for port in range(settings.port, last + 1):
        try:
            sockets = bind_sockets(port, address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port < last:
                continue
            raise ConfigError(_sentence(error, settings.ip, port, tries)) from error
        return Listening(sockets, int(sockets[0].getsockname()[1]))
    raise AssertionError("the loop returns or raises")


def _sentence(error: OSError, ip: str, port: int, tries: int) -> str:
    if error.errno == errno.EADDRINUSE:
        if tries > 1:
            return f"No port from {port - tries + 1} to {port} is free. Name another one: --port=PORT."
        return f"Port {port} is in use already. Choose another one (--port=PORT), or end what uses it (`carnet list`)."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by you. Choose one above 1023: --port=PORT."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"ip: {ip!r} is not an address of this machine. Use 127.0.0.1, or '*' for every address."
    return f"Carnet cannot listen on {ip or '*'}, port {port}: {error.strerror or error}."


def tls_context(loaded: Loaded) -> ssl.SSLContext | None:
    """Return how to speak TLS; None where no certificate is named.

    Raises:
        ConfigError: certificate or key cannot be read or do not fit.
    """
    settings = loaded.settings
    if not settings.certfile:
        return None
    for name, path in (("certfile", settings.certfile), ("keyfile", settings.keyfile)):
        if path and not Path(path).expanduser().is_file():
            raise ConfigError(f"{name}: there is no file {path}.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    keyfile = str(Path(settings.keyfile).expanduser()) if settings.keyfile else None
    try:
        context.load_cert_chain(Path(settings.certfile).expanduser(), keyfile)
    except ssl.SSLError as error:
        if "EE_KEY_TOO_SMALL" in str(error) or "CA_MD_TOO_WEAK" in str(error):
            raise ConfigError(
                f"certfile: the key or signature of {settings.certfile} is too weak to be safe today. Make a new one: "
                "openssl req -x509 -nodes -days 365 -newkey rsa:2048 -keyout mycert.pem -out mycert.pem"
            ) from error
        raise ConfigError(
            f"certfile: {settings.certfile} cannot be used: {error.reason or error}. "
            "It must be a PEM file with certificate and key, or --keyfile must name the key."
        ) from error
    except OSError as error:
        raise ConfigError(f"certfile: {settings.certfile} cannot be read: {error.strerror}.") from error
    return context

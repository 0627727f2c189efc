"""Take the port: the one that is wanted, or the next free one where nobody insisted."""

import dataclasses
import errno
import os
import socket
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tornado.netutil import bind_sockets, bind_unix_socket

from carnet.config.load import Loaded
from carnet.config.settings import Settings
from carnet.errors import ConfigError
from carnet.security.origins import is_loopback

FIRST_PASSED_FD: Final = 3
"""systemd passes sockets from here on: sd_listen_fds(3)."""


class Listening(NamedTuple):
    """Bound sockets, and their port."""

    sockets: Sequence[socket.socket]
    port: int
    """0: a Unix socket."""
    plain: Sequence[socket.socket] = ()
    """Of `http_port`."""


def where_passed(settings: Settings, env: Mapping[str, str]) -> Settings:
    """Return the settings with the address of the sockets that systemd passes, where it does.

    They, and not `ip`, say who can reach this server, and so what must protect it.
    """
    names = []
    for descriptor in _passed(env):
        with socket.socket(fileno=os.dup(descriptor)) as one:
            names.append(one.getsockname())
    networked = [name for name in names if isinstance(name, tuple)]
    if not networked:
        return dataclasses.replace(settings, sock=str(names[0]) or "systemd") if names else settings
    hosts = [str(name[0]) for name in networked]
    # The one that reaches farthest decides.
    far = next((host for host in hosts if not is_loopback(host)), hosts[0])
    return dataclasses.replace(settings, ip=far, port=int(networked[0][1]), sock="")


def listen(loaded: Loaded, env: MutableMapping[str, str]) -> Listening:
    """Bind the sockets; or take those that systemd has bound, and what says so out of the environment.

    Raises:
        ConfigError: the port is taken or not allowed, or the address is not one of this machine's.
    """
    settings = loaded.settings
    passed = _passed_sockets(env)
    if passed:
        return Listening(passed, _port_of(passed[0]))
    if settings.sock:
        return Listening([_unix_socket(Path(settings.sock).expanduser(), int(settings.sock_mode, 8))], 0)
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
        return Listening(
            sockets, int(sockets[0].getsockname()[1]), _plain_sockets(settings.http_port, settings.ip)
        )
    raise AssertionError("the loop returns or raises")


def _plain_sockets(port: int, ip: str) -> Sequence[socket.socket]:
    if port == 0:
        return ()
    try:
        return bind_sockets(port, None if ip in {"", "*"} else ip)
    except OSError as error:
        raise ConfigError(
            _sentence(error, ip, port, 1).replace("--port", "--NotebookApp.http_port")
        ) from error


def _passed(env: Mapping[str, str]) -> range:
    """Return the descriptors of systemd's socket activation."""
    pid, count = env.get("LISTEN_PID", ""), env.get("LISTEN_FDS", "")
    is_ours = pid == str(os.getpid()) and count.isdecimal()
    return range(FIRST_PASSED_FD, FIRST_PASSED_FD + int(count) if is_ours else FIRST_PASSED_FD)


def _passed_sockets(env: MutableMapping[str, str]) -> Sequence[socket.socket]:
    """Take them."""
    descriptors = _passed(env)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        env.pop(name, None)
    found = []
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        one = socket.socket(fileno=descriptor)
        one.setblocking(False)
        found.append(one)
    return found


def _port_of(one: socket.socket) -> int:
    name = one.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0


def _unix_socket(path: Path, mode: int) -> socket.socket:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            pass  # nobody listens: what lies there is left over, or nothing does
        else:
            raise ConfigError(f"sock: {path} is in use already. Choose another path, or end what uses it.")
    try:
        return bind_unix_socket(str(path), mode=mode)
    except ValueError:
        raise ConfigError(f"sock: {path} is there, and is not a socket.") from None
    except OSError as error:
        raise ConfigError(f"sock: Carnet cannot listen on {path}: {error.strerror or error}.") from error


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

"""Take connections, and keep room for who has a key when strangers take all that there is.

A connection is a stranger's until a request on it showed a login or a token. When
the descriptors of the process come to an end, the oldest connection of the address
that has most of them is ended for the newest. Rule AC67: docs/specs/access.md.
"""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

log = logging.getLogger("carnet.server")

AT_ONCE: Final = 128
"""Connections that are taken before anything else has its turn."""

LEFT_PART: Final = 8
LEFT_LEAST: Final = 32
"""Of the descriptors that this process may have, a part is left for files, kernels and who has a key."""

PAUSE_S: Final = 0.5
"""When there is nothing to end, connections wait in the system for so long."""

DESCRIPTORS: Final = 65_536
"""As many are asked of the system, if it gives them."""


class Strangers:
    """The connections of strangers, by address, the oldest first."""

    def __init__(self) -> None:
        self._ends: dict[str, dict[Hashable, Callable[[], object]]] = {}
        self._addresses: dict[Hashable, str] = {}

    def add(self, key: Hashable, address: str, end: Callable[[], object]) -> None:
        """Note one. `end`: ends it."""
        self._ends.setdefault(address, {})[key] = end
        self._addresses[key] = address

    def remove(self, key: Hashable) -> None:
        """It is over, or not a stranger's any more."""
        address = self._addresses.pop(key, None)
        if address is not None:
            del self._ends[address][key]
            if not self._ends[address]:
                del self._ends[address]

    def make_room(self) -> bool:
        """End the oldest of the address that has most; return whether there was one."""
        if not self._ends:
            return False
        ends = max(self._ends.values(), key=len)
        key = next(iter(ends))
        end = ends[key]
        self.remove(key)
        end()
        return True


class DoorServer(HTTPServer):
    """Tornado's server, whose connections are strangers' at first."""

    strangers: Strangers

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve one connection."""
        self.strangers.add(stream, address_of(address), stream.close)
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """It is over, or has become a WebSocket."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        self.strangers.remove(server_conn.stream)
        super().on_close(server_conn)

    def take(self, connection: socket.socket, address: Any) -> None:
        """Serve a connection that was accepted."""
        size, chunk = self.max_buffer_size, self.read_chunk_size
        self.handle_stream(IOStream(connection, max_buffer_size=size, read_chunk_size=chunk), address)


def address_of(address: Any) -> str:
    """Return whom a connection is from: empty for a Unix socket."""
    return str(address[0]) if isinstance(address, tuple) else ""


def have_descriptors() -> None:
    """Ask the system for as many descriptors as it gives: the usual 1024 are few for a server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def take_connections(
    sockets: Sequence[socket.socket], take: Callable[[socket.socket, Any], None], strangers: Strangers
) -> Callable[[], None]:
    """Take connections from these sockets, which do not block; return what ends that, and closes them."""
    loop = asyncio.get_running_loop()
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The system gives the lowest number that is free, so the number says how many there are.
    full = limit - max(limit // LEFT_PART, LEFT_LEAST)
    pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    def watch(one: socket.socket) -> None:
        loop.add_reader(one, accept, one)

    def accept(one: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, address = one.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # no descriptors, here or in the whole system
                if not strangers.make_room():
                    log.warning("no connection can be taken now: %s", error.strerror)
                    loop.remove_reader(one)
                    pauses[one] = loop.call_later(PAUSE_S, watch, one)
                    return
                continue
            if connection.fileno() >= full and not strangers.make_room():
                connection.close()
                continue
            take(connection, address)

    def stop() -> None:
        for pause in pauses.values():
            pause.cancel()
        for one in sockets:
            loop.remove_reader(one)
            one.close()

    for one in sockets:
        watch(one)
    return stop

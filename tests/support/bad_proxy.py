"""A reverse proxy for HTTP on loopback that is as bad as those in the field: no WebSockets, held-back answers, time limits.

`carnet.testing.bad_network` breaks lines; this breaks the promises of HTTP. One
request a connection, a thread each way; nothing of it is fast.
"""

import contextlib
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Literal, Self

PIECE_BYTES = 16 << 10
FOREVER_S = 3600.0


@dataclass(frozen=True)
class Faults:
    """What it does wrong."""

    upgrade: Literal["passed", "stripped", "swallowed"] = "passed"
    """`stripped`: the server gets a plain request. `swallowed`: nobody gets anything, and the line stays open."""
    held_bytes: int = 0
    """Answers are passed on in pieces of this size."""
    idle_s: float = FOREVER_S
    """A line is cut when nothing went either way for so long."""
    total_s: float = FOREVER_S
    """A line is cut when it is so old."""
    is_http_1_0: bool = False
    body_bytes: int = 1 << 40
    """A larger request gets 413."""
    host: str = ""
    """The server is told this name in place of the browser's."""
    refused: str = ""
    """Regular expression: a request for such a path gets 403, with a page of the proxy's own."""


NO_END = 1 << 40
"""As `held_bytes`: whole answers are held."""


class BadProxy:
    """Listens on an address of this machine and forwards to a port of 127.0.0.1."""

    def __init__(
        self, target_port: int, faults: Faults, prefix: str = "", address: str = "127.0.0.1"
    ) -> None:
        """`prefix`: a path as `/x/y` that is taken off each request's."""
        self.faults = faults
        self.requests: list[str] = []
        """The first lines of what came."""
        self._target_port = target_port
        self._prefix = prefix
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self._prefix}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Break every connection now."""
        with self._lock:
            for one in tuple(self._open):
                _cut(one)

    # ---- inside

    def _listen(self) -> None:
        while not self._is_over:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            self._keep(near, stack)
            with contextlib.suppress(OSError):  # somebody went away
                self._forward(near, stack)

    def _keep(self, end: socket.socket, stack: contextlib.ExitStack) -> None:
        """Have it in what is cut, until it is closed."""
        stack.enter_context(end)
        with self._lock:
            self._open.add(end)
        stack.callback(self._open.discard, end)

    def _forward(self, near: socket.socket, stack: contextlib.ExitStack) -> None:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head, body = _head(near)
        if not head:
            return
        self.requests.append(head.partition("\r\n")[0])
        if self.faults.refused and re.match(self.faults.refused, head.split(" ")[1]):
            _refuse(near, "403 Forbidden", b"<h1>Not in this house</h1>")
            return
        is_upgrade = bool(re.search(r"(?im)^Upgrade:", head))
        if is_upgrade and self.faults.upgrade == "swallowed":
            while near.recv(PIECE_BYTES):
                pass
            return
        is_tunnel = is_upgrade and self.faults.upgrade == "passed" and not self.faults.is_http_1_0
        length = int(found[1]) if (found := re.search(r"(?im)^Content-Length: *(\d+)", head)) else 0
        if length > self.faults.body_bytes:
            _refuse(near, "413 Too Large", b"")
            return
        far = socket.create_connection(("127.0.0.1", self._target_port))
        self._keep(far, stack)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.sendall(self._changed(head, is_tunnel=is_tunnel).encode("latin-1") + body)
        line = _Line(self.faults)
        threads = [
            threading.Thread(target=self._up, args=(near, far, line), daemon=True),
            threading.Thread(target=line.watch, args=(near, far), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            self._down(far, near, line, 0 if is_tunnel else self.faults.held_bytes)
        finally:
            line.over.set()
            _cut(near)
            for thread in threads:
                thread.join()

    def _changed(self, head: str, *, is_tunnel: bool) -> str:
        first, _, rest = head.partition("\r\n")
        method, path, version = first.split(" ")
        if self._prefix:
            path = path.removeprefix(self._prefix) or "/"
        if self.faults.is_http_1_0:
            version = "HTTP/1.0"
        if self.faults.host:
            rest = re.sub(r"(?im)^Host:.*\r\n", f"Host: {self.faults.host}\r\n", rest)
        # As all of them do: the server sees that the browser is far.
        rest = f"X-Forwarded-For: 192.0.2.7\r\n{rest}"
        if not is_tunnel:
            rest = re.sub(r"(?im)^(Connection|Upgrade):.*\r\n", "", rest)
            rest = f"Connection: close\r\n{rest}"
        return f"{method} {path} {version}\r\n{rest}"

    def _up(self, near: socket.socket, far: socket.socket, line: "_Line") -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(PIECE_BYTES):
                line.moved()
                far.sendall(data)
        # The browser left: so does what it asked for.
        _cut(far)

    def _down(self, far: socket.socket, near: socket.socket, line: "_Line", held_bytes: int) -> None:
        held = b""
        while data := far.recv(PIECE_BYTES):
            line.moved()
            held += data
            if len(held) >= held_bytes:
                near.sendall(held)
                held = b""
        near.sendall(held)


class _Line:
    """When something last moved, and who looks."""

    def __init__(self, faults: Faults) -> None:
        self.over = threading.Event()
        self._faults = faults
        self._began_s = self._moved_s = time.monotonic()

    def moved(self) -> None:
        self._moved_s = time.monotonic()

    def watch(self, *ends: socket.socket) -> None:
        while not self.over.wait(0.05):
            now_s = time.monotonic()
            if now_s - self._moved_s > self._faults.idle_s or now_s - self._began_s > self._faults.total_s:
                for end in ends:
                    _cut(end)
                return


def _refuse(near: socket.socket, status: str, page: bytes) -> None:
    near.sendall(
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(page)}\r\n\r\n".encode()
        + page
    )
    near.shutdown(socket.SHUT_WR)
    while near.recv(PIECE_BYTES):
        pass


def _head(near: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = near.recv(PIECE_BYTES)
        if not piece:
            return "", b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode("latin-1") + "\r\n\r\n", body


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)

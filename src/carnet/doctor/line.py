"""Requests as a browser makes them, with what happens at each step: plain sockets, so that nothing is hidden or mended.

Blocking. Of HTTP it speaks what the doctor needs, and of WebSocket one frame
each way.
"""

import base64
import http.client
import os
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from carnet.errors import ConfigError

TIMEOUT_S: Final = 15.0

PING: Final = b"\x82\xa5frame\xa4ping\xa7sent_ms\x00"
"""The link frame `Ping`, which a server answers on a new link before all others (LK1)."""

_MESSAGES: Final = (0x1, 0x2)
_BINARY, _CLOSE, _PING, _PONG = 0x2, 0x8, 0x9, 0xA


def is_of_this_machine(address: str) -> bool:
    """Return whether this machine has an address: then a socket can have it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Target:
    """The address that browsers use."""

    scheme: str
    host: str
    port: int
    path: str
    """With a slash at both ends."""
    token: str = field(default="", repr=False)
    trusts: bytes = b""
    """A certificate to be taken without question: its DER bytes."""
    only_here: bool = False
    """Every connection must end at this machine: names can lead elsewhere from one moment to the next."""

    @classmethod
    def of(cls, url: str) -> "Target":
        """Return what an address names; `https` where none is said.

        Raises:
            ConfigError: it is no such address.
        """
        text = url if "://" in url else f"https://{url}"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ConfigError(
                f"{url!r} is not an address as https://notebooks.example.org/ipython/."
            ) from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"{url!r} is not an address as https://notebooks.example.org/ipython/.")
        path = f"/{parts.path.strip('/')}/".replace("//", "/")
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path)

    @property
    def authority(self) -> str:
        """As browsers write it in Host and Origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address, whole."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def connect(self, *, verifies: bool = True) -> socket.socket:
        """Return a connection, with TLS where there is some.

        Raises:
            OSError: there is none; ssl.SSLError where TLS is why.
        """
        plain = socket.create_connection((self.host, self.port), TIMEOUT_S)
        if self.only_here and not is_of_this_machine(plain.getpeername()[0]):
            plain.close()
            raise OSError(f"{self.host} leads to another machine now")
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.scheme == "http":
            return plain
        context = ssl.create_default_context()
        if self.trusts or not verifies:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            secure = context.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise
        if self.trusts and secure.getpeercert(binary_form=True) != self.trusts:
            secure.close()
            raise ssl.SSLError("another certificate than before")
        return secure

    def certificate(self) -> bytes:
        """Return the certificate that is shown, whatever it is worth.

        Raises:
            OSError: there is none.
        """
        with self.connect(verifies=False) as secure:
            assert isinstance(secure, ssl.SSLSocket)
            return secure.getpeercert(binary_form=True) or b""

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> "Answer":
        """Send one request, and return its answer with when it came.

        Raises:
            OSError, http.client.HTTPException: none came.
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        connection.sock = self.connect()
        try:
            began_s = time.monotonic()
            all_headers = {
                "Host": self.authority,
                "Accept-Encoding": "gzip",
                **self._shown(),
                **(headers or {}),
            }
            try:
                connection.request(method, self.path + path, body or None, all_headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was sent; what it says can still be read
            response = connection.getresponse()
            pieces, times_s = [], []
            while piece := response.read1(1 << 16):
                pieces.append(piece)
                times_s.append(time.monotonic() - began_s)
            return Answer(response.status, response.headers, b"".join(pieces), tuple(times_s))
        finally:
            connection.close()

    def open_websocket(self, path: str) -> "WebSocket | Answer":
        """Return an open WebSocket, or the answer that came in place of one.

        Raises:
            OSError, http.client.HTTPException: none came.
        """
        sock = self.connect()
        try:
            headers = {
                "Host": self.authority,
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
                "Sec-WebSocket-Version": "13",
                "Origin": f"{self.scheme}://{self.authority}",
                **self._shown(),
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            sock.sendall(f"GET {self.path}{path} HTTP/1.1\r\n{lines}\r\n".encode())
            response = http.client.HTTPResponse(sock, method="GET")
            # The server speaks only when it is spoken to, so no frame is lost in the response's buffer.
            response.begin()
            if response.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
                answer = Answer(response.status, response.headers, response.read(1 << 16))
                sock.close()
                return answer
            response.close()
            return WebSocket(sock)
        except BaseException:
            sock.close()
            raise

    def _shown(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"} if self.token else {}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    times_s: tuple[float, ...] = ()
    """When each piece of the body came, from the request on."""

    @property
    def server(self) -> str:
        """What calls itself the server. Carnet does not say."""
        return self.headers.get("Server", "")


class WebSocket:
    """One that is open."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._kept = b""

    def send(self, data: bytes, opcode: int = _BINARY) -> None:
        """Send one frame of up to 125 bytes."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self._socket.sendall(bytes((0x80 | opcode, 0x80 | len(data))) + mask + masked)

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next message; None: the other side has closed. Pings are answered.

        Raises:
            TimeoutError: none came in time.
            OSError: the line is cut.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            first, second = self._take(2, until_s)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", self._take(2, until_s))
            elif size == 127:
                (size,) = struct.unpack(">Q", self._take(8, until_s))
            data = self._take(size, until_s)
            opcode = first & 0xF
            if opcode in _MESSAGES:
                return data
            if opcode == _CLOSE:
                return None
            if opcode == _PING:
                self.send(data, _PONG)

    def close(self) -> None:
        """End it."""
        try:
            self.send(b"\x03\xe8", _CLOSE)
        except OSError:
            pass  # it was cut
        self._socket.close()

    def _take(self, size: int, until_s: float) -> bytes:
        while len(self._kept) < size:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError("the line was cut")
            self._kept += data
        taken, self._kept = self._kept[:size], self._kept[size:]
        return taken

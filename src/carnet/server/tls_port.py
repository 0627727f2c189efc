"""The port where TLS is spoken: who comes with plain HTTP is sent to https, in place of a dead line.

The first byte is looked at and left where it is; then the connection goes to
TLS, or to the one answer that plain HTTP gets here. Rules TL10 and TL11:
docs/specs/tls.md.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from html import escape
from ssl import SSLContext, SSLSocket, SSLWantReadError, SSLWantWriteError
from typing import TYPE_CHECKING, Any, Final

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.iostream import IOStream, SSLIOStream

from carnet.security.tls import LiveContext
from carnet.server.doors import DoorServer, Strangers, address_of, take_connections

if TYPE_CHECKING:
    from carnet.security.acme import Proofs

log = logging.getLogger("carnet.tls")

FIRST_BYTE_TIMEOUT_S: Final = 10.0
HANDSHAKE_TIMEOUT_S: Final = 10.0
PLAIN_HEADER_BYTES: Final = 8 << 10
PLAIN_BODY_BYTES: Final = 1 << 10

_TLS_RECORD: Final = b"\x16"
HELLO_BYTES: Final = 4096
_ACME_ALPN: Final = b"\x0aacme-tls/1"
"""With its length before it, as it stands in a ClientHello."""

HttpsUrl = Callable[[HTTPServerRequest], str]
"""Where a plain request should have gone; empty: its Host is not one of ours."""


class TlsPort:
    """Listens on sockets, and hands connections on."""

    def __init__(
        self,
        server: HTTPServer,
        context: LiveContext,
        https_url: HttpsUrl,
        proofs: "Proofs | None" = None,
        strangers: Strangers | None = None,
    ) -> None:
        """Args:
        server: takes the connections that speak TLS. It must have been made without `ssl_options`.
        proofs: what an ACME authority is shown while an order runs.
        strangers: where connections are noted until somebody shows a key.
        """
        self._strangers = strangers or Strangers()
        self._proofs = proofs
        self._server = server
        self._context = context
        self._https_url = https_url
        self._plain = DoorServer(
            self._answer_plain,
            no_keep_alive=True,
            max_header_size=PLAIN_HEADER_BYTES,
            max_body_size=PLAIN_BODY_BYTES,
            idle_connection_timeout=FIRST_BYTE_TIMEOUT_S,
        )
        self._plain.strangers = self._strangers
        self._stop_accepting: list[Callable[[], None]] = []
        self._waiting: set[asyncio.Task[None]] = set()

    def add_sockets(self, sockets: Sequence[socket.socket]) -> None:
        """Take connections from these."""
        self._stop_accepting.append(take_connections(sockets, self._accepted, self._strangers))

    def add_plain_sockets(self, sockets: Sequence[socket.socket]) -> None:
        """Take connections from these, all without TLS: they are sent to https."""
        self._stop_accepting.append(take_connections(sockets, self._plain.take, self._strangers))

    def stop(self) -> None:
        """Take no more connections; those that stand go on."""
        for stop in self._stop_accepting:
            stop()
        self._stop_accepting.clear()
        for task in self._waiting:
            task.cancel()

    def _accepted(self, connection: socket.socket, address: Any) -> None:
        connection.setblocking(False)
        task = asyncio.create_task(self._sort(connection, address), name="tls first byte")
        self._waiting.add(task)
        task.add_done_callback(self._over)
        self._strangers.add(task, address_of(address), task.cancel)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._waiting.discard(task)
        self._strangers.remove(task)

    async def _sort(self, connection: socket.socket, address: Any) -> None:
        """Wait for the first byte and hand the connection on."""
        ours = connection
        try:
            async with asyncio.timeout(FIRST_BYTE_TIMEOUT_S):
                first = await _first_byte(connection)
            if not first:
                connection.close()
            elif first != _TLS_RECORD:
                self._plain.handle_stream(IOStream(connection), address)
            else:
                proof = self._proof_for(connection)
                context = proof or self._context.current()
                ours = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                    await _handshake(ours)
                if proof is not None:  # the authority has seen what it wanted
                    ours.close()
                    return
                self._server.handle_stream(SSLIOStream(ours), address)
        except (OSError, TimeoutError) as error:
            # Scanners, browsers that do not like the certificate, and lines that broke: all in a day's work.
            log.debug("a connection ended before its first request: %s", error)
            ours.close()
        except asyncio.CancelledError:
            ours.close()
            raise

    def _proof_for(self, connection: socket.socket) -> SSLContext | None:
        """Return what an ACME authority is to be shown, if it is one that comes (RFC 8737)."""
        if self._proofs is None or not self._proofs.contexts:
            return None
        hello = connection.recv(HELLO_BYTES, socket.MSG_PEEK)
        if _ACME_ALPN not in hello:
            return None
        return next((one for name, one in self._proofs.contexts.items() if name.encode() in hello), None)

    def _answer_plain(self, request: HTTPServerRequest) -> None:
        url = self._https_url(request)
        proof = self._proofs.texts.get(request.path) if self._proofs is not None else None
        if proof is not None:
            _answer(
                request, ResponseStartLine("HTTP/1.1", 200, "OK"), proof.encode(), "application/octet-stream"
            )
            return
        if url:
            line = ResponseStartLine("HTTP/1.1", 308, "Permanent Redirect")
            text = f'Carnet speaks https here: <a href="{escape(url, quote=True)}">{escape(url)}</a>'
        else:
            line = ResponseStartLine("HTTP/1.1", 400, "Bad Request")
            text = "Carnet speaks https here, and does not answer to this name."
        body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Carnet</title><p>{text}</p>\n'
        _answer(request, line, body.encode(), "text/html; charset=utf-8", url)


def _answer(
    request: HTTPServerRequest, line: ResponseStartLine, body: bytes, media_type: str, location: str = ""
) -> None:
    headers = HTTPHeaders(
        {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    if location:
        headers["Location"] = location
    assert request.connection is not None
    request.connection.write_headers(line, headers, b"" if request.method == "HEAD" else body)
    request.connection.finish()


async def _first_byte(connection: socket.socket) -> bytes:
    """Wait for the first byte, without taking it; empty: the other side has gone."""
    await _ready(connection, for_writing=False)
    return connection.recv(1, socket.MSG_PEEK)


async def _handshake(connection: SSLSocket) -> None:
    """Shake hands. Not left to Tornado, which would log a warning for every scanner that comes by."""
    while True:
        try:
            connection.do_handshake()
        except SSLWantReadError:
            await _ready(connection, for_writing=False)
        except SSLWantWriteError:
            await _ready(connection, for_writing=True)
        else:
            return


async def _ready(connection: socket.socket, *, for_writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    watch, unwatch = (
        (loop.add_writer, loop.remove_writer) if for_writing else (loop.add_reader, loop.remove_reader)
    )
    descriptor = connection.fileno()
    watch(descriptor, _set, ready)
    try:
        await ready
    finally:
        unwatch(descriptor)


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)

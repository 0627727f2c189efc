"""What all handlers share: their services, who asks, the guarding headers, errors in one shape, JSON in and out.

A handler carries; it does not decide. Nobody comes here who was not admitted:
`server.front` asks the gate before a handler is made.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from carnet.errors import CarnetError, PeerError
from carnet.security import headers
from carnet.security.access import Identity, Kind
from carnet.security.origins import is_loopback
from carnet.server.html import error_page
from carnet.server.shares import Thing

if TYPE_CHECKING:
    from carnet.server.front import Admission
    from carnet.server.services import Services
    from carnet.server.shares import Lease
    from carnet.server.workbench import Workbench

log = logging.getLogger("carnet.server")

P = ParamSpec("P")
T = TypeVar("T")

COUNTED_BYTES = 64 << 10
"""Smaller answers are the system's: it takes them at once."""

WRITE_BYTES = 256 << 10
"""Of a large answer, about so much is written at a time."""

PRIVATE_PROBLEM = "Something went wrong in the server; its log says what."


class Handler(RequestHandler):
    """One resource."""

    admission: "Admission"
    nonce: str
    _answer_lease: "Lease | None" = None

    def initialize(self, admission: "Admission") -> None:
        """Take what the front door found out."""
        self.admission = admission
        self.nonce = headers.new_nonce()
        self.set_default_headers()
        if admission.identity.is_signed_in:
            self.services.requests.add(self)

    # -- what handlers use

    @property
    def services(self) -> "Services":
        """The server's parts."""
        return self.admission.services

    @property
    def identity(self) -> Identity:
        """Who asks."""
        return self.admission.identity

    @property
    def is_plain(self) -> bool:
        """Whether what is sent can be read on the way: neither encrypted nor within this machine."""
        return self.request.protocol != "https" and not is_loopback(self.request.remote_ip or "")

    @property
    def base(self) -> str:
        """Return where the base URL is for who follows a link in the answer (rule PG7: docs/specs/pages.md).

        Where the owner names none it is relative, so that it is right too below a path that a proxy takes off.
        """
        base = self.services.base_url
        return base if base != "/" else "../" * (self.request.path.count("/") - 1) or "./"

    def redirect(self, url: str, permanent: bool = False, status: int | None = None) -> None:
        """Lead to another address; one of ours as `base` has it."""
        if self.services.base_url == "/" and url.startswith("/"):
            url = self.base + url[1:]
        super().redirect(url, permanent, status)

    async def workbench(self) -> "Workbench":
        """Return storage, journals and kernels, once they are open."""
        return await self.services.open_workbench()

    async def blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that may wait for a disk, on a worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.services.threads, lambda: function(*args, **kwargs))

    def json_body(self) -> dict[str, Any]:
        """Return the request's JSON object; an empty body is an empty object.

        Raises:
            PeerError: it is something else.
        """
        return json_object(self.request.body)

    def answer(self, value: object, status: int = 200) -> None:
        """Finish with JSON."""
        self.answer_json(
            json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"),
            status,
        )

    def answer_json(self, data: bytes, status: int = 200) -> None:
        """Finish with JSON that is encoded already."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(data)

    async def answer_pieces(self, pieces: list[bytes]) -> None:
        """Finish with JSON that is encoded already, and may be large: piece by piece, so that others have their turns.

        (Tornado would make a hash of all of it first, and copy it twice, while everybody waits.)
        """
        size_bytes = sum(map(len, pieces))
        if size_bytes <= WRITE_BYTES:
            self.answer_json(b"".join(pieces))
            return
        self.hold_answer(size_bytes)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Content-Length", str(size_bytes))
        if self.request.method != "HEAD":
            try:
                for piece in _even(pieces):
                    self.write(piece)
                    await self.flush()
                    await asyncio.sleep(0)
            except StreamClosedError:
                return  # the reader has gone
        self.finish()

    def answer_nothing(self) -> None:
        """Finish with 204."""
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()

    def send(self, guards: Mapping[str, str]) -> None:
        """Replace the guarding headers by another set of carnet.security.headers."""
        for name in ("Cache-Control", "Content-Security-Policy", "X-Frame-Options"):
            self.clear_header(name)
        for name, value in guards.items():
            self.set_header(name, value)

    # -- Tornado's hooks

    def set_default_headers(self) -> None:
        """Begin with the strictest set, which says that nothing may be done with the response."""
        self.clear_header("Server")
        for name, value in headers.api().items():
            self.set_header(name, value)
        # Tornado asks once before `initialize`, and again for an error.
        admission: Admission | None = getattr(self, "admission", None)
        for name, value in admission.cross_origin.items() if admission is not None else ():
            self.set_header(name, value)
        if self.request.protocol == "https":
            for name, value in headers.hsts(self.request.host).items():
                self.set_header(name, value)

    def finish(self, chunk: "str | bytes | dict[str, Any] | None" = None) -> "asyncio.Future[None]":
        """Answer. What the request holds is given back when the reader has taken the answer.

        Raises:
            TooMuch: its holder leaves too much lie.
        """
        size = len(chunk or "") + sum(map(len, self._write_buffer))
        if size > COUNTED_BYTES:
            self.hold_answer(size)
        done = super().finish(chunk)
        done.add_done_callback(lambda _: self._give_back())
        return done

    def hold_answer(self, size: int) -> None:
        """Count an answer against who asked for it, until it is sent. One alone may be of any size.

        Raises:
            TooMuch: its holder leaves too much lie.
        """
        if self._answer_lease is None and self.identity.is_signed_in:
            address = self.request.remote_ip or ""
            lease = self.services.shares.lease(self.identity, address, Thing.ANSWERS)
            lease.hold(size, alone=True)
            self._answer_lease = lease

    def cut_off(self) -> None:
        """End the connection: whoever asked may not any more."""
        connection = self.request.connection
        stream = getattr(connection, "stream", None)
        if stream is not None:
            stream.close()

    def on_finish(self) -> None:
        """Nobody has to end it any more."""
        self.services.requests.discard(self)

    def _give_back(self) -> None:
        for lease in self.admission.leases:
            lease.release()
        if self._answer_lease is not None:
            self._answer_lease.release()

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode a path or query argument; what is not UTF-8 is refused."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise HTTPError(400, reason=f"{name or 'The address'} is not UTF-8") from None

    async def head(self, *arguments: str) -> None:
        """Answer as GET does; Tornado leaves the body out."""
        get: Callable[..., Any] = self.get
        result = get(*arguments)
        if result is not None:
            await result

    def check_xsrf_cookie(self) -> None:
        """Nothing: the front door has looked (rule AC7)."""

    def log_exception(
        self,
        typ: type[BaseException] | None,  # noqa: ARG002  Tornado's signature
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what nobody foresaw, without query string, header or body."""
        if isinstance(value, (CarnetError, HTTPError)) or _is_half_a_pair(value):
            log.debug("%s %s: %s", self.request.method, self.request.path, value)
        elif value is not None:
            log.error(
                "%s %s failed", self.request.method, self.request.path, exc_info=(type(value), value, tb)
            )

    def _request_summary(self) -> str:
        # Tornado's own has the whole address in it; what it says in its log is built from this.
        return f"{self.request.method} {self.request.path}"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the one shape of errors: JSON for programs, a page for people. Never a traceback."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if (
            status_code == HTTPStatus.METHOD_NOT_ALLOWED
        ):  # a method that Tornado itself does not know, as TRACE
            self.set_header("Allow", ", ".join(self.admission.route.methods.split()))
        if isinstance(error, CarnetError):
            self.refuse(error.status, type(error).__name__, str(error))
        elif isinstance(error, HTTPError):
            self.refuse(
                status_code, "request", error.reason or error.log_message or HTTPStatus(status_code).phrase
            )
        elif _is_half_a_pair(error):
            self.refuse(
                400, "request", "A text in the request is not valid Unicode: it holds half of a pair."
            )
        else:
            self.refuse(status_code, "internal" if status_code >= 500 else "request", PRIVATE_PROBLEM)

    def refuse(self, status: int, reason: str, message: str) -> None:
        """Finish with an error: `message` for people, `reason` for programs."""
        self.set_status(status)
        if self._wants_page():
            self.send(headers.plain_page(self.nonce))
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(error_page(status, message, base_url=self.base, nonce=self.nonce))
        else:
            self.send(headers.api())
            self.answer({"message": message, "reason": reason}, status)

    def _wants_page(self) -> bool:
        if self.admission.route.kind in {Kind.PAGE, Kind.FORM}:
            return True
        return self.admission.route.kind is Kind.FILE and "text/html" in self.request.headers.get(
            "Accept", ""
        )


def json_object(body: bytes | bytearray) -> dict[str, Any]:
    """Return a body's JSON object; an empty body is an empty object.

    Raises:
        PeerError: it is something else.
    """
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise PeerError("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise PeerError("The body must be a JSON object.")
    return value


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces that are neither tiny nor large."""
    waiting: list[bytes] = []
    size_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        size_bytes += len(piece)
        if size_bytes >= WRITE_BYTES:
            joined = waiting[0] if len(waiting) == 1 else b"".join(waiting)
            waiting, size_bytes = [], 0
            for at in range(0, len(joined), 4 * WRITE_BYTES):
                yield joined[at : at + 4 * WRITE_BYTES]
    if waiting:
        yield b"".join(waiting)


def _is_half_a_pair(error: BaseException | None) -> bool:
    """Return whether a text could not be encoded that JSON can hold and UTF-8 cannot: nothing of ours has such."""
    return isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed"

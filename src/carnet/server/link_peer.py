"""The server's end of one link for whoever opened it: the same for every transport."""

from collections.abc import Callable

from tornado.httputil import HTTPServerRequest

from carnet.live.link import LinkPeer
from carnet.security.access import Identity
from carnet.security.origins import is_loopback
from carnet.server.handlers.base import Handler
from carnet.server.link_scopes import forbidden
from carnet.server.shares import Thing
from carnet.server.workbench import Workbench


def make_peer(
    bench: Workbench,
    identity: Identity,
    *,
    send: Callable[[bytes], None],
    buffered_bytes: Callable[[], int],
    take_place: Callable[[], Callable[[], None]],
) -> LinkPeer:
    """Return a peer that may do what its login or token may. `send`, `buffered_bytes`: of the transport."""
    return LinkPeer(
        bench.registry,
        user=identity.user,
        writable=True,
        send=send,
        buffered_bytes=buffered_bytes,
        forbids=lambda wanted: forbidden(wanted, identity.scopes),
        terminal_host=bench.terminal_line if bench.has_terminals else None,
        take_place=take_place,
    )


def place_of(handler: Handler) -> Callable[[], None]:
    """Count one more notebook that a page follows, and return what gives its place back.

    Raises:
        TooMuch: its holder has as many as it may.
    """
    lease = handler.services.shares.lease(handler.identity, handler.request.remote_ip or "", Thing.NOTEBOOKS)
    lease.hold(1)
    return lease.release


def is_far(request: HTTPServerRequest) -> bool:
    """Return whether a browser is not on this machine, so that compressing for it pays. Loopback has bandwidth to spare."""
    behind_proxy = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return behind_proxy or not is_loopback(request.remote_ip or "")

"""Answer a request that the gate, or the front door, refused. Its body is not waited for."""

from http import HTTPStatus
from urllib.parse import unquote, urlencode

from tornado.web import stream_request_body

from carnet.security import headers
from carnet.security.access import Kind
from carnet.security.redirects import next_of
from carnet.server.handlers.base import Handler


@stream_request_body
class Refuse(Handler):
    """Says why, or leads to the login form."""

    def prepare(self) -> None:
        """Answer at once."""
        refusal = self.admission.refusal
        assert refusal is not None, "only the front door makes this handler, and with a refusal"
        if (
            self.request.headers.get("Content-Length", "0") != "0"
            or "Transfer-Encoding" in self.request.headers
        ):
            # What follows on this connection is a body that nobody will read.
            self.set_header("Connection", "close")
        if refusal.retry_s:
            self.set_header("Retry-After", str(refusal.retry_s))
        if refusal.reason == "base-url":
            self.redirect(self.services.base_url)
        elif refusal.sign_in and self._may_lead_to_login():
            query = urlencode({"next": next_of(self._decoded_path())})
            self.send(headers.plain_page(self.nonce))
            self.redirect(f"{self.services.base_url}login?{query}", status=302)
        else:
            if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
                self.set_header("Allow", ", ".join(self.admission.route.methods.split()))
            elif refusal.status == HTTPStatus.UPGRADE_REQUIRED:
                self.set_header("Upgrade", "websocket")
            self.refuse(refusal.status, refusal.reason, refusal.message)

    def data_received(self, chunk: bytes) -> None:
        """Let the body pass."""

    def _may_lead_to_login(self) -> bool:
        kind = self.admission.route.kind
        if kind is Kind.FILE:
            return self._wants_page()
        return kind in {Kind.PAGE, Kind.FORM} and self.request.method in {"GET", "HEAD"}

    def _decoded_path(self) -> str:
        return unquote(self.request.path)

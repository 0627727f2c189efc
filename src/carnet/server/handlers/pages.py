"""The app's pages: one shell for all, which finds out from the address what to show.

A page is revalidated by its entity tag: a warm load is a 304 of a few hundred
bytes. The nonce is fresh in each full response and not part of the tag; a 304
carries no policy, so that the browser goes on with the nonce and the policy it
has stored together. Rules PG1 to PG7: docs/specs/pages.md.
"""

from base64 import b64encode
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from carnet.security import headers, xsrf
from carnet.server.handlers.base import Handler
from carnet.server.index import PageNotBuilt
from carnet.server.signing_in import sign_in

#: First part of the path to the page whose files are loaded ahead.
_PAGES: Final = {"": "dashboard", "tree": "dashboard", "notebooks": "notebook", "terminals": "terminal"}


class Page(Handler):
    """A page of the app: one shell, which finds out from the address what to show."""

    def get(self, _path: str = "") -> None:
        """Answer with the shell; first exchange a token in the address for a login."""
        if exchange_token(self):
            return
        try:
            document = self.services.shell.document(self._page())
        except PageNotBuilt as error:
            self.refuse(503, "not-built", str(error))
            return
        self.services.first_page.set()
        token = token_for_page(self)
        etag = document.etag(xsrf=token, user=self.identity.user)
        report_to = f"{self.base}api/security/csp-report"
        self.send(headers.page(self.nonce, report_to=report_to))
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Etag", etag)
        set_xsrf_cookie(self, token)
        if self.check_etag_header():
            self.clear_header("Content-Security-Policy")
            self.set_status(304)
            self.finish()
            return
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(document.render(nonce=self.nonce, xsrf=token, user=self.identity.user, base=self.base))

    def _page(self) -> str:
        rest = self.request.path[len(self.services.base_url) :]
        return _PAGES.get(rest.partition("/")[0], "")


class OutputFrame(Handler):
    """The document in which output with scripts lives. Its response makes it nobody's origin."""

    def get(self) -> None:
        """Answer with the frame.

        `?remote=1`: the reader let this output load from other hosts. `?drawing=1`: our own libraries draw in it, and
        nothing else runs.
        """
        remote = self.get_query_argument("remote", "") == "1"
        drawing = self.get_query_argument("drawing", "") == "1"
        name = "drawing.html" if drawing else "frame.html"
        try:
            data = (self.services.static.folder / name).read_bytes()
        except FileNotFoundError:
            self.refuse(503, "not-built", str(PageNotBuilt()))
            return
        if drawing:
            self.send(headers.drawing_frame(_hash_of_script(data), remote=remote))
            # A page has many of them, and each that comes near the screen asks again.
            self.set_header("Cache-Control", "private, max-age=600")
        else:
            self.send(headers.output_frame(remote=remote))
            self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(data)


def _hash_of_script(document: bytes) -> str:
    """Return the hash by which a policy knows the one script that stands in a document of ours."""
    script = document.partition(b"<script>")[2].partition(b"</script>")[0]
    return b64encode(sha256(script).digest()).decode()


def exchange_token(handler: Handler) -> bool:
    """Sign in with the token that was in a page's address, and come again without it; return whether it was there."""
    if not handler.admission.token_in_url:
        return False
    if handler.identity.how != "token":
        # A named token may do what it may do; a login could do everything.
        handler.refuse(403, "token", "This token is for programs: send it in the header Authorization.")
        return True
    cookie = handler.admission.cookie
    if cookie is None or handler.services.gate.logins.find(cookie) is None:
        sign_in(handler, handler.identity.user)
    query = urlencode(
        [(name, value) for name, values in handler.request.query_arguments.items() for value in values]
    )
    handler.redirect(handler.request.path + (f"?{query}" if query else ""), status=302)
    return True


def token_for_page(handler: Handler) -> str:
    """Return the XSRF token that a page is to send."""
    gate = handler.services.gate
    if handler.identity.login is None:
        has = handler.get_cookie(xsrf.COOKIE)
        if has and gate.form_tokens.is_ours(has):
            return has
    return gate.xsrf_token(handler.admission.cookie, handler.identity)


def set_xsrf_cookie(handler: Handler, token: str) -> None:
    """Give Jupyter's clients the cookie they look for. Our own page reads the meta element."""
    if handler.get_cookie(xsrf.COOKIE) != token:
        handler.set_cookie(
            xsrf.COOKIE,
            token,
            path=handler.services.base_url,
            samesite="Lax",
            secure=handler.request.protocol == "https",
        )

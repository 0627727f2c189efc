"""The pages that work without scripts: login, logout, errors. Quiet, accessible, light and dark.

`string.Template` with everything escaped here, so no handler can forget. The
colours are those of ui/src/styles/tokens.css; a test holds them together.
"""

from functools import cache
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import NamedTuple

_FOLDER = Path(__file__).parent


@cache
def _template(name: str) -> Template:
    return Template((_FOLDER / f"{name}.html").read_text(encoding="utf-8"))


@cache
def _style() -> str:
    return (_FOLDER / "quiet.css").read_text(encoding="utf-8")


def page(title: str, body: str, nonce: str) -> bytes:
    """Return a page; its body must be escaped already."""
    return _template("page").substitute(title=escape(title), style=_style(), nonce=nonce, body=body).encode()


class LoginForm(NamedTuple):
    """What the login form shows."""

    base_url: str
    next_url: str
    xsrf: str
    wants: str
    """What to type, in words: `Password`, `Token`."""
    problem: str = ""
    """What went wrong with the last try; empty: nothing."""
    wants_code: bool = False
    """A one-time code is asked for too."""
    is_plain: bool = False
    """The connection is neither encrypted nor local."""


_CODE = """<label for="code">One-time code</label>
  <input id="code" name="code" autocomplete="one-time-code" inputmode="numeric" spellcheck="false">"""


def login_page(form: LoginForm, *, nonce: str) -> bytes:
    """Return the login form."""
    problem = form.problem
    hint = (
        "The token is in the address that Carnet printed when it started; <code>carnet list</code> shows where."
        if form.wants == "Token"
        else ""
    )
    body = _template("login").substitute(
        action=escape(f"{form.base_url}login", quote=True),
        next=escape(form.next_url, quote=True),
        xsrf=escape(form.xsrf, quote=True),
        wants=escape(form.wants),
        hint=f'<p class="hint" id="hint">{hint}</p>' if hint else "",
        described=" ".join(name for name, text in (("problem", problem), ("hint", hint)) if text),
        problem=f'<p class="problem" id="problem" role="alert">{escape(problem)}</p>' if problem else "",
        plain='<p class="problem" role="note">This connection is not encrypted. What you type can be read on the way.</p>'
        if form.is_plain
        else "",
        code=_CODE if form.wants_code else "",
        invalid=' aria-invalid="true"' if problem else "",
    )
    return page("Sign in to Carnet", body, nonce)


def logout_page(*, base_url: str, xsrf: str, nonce: str, is_done: bool) -> bytes:
    """Return the page that asks whether to sign out, or says that it is done."""
    body = _template("signed_out" if is_done else "logout").substitute(
        base_url=escape(base_url, quote=True), xsrf=escape(xsrf, quote=True)
    )
    return page("Signed out" if is_done else "Sign out", body, nonce)


def error_page(status: int, message: str, *, base_url: str, nonce: str) -> bytes:
    """Return a page for an error: what happened, and the way home."""
    try:
        title = HTTPStatus(status).phrase.capitalize()
    except ValueError:
        title = "It did not work"
    body = _template("error").substitute(
        title=escape(title), message=escape(message), base_url=escape(base_url, quote=True), status=status
    )
    return page(title, body, nonce)

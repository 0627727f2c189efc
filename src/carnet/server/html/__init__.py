"""The pages that work without scripts: login, account, logout, errors. Quiet, accessible, light and dark.

Only passkeys need a script: `passkey.js`, put into the page where there are any.

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


@cache
def _script() -> str:
    return (_FOLDER / "passkey.js").read_text(encoding="utf-8")


def page(title: str, body: str, nonce: str, *, bar: str = "", has_script: bool = False) -> bytes:
    """Return a page; its body, and its bar, must be escaped already. `has_script`: it can ask for passkeys."""
    script = f'<script nonce="{nonce}">\n{_script()}</script>' if has_script else ""
    return (
        _template("page")
        .substitute(title=escape(title), style=_style(), nonce=nonce, bar=bar, body=body, script=script)
        .encode()
    )


BRAND = (
    '<svg class="brand" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">'
    '<path d="M6.5 2.5h10a2 2 0 0 1 2 2v15a2 2 0 0 1-2 2h-10a1 1 0 0 1-1-1v-17a1 1 0 0 1 1-1Z" fill="var(--accent)"/>'
    '<path d="M15 2.5v19" stroke="var(--paper)" stroke-width="1.6"/>'
    '<path d="M8.2 7h4.2M8.2 9.8h3" stroke="var(--paper)" stroke-width="1.4" stroke-linecap="round"/></svg>'
)
"""As in ui/src/views/breadcrumb.tsx."""


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
    passkey: str = ""
    """What to ask the browser for, JSON; empty: there is no passkey here."""


_CODE = """<label for="code">One-time code, or a recovery code</label>
  <input id="code" name="code" autocomplete="one-time-code" spellcheck="false">"""

PLAIN = (
    '<p class="problem" role="note"><strong>Not encrypted.</strong> What you type on this connection can be read '
    "and changed on the way. Ask for an https address.</p>"
)

_PASSKEY = """<input type="hidden" name="passkey">
  <div class="passkey" data-passkey-part hidden>
    <p class="or"><span>or</span></p>
    <button type="button" class="quiet" data-passkey-button>{label}</button>
    <p class="problem" role="alert" data-passkey-problem hidden></p>
  </div>"""


def passkey_part(label: str) -> str:
    """Return a button that asks for a passkey, in a form that has `data-passkey`. It shows where there are scripts."""
    return _PASSKEY.format(label=escape(label))


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
        plain=PLAIN if form.is_plain else "",
        code=_CODE if form.wants_code else "",
        invalid=' aria-invalid="true"' if problem else "",
        brand=BRAND,
        complete="current-password webauthn" if form.passkey else "current-password",
        passkey_form=f' data-passkey="{escape(form.passkey, quote=True)}" data-passkey-at-once'
        if form.passkey
        else "",
        passkey=passkey_part("Sign in with a passkey") if form.passkey else "",
    )
    return page("Sign in to Carnet", body, nonce, has_script=bool(form.passkey))


def logout_page(*, base_url: str, xsrf: str, nonce: str, is_done: bool) -> bytes:
    """Return the page that asks whether to sign out, or says that it is done."""
    body = _template("signed_out" if is_done else "logout").substitute(
        base_url=escape(base_url, quote=True), xsrf=escape(xsrf, quote=True), brand=BRAND
    )
    return page("Signed out" if is_done else "Sign out", body, nonce)


def error_page(status: int, message: str, *, base_url: str, nonce: str) -> bytes:
    """Return a page for an error: what happened, and the way home."""
    try:
        title = HTTPStatus(status).phrase.capitalize()
    except ValueError:
        title = "It did not work"
    body = _template("error").substitute(
        title=escape(title),
        message=escape(message),
        base_url=escape(base_url, quote=True),
        status=status,
        brand=BRAND,
    )
    return page(title, body, nonce)

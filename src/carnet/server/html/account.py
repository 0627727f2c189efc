"""The account page: password, second factor, devices, tokens. Plain forms, no script; everything escaped here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from carnet.security.api_tokens import ApiToken
from carnet.security.logins import Login
from carnet.security.scopes import Scope, written
from carnet.server.html import page


@dataclass(frozen=True)
class Account:
    """What the page shows."""

    base_url: str
    xsrf: str
    user: str
    logins: Sequence[Login]
    own_login_id: str
    tokens: Sequence[ApiToken]
    has_password: bool
    has_totp: bool
    recovery_codes_left: int = 0
    done: str = ""
    """What was just done, in words."""
    problem: str = ""
    new_token: str = ""
    """Shown once."""
    totp_secret: str = ""
    """Being set up."""
    totp_qr: str = ""
    """`data:` address of an image."""
    recovery_codes: Sequence[str] = ()
    """Shown once."""


def account_page(account: Account, *, nonce: str) -> bytes:
    """Return the page."""
    parts = [
        f'<p><a href="{escape(account.base_url, quote=True)}">Notebooks</a></p><h1>{escape(account.user)}</h1>',
        f'<p class="good" role="status">{escape(account.done)}</p>' if account.done else "",
        f'<p class="problem" role="alert">{escape(account.problem)}</p>' if account.problem else "",
        _new_token(account),
        _devices(account),
        _password(account),
        _second_factor(account),
        _tokens(account),
    ]
    return page("Account", "\n".join(parts), nonce)


def _form(account: Account, action: str, fields: Iterable[str], button: str, *, quiet: bool = False) -> str:
    kind = ' class="quiet"' if quiet else ""
    return (
        f'<form method="post" action="{escape(account.base_url, quote=True)}account">'
        f'<input type="hidden" name="_xsrf" value="{escape(account.xsrf, quote=True)}">'
        f'<input type="hidden" name="action" value="{action}">'
        f"{''.join(fields)}<button{kind}>{escape(button)}</button></form>"
    )


def _field(
    name: str, label: str, *, kind: str = "password", complete: str = "off", identifier: str = ""
) -> str:
    identifier = identifier or name
    return (
        f'<label for="{identifier}">{escape(label)}</label>'
        f'<input id="{identifier}" name="{name}" type="{kind}" autocomplete="{complete}" required>'
    )


def _username(account: Account) -> str:
    """Return a field that tells password managers whose password it is. Nobody sees it."""
    return (
        '<input type="text" name="username" autocomplete="username" hidden '
        f'value="{escape(account.user, quote=True)}">'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">'


def _devices(account: Account) -> str:
    rows = []
    for one in account.logins:
        is_own = one.login_id == account.own_login_id
        end = _form(account, "end", [_hidden("login", one.login_id)], "Sign out", quiet=True)
        rows.append(
            f"<tr><td>{escape(one.device)}{' <em>(this one)</em>' if is_own else ''}</td>"
            f'<td class="wide-only">{escape(one.address)}</td><td>{_when(one.used_ms)}</td><td>{end}</td></tr>'
        )
    others = len([one for one in account.logins if one.login_id != account.own_login_id])
    return (
        '<section aria-labelledby="devices"><h2 id="devices">Signed in</h2>'
        '<table><tr><th>Device</th><th class="wide-only">From</th><th>Last used</th><th></th></tr>'
        f"{''.join(rows)}</table>"
        f"{_form(account, 'end-others', [], 'Sign out all others', quiet=True) if others else ''}"
        f"{_form(account, 'end-all', [], 'Sign out everywhere', quiet=True) if account.logins else ''}</section>"
    )


def _password(account: Account) -> str:
    fields = [
        _username(account),
        _field("current", "Password now", complete="current-password") if account.has_password else "",
        _field("new", "New password, at least 8 characters", complete="new-password"),
        _field("again", "Once more", complete="new-password"),
    ]
    button = "Change password" if account.has_password else "Set password"
    return (
        '<section aria-labelledby="password"><h2 id="password">Password</h2>'
        '<p class="hint">Every other device is signed out.</p>'
        f"{_form(account, 'password', fields, button)}</section>"
    )


def _second_factor(account: Account) -> str:
    head = '<section aria-labelledby="factor"><h2 id="factor">One-time codes</h2>'
    if not account.has_password:
        return f'{head}<p class="hint">They come on top of a password. Set one first.</p></section>'
    if account.recovery_codes:
        codes = "".join(f"<li><code>{escape(one)}</code></li>" for one in account.recovery_codes)
        return (
            f"{head}<p>Codes are asked for from now on. Keep these for the day the telephone is lost; "
            f"each works once, and they are not shown again:</p><ul>{codes}</ul></section>"
        )
    if account.totp_secret:
        fields = [
            _hidden("secret", account.totp_secret),
            _field("code", "The code that the app shows", kind="text", complete="one-time-code"),
        ]
        return (
            f"{head}<p>Scan this with an authenticator app, or type the key.</p>"
            f'<p><img src="{escape(account.totp_qr, quote=True)}" alt="QR code with the key"></p>'
            f'<p><code class="secret">{escape(account.totp_secret)}</code></p>'
            f"{_form(account, 'totp-confirm', fields, 'Ask for codes from now on')}</section>"
        )
    current = _field("current", "Password now", complete="current-password", identifier="current-totp")
    fields = [_username(account), current]
    if account.has_totp:
        return (
            f"{head}<p>A code is asked for at each login. {account.recovery_codes_left} recovery codes are left.</p>"
            f"{_form(account, 'totp-remove', fields, 'Ask for no codes')}</section>"
        )
    return f"{head}{_form(account, 'totp-begin', fields, 'Set up')}</section>"


def _tokens(account: Account) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{written(one.scopes)}</td>"
        f"<td>{_when(one.expires_ms, 'revoked')}</td>"
        f'<td class="wide-only">{_when(one.used_ms, "never")}</td>'
        f"<td>{_form(account, 'token-revoke', [_hidden('token', one.token_id)], 'Revoke', quiet=True)}</td></tr>"
        for one in account.tokens
    )
    table = (
        '<table><tr><th>Name</th><th>May</th><th>Until</th><th class="wide-only">Last used</th><th></th></tr>'
        f"{rows}</table>"
        if account.tokens
        else ""
    )
    scopes = "".join(
        f'<label><input type="checkbox" name="scope" value="{one.value}"'
        f"{' checked' if one is Scope.READ else ''}>{one.value}</label>"
        for one in Scope
    )
    lives = "".join(
        f'<option value="{value}"{" selected" if value == "90d" else ""}>{label}</option>'
        for value, label in (
            ("1d", "1 day"),
            ("30d", "30 days"),
            ("90d", "90 days"),
            ("1y", "1 year"),
            ("never", "until revoked"),
        )
    )
    fields = [
        _field("name", "Name", kind="text"),
        f"<fieldset><legend>It may</legend>{scopes}</fieldset>",
        f'<label for="expires">For</label><select id="expires" name="expires">{lives}</select>',
    ]
    return (
        '<section aria-labelledby="tokens"><h2 id="tokens">Tokens for programs</h2>'
        f"{table}{_form(account, 'token-create', fields, 'Make a token')}</section>"
    )


def _new_token(account: Account) -> str:
    if not account.new_token:
        return ""
    return (
        '<section><p class="good">This is the token. It is not shown again.</p>'
        f'<code class="secret">{escape(account.new_token)}</code></section>'
    )


def _when(ms: int, otherwise: str = "") -> str:
    return otherwise if ms == 0 else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"

"""The account page: devices, password, passkeys, one-time codes, tokens. Plain forms; everything escaped here.

What is asked seldom is folded away (`details`), and open again where it did not
work. Only passkeys need a script.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from carnet.security.api_tokens import ApiToken
from carnet.security.logins import Login
from carnet.security.passkeys import NAME_CHARACTERS, Passkey
from carnet.security.passwords import SHORTEST
from carnet.security.scopes import Scope, written
from carnet.server.html import BRAND, PLAIN, page, passkey_part


@dataclass(frozen=True)
class Account:
    """What the page shows."""

    base_url: str
    xsrf: str
    user: str
    now_ms: int
    logins: Sequence[Login]
    own_login_id: str
    tokens: Sequence[ApiToken]
    has_password: bool
    has_totp: bool
    requires_two: bool = False
    recovery_codes_left: int = 0
    passkeys: Sequence[Passkey] = ()
    no_passkeys: str = ""
    """Why there can be none here; empty: there can."""
    passkey: str = ""
    """What to ask the browser for to confirm, JSON; empty: there is no passkey for here."""
    is_plain: bool = False
    """The connection is neither encrypted nor local."""
    done: str = ""
    """What was just done, in words."""
    problem: str = ""
    acted: str = ""
    """The form that did not work."""
    new_token: str = ""
    """Shown once."""
    totp_secret: str = ""
    """Being set up."""
    totp_qr: str = ""
    """`data:` address of an image."""
    new_passkey: str = ""
    """What a passkey is to be made of, JSON: being added."""
    device: str = ""
    """What the browser is, in words."""
    recovery_codes: Sequence[str] = ()
    """Shown once."""
    confirms: str = ""
    """The form that waits for the password, or a passkey. Nothing else is shown then."""
    why: str = ""
    """What it is for, in words."""
    fields: Sequence[tuple[str, str]] = ()
    """What it had."""


def account_page(account: Account, *, nonce: str) -> bytes:
    """Return the page."""
    parts = [
        f'<header class="title"><h1>{escape(account.user)}</h1>{_hint("Who comes in here, and how.")}</header>',
        PLAIN if account.is_plain else "",
        f'<p class="good" role="status">{escape(account.done)}</p>' if account.done else "",
        f'<p class="problem" role="alert">{escape(account.problem)}</p>' if account.problem else "",
    ]
    if account.confirms:
        parts.append(_who(account))
    else:
        parts += [
            _recovery_codes(account),
            _devices(account),
            _password(account),
            _passkeys(account),
            _codes(account),
            _tokens(account),
        ]
    has_script = bool(account.passkey or account.new_passkey)
    return page("Account", "\n".join(parts), nonce, bar=_bar(account), has_script=has_script)


def _bar(account: Account) -> str:
    base = escape(account.base_url, quote=True)
    return (
        f'<header class="bar"><a class="home" href="{base}">{BRAND}<span>All files</span></a>'
        f'<form method="post" action="{base}logout">'
        f'{_hidden("_xsrf", account.xsrf)}<button class="quiet">Sign out</button></form></header>'
    )


def _form(
    account: Account, action: str, fields: Iterable[str], button: str, *, more: str = "", attributes: str = ""
) -> str:
    """Return a form. `button`: of `_button` or `_quiet`."""
    return (
        f'<form method="post" action="{escape(account.base_url, quote=True)}account"{attributes}>'
        f"{_hidden('_xsrf', account.xsrf)}{_hidden('action', action)}{''.join(fields)}{button}{more}</form>"
    )


def _button(label: str) -> str:
    return f'<button type="submit">{escape(label)}</button>'


def _quiet(label: str, about: str = "") -> str:
    """`about`: which one of many, for who hears the page."""
    spoken = f'<span class="spoken"> {escape(about)}</span>' if about else ""
    return f'<button type="submit" class="quiet">{escape(label)}{spoken}</button>'


def _who(account: Account) -> str:
    """Return what asks who is there, and goes on with what was asked for."""
    form = _confirmed_form(
        account,
        account.confirms,
        [_hidden(name, value) for name, value in account.fields],
        "Go on",
        passkey_button="Go on with a passkey",
    )
    back = f'<p><a href="{escape(account.base_url, quote=True)}account">Leave it as it is</a></p>'
    hint = _hint(
        f"The password once more, or a passkey, {account.why}. Then you are not asked for ten minutes."
    )
    return _section("who", "Confirm that it is you", hint, form, back)


def _act(account: Account, action: str, label: str) -> str:
    return _form(account, action, [], _quiet(label))


def _confirmed_form(
    account: Account, action: str, fields: Iterable[str], button: str, *, passkey_button: str = ""
) -> str:
    """Return a form for what needs the password once more, or a passkey in its place."""
    asks = account.has_password
    current = _field("current", "Password now", complete="current-password", identifier=f"current-{action}")
    by_passkey = bool(asks and account.passkey and passkey_button)
    return _form(
        account,
        action,
        [_username(account), current if asks else "", *fields],
        _button(button),
        more=passkey_part(passkey_button) if by_passkey else "",
        attributes=f' data-passkey="{escape(account.passkey, quote=True)}"' if by_passkey else "",
    )


def _fold(account: Account, label: str, form: str, *actions: str) -> str:
    is_open = " open" if account.acted in actions else ""
    return f"<details{is_open}><summary>{escape(label)}</summary>{form}</details>"


def _section(name: str, title: str, *parts: str) -> str:
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{"".join(parts)}</section>'


def _field(
    name: str,
    label: str,
    *,
    kind: str = "password",
    complete: str = "off",
    identifier: str = "",
    more: str = "",
) -> str:
    identifier = identifier or name
    return (
        f'<label for="{identifier}">{escape(label)}</label>'
        f'<input id="{identifier}" name="{name}" type="{kind}" autocomplete="{complete}" required{more}>'
    )


def _username(account: Account) -> str:
    """Return a field that tells password managers whose password it is. Nobody sees it."""
    return (
        '<input type="text" name="username" autocomplete="username" hidden '
        f'value="{escape(account.user, quote=True)}">'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">'


def _hint(text: str) -> str:
    return f'<p class="hint">{escape(text)}</p>'


def _row(title: str, facts: Iterable[str], button: str) -> str:
    return (
        f'<li><div><strong>{title}</strong><span class="hint">'
        f"{' · '.join(fact for fact in facts if fact)}</span></div>{button}</li>"
    )


def _rows(rows: Iterable[str]) -> str:
    text = "".join(rows)
    return f'<ul class="rows">{text}</ul>' if text else ""


def _devices(account: Account) -> str:
    rows = []
    for one in account.logins:
        is_own = one.login_id == account.own_login_id
        mark = ' <em class="mark">this device</em>' if is_own else ""
        end = _form(account, "end", [_hidden("login", one.login_id)], _quiet("Sign out", one.device))
        facts = (
            f"from {escape(one.address)}" if one.address else "",
            "in use now" if is_own else f"used {_ago(one.used_ms, account.now_ms)}",
        )
        rows.append(_row(escape(one.device) + mark, facts, end))
    has_others = any(one.login_id != account.own_login_id for one in account.logins)
    everyone = (
        _form(account, "end-others", [], _quiet("Sign out all others")) if has_others else "",
        _form(account, "end-all", [], _quiet("Sign out everywhere")) if account.logins else "",
    )
    nobody = "" if account.logins else _hint("Nobody is signed in: this server was opened with its token.")
    return _section(
        "devices", "Signed in", nobody, _rows(rows), f'<div class="acts">{"".join(everyone)}</div>'
    )


def _password(account: Account) -> str:
    fields = [
        _field("new", f"New password, at least {SHORTEST} characters", complete="new-password"),
        _field("again", "Once more", complete="new-password"),
    ]
    word = "Change password" if account.has_password else "Set password"
    form = _confirmed_form(account, "password", fields, word, passkey_button="Change it with a passkey")
    return _section(
        "password",
        "Password",
        _hint("A few words are best. A new password signs every other device out."),
        _fold(account, word, form, "password"),
    )


def _passkeys(account: Account) -> str:
    if account.new_passkey:
        fields = [
            _hidden("passkey", ""),
            _field(
                "name",
                "What to call it",
                kind="text",
                more=f' value="{escape(account.device, quote=True)}" maxlength="{NAME_CHARACTERS}"',
            ),
            '<p class="problem" role="alert" data-passkey-problem hidden></p>',
        ]
        form = _form(
            account,
            "passkey-add",
            fields,
            _button("Make the passkey"),
            attributes=f' data-new-passkey="{escape(account.new_passkey, quote=True)}"',
        )
        script = "<noscript><p>A passkey cannot be made without JavaScript.</p></noscript>"
        return _section("passkeys", "Passkeys", _hint("Your device asks you next."), form, script)
    rows = [
        _row(
            escape(one.name),
            (
                f"for {escape(one.rp_id)}",
                "" if one.stands_alone else "only beside the password",
                f"used {_ago(one.used_ms, account.now_ms)}" if one.used_ms else "not used yet",
            ),
            _form(
                account,
                "passkey-remove",
                [_hidden("passkey_id", one.passkey_id)],
                _quiet("Remove", one.name),
            ),
        )
        for one in account.passkeys
    ]
    return _section(
        "passkeys",
        "Passkeys",
        _hint(
            "Sign in with a finger, a face or a PIN of your device. A passkey cannot be guessed, nor tricked out of you."
        ),
        _rows(rows),
        _hint(account.no_passkeys)
        if account.no_passkeys
        else _act(account, "passkey-begin", "Add a passkey"),
        _two_factors(account) if account.passkeys and account.has_password and not account.has_totp else "",
    )


def _two_factors(account: Account) -> str:
    if account.requires_two:
        left = f"{account.recovery_codes_left} recovery codes are left."
        return _hint(f"A password alone opens nothing: a passkey has to come with it. {left}") + _act(
            account, "two-factors-off", "Let the password alone do"
        )
    return _act(account, "two-factors-on", "Require a passkey beside the password")


def _codes(account: Account) -> str:
    if not account.has_password:
        return _section("factor", "One-time codes", _hint("They come on top of a password. Set one first."))
    if account.totp_secret:
        fields = [
            _hidden("secret", account.totp_secret),
            _field("code", "The code that the app shows", kind="text", complete="one-time-code"),
        ]
        return _section(
            "factor",
            "One-time codes",
            "<p>Scan this with an authenticator app, or type the key.</p>",
            f'<p><img src="{escape(account.totp_qr, quote=True)}" alt="QR code with the key"></p>',
            f'<p><code class="secret">{escape(account.totp_secret)}</code></p>',
            _form(account, "totp-confirm", fields, _button("Ask for codes from now on")),
        )
    if account.has_totp:
        left = f"{account.recovery_codes_left} recovery codes are left."
        return _section(
            "factor",
            "One-time codes",
            _hint(f"A code of your authenticator app is asked for with the password. {left}"),
            _act(account, "totp-remove", "Ask for no codes"),
        )
    return _section(
        "factor",
        "One-time codes",
        _hint("An authenticator app on your telephone shows a code, which is asked for with the password."),
        _act(account, "totp-begin", "Set up"),
    )


def _recovery_codes(account: Account) -> str:
    if not account.recovery_codes:
        return ""
    codes = "".join(f"<li><code>{escape(one)}</code></li>" for one in account.recovery_codes)
    return _section(
        "recovery",
        "Recovery codes",
        "<p>A second factor is asked for from now on. Keep these for the day it is lost: each works once in its "
        "place, and they are not shown again.</p>",
        f'<ul class="codes">{codes}</ul>',
    )


def _tokens(account: Account) -> str:
    rows = [
        _row(
            escape(one.name),
            (
                f"may {written(one.scopes)}",
                f"until {_when(one.expires_ms)}" if one.expires_ms else "until revoked",
                f"used {_ago(one.used_ms, account.now_ms)}" if one.used_ms else "not used yet",
            ),
            _form(account, "token-revoke", [_hidden("token", one.token_id)], _quiet("Revoke", one.name)),
        )
        for one in account.tokens
    ]
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
        _field("name", "Name", kind="text", identifier="token-name"),
        f"<fieldset><legend>It may</legend>{scopes}</fieldset>",
        f'<label for="expires">For</label><select id="expires" name="expires">{lives}</select>',
    ]
    return _section(
        "tokens",
        "Tokens for programs",
        _hint("A key for a script or another program, which may do less than you, and ends by itself."),
        _new_token(account),
        _rows(rows),
        _fold(
            account,
            "Make a token",
            _form(account, "token-create", fields, _button("Make it")),
            "token-create",
        ),
    )


def _new_token(account: Account) -> str:
    if not account.new_token:
        return ""
    return (
        '<p class="good" role="status">This is the token. It is not shown again.</p>'
        f'<p><code class="secret">{escape(account.new_token)}</code></p>'
    )


def _when(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def _ago(ms: int, now_ms: int) -> str:
    """Return a time as people say it; the whole of it is in the title."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    seconds = max(0, now_ms - ms) // 1000
    for size_s, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size_s:
            count = seconds // size_s
            words = f"{count} {word}{'' if count == 1 else 's'} ago"
            break
    else:
        words = "just now"
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}" title="{at:%Y-%m-%d %H:%M} UTC">{words}</time>'

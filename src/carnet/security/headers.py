"""The headers that make browsers guard us. Every response has one of these sets, and nothing else decides them.

`page` for the app's own documents, `api` for JSON and other data, `user_file`
for bytes that came from a user or a kernel: those can never act, not even when
opened alone. Rules AC13 to AC16: docs/specs/access.md.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from carnet.security import origins

#: What our pages never ask a browser for. The lock and the clipboard are not here: passkeys and Copy need them.
_OFF: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "window-management",
    "xr-spatial-tracking",
)

#: On every response.
COMMON: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _OFF),
}

NO_STORE: Final = {"Cache-Control": "no-store"}

FOREVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}

HSTS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""One year."""


def hsts(host: str) -> Mapping[str, str]:
    """Return the header that binds a name to https, where it is safe (rule TL12: docs/specs/tls.md).

    It binds every port of the name: so only where we have the default one, and not for names that others share.
    """
    name = origins.host_name(host)
    is_shared = name is None or name in origins.LOOPBACK_NAMES or name.endswith((".local", ".localhost"))
    has_port = host.rpartition("]")[2].count(":") == 1
    is_address = name is not None and (":" in name or name.replace(".", "").isdigit())
    return {} if is_shared or has_port or is_address else HSTS


def new_nonce() -> str:
    """Return a fresh nonce for a page."""
    return secrets.token_urlsafe(16)


def page(nonce: str, *, report_to: str = "") -> dict[str, str]:
    """Return the headers of the app's own page. Scripts and style sheets need the nonce; nothing comes from elsewhere.

    `report_to`: the address to which browsers report what this stopped.
    """
    policy = (
        "default-src 'none'",
        f"script-src 'nonce-{nonce}' 'strict-dynamic'",
        # No string becomes HTML or script but through these two: ui/src/outputs/parse.ts, and the sanitiser's own.
        "require-trusted-types-for 'script'",
        "trusted-types carnet-parse dompurify",
        f"style-src 'self' 'nonce-{nonce}'",
        # Attributes only: alignment of table cells and math in Markdown. No rule can be made with them.
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self' blob:",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        *([f"report-uri {report_to}"] if report_to else []),
    )
    return {**COMMON, "Content-Security-Policy": "; ".join(policy)}


def lab_page(nonce: str, *, scripts: Sequence[str], report_to: str) -> dict[str, str]:
    """Return the headers of JupyterLab's page. `scripts`: where its own scripts and its extensions' come from.

    It writes styles into the page, and shows outputs in its own origin: so no script that stands in a document runs,
    nothing is loaded from another host, and no other path of ours can give it a script.
    """
    policy = (
        "default-src 'none'",
        # Its schema checker (ajv) makes functions from text, at start; without them nothing of it works.
        f"script-src 'nonce-{nonce}' {' '.join(scripts)} 'unsafe-eval'",
        "script-src-attr 'none'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "frame-src 'self' blob:",
        "worker-src 'self' blob:",
        "object-src blob:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"report-uri {report_to}",
    )
    return {**COMMON, **NO_STORE, "Content-Security-Policy": "; ".join(policy)}


def plain_page(nonce: str, *, has_script: bool = False) -> dict[str, str]:
    """Return the headers of a page of forms: the login form, the account, an error. `has_script`: for passkeys."""
    script = (f"script-src 'nonce-{nonce}'", "require-trusted-types-for 'script'", "trusted-types 'none'")
    policy = (
        "default-src 'none'",
        *(script if has_script else ()),
        f"style-src 'nonce-{nonce}'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    # Under `no-referrer` browsers send `Origin: null` with a form, which is what they send for strangers too.
    referrer = {"Referrer-Policy": "same-origin"}
    return {**COMMON, **NO_STORE, **referrer, "Content-Security-Policy": "; ".join(policy)}


def api() -> dict[str, str]:
    """Return the headers of data: never shown, never framed, never kept."""
    return {
        **COMMON,
        **NO_STORE,
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }


def static() -> dict[str, str]:
    """Return the headers of our own scripts, styles, fonts."""
    return {
        **COMMON,
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; frame-ancestors 'none'; sandbox",
    }


def user_file(media_type: str) -> dict[str, str]:
    """Return the headers of bytes that are not ours. They may be looked at, and cannot do anything."""
    policy = (
        "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self' data:; style-src 'unsafe-inline'"
    )
    if media_type == "application/pdf":
        # Browsers refuse to show a PDF in a sandbox; their viewers run in an origin of their own.
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; plugin-types application/pdf"
        )
    return {
        **COMMON,
        "X-Frame-Options": "SAMEORIGIN",
        "Content-Security-Policy": f"{policy}; frame-ancestors 'self'",
    }


def converted() -> dict[str, str]:
    """Return the headers of a notebook as another format: its scripts may run, in an origin that is nobody's.

    As `output_frame`, but no page of ours shows it inside.
    """
    policy = output_frame(remote=False)["Content-Security-Policy"]
    return {
        **COMMON,
        **NO_STORE,
        "Content-Security-Policy": policy.replace("frame-ancestors 'self'", "frame-ancestors 'none'"),
    }


def output_frame(*, remote: bool) -> dict[str, str]:
    """Return the headers of the document that active output lives in: scripts, but an origin that is nobody's.

    It reaches neither cookies nor the API, whoever opens it, nor any address
    unless `remote`: the reader allowed this output to load from other hosts.
    """
    hosts = " https: http:" if remote else ""
    policy = (
        "sandbox allow-scripts",
        "default-src 'none'",
        f"script-src 'unsafe-inline' 'unsafe-eval' data: blob:{hosts}",
        f"style-src 'unsafe-inline' data: blob:{hosts}",
        f"img-src data: blob:{hosts}",
        f"media-src data: blob:{hosts}",
        f"font-src data: blob:{hosts}",
        f"connect-src data: blob:{' https: http: wss:' if remote else ''}",
        f"frame-src{hosts}" if remote else "frame-src 'none'",
        "worker-src blob:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
    return {**COMMON, "X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": "; ".join(policy)}


def drawing_frame(script_hash: str, *, remote: bool) -> dict[str, str]:
    """Return the headers of the document that our own libraries draw in, from data of a document.

    As `output_frame`, but no script of what is drawn runs: only the document's
    own (`script_hash`: its SHA-256 in base64), and those that this one makes
    of what our page hands it. `remote` lets data and pictures in, no script.
    """
    hosts = " https: http:" if remote else ""
    policy = (
        "sandbox allow-scripts",
        "default-src 'none'",
        f"script-src 'sha256-{script_hash}' blob:",
        "style-src 'unsafe-inline'",
        f"img-src data: blob:{hosts}",
        "media-src data: blob:",
        "font-src data:",
        f"connect-src data: blob:{hosts}",
        "frame-src 'none'",
        "worker-src blob:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
    return {**COMMON, "X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": "; ".join(policy)}


#: Types that a browser shows and that cannot act (with the headers of `user_file`). Text is shown as plain text.
_SHOWN: Final = frozenset(
    {
        "application/pdf",
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/svg+xml",
        "image/vnd.microsoft.icon",
        "image/webp",
        "image/x-icon",
    }
)
_TEXT: Final = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/toml",
        "application/x-ipynb+json",
        "application/x-sh",
        "application/xml",
        "application/yaml",
    }
)


def shown_type(media_type: str) -> str | None:
    """Return the Content-Type under which a user's file may be shown; None: it is only to be downloaded."""
    plain = media_type.partition(";")[0].strip().lower()
    if plain in _SHOWN or plain.startswith(("audio/", "video/")):
        return plain
    if plain in {"text/html", "application/xhtml+xml"}:
        return None
    if plain.startswith("text/") or plain in _TEXT:
        return "text/plain; charset=utf-8"
    return None

"""How this server is protected, decided once at start: TLS with which certificate, and under which names.

Who serves others gets TLS without asking for it: a certificate that was named,
or one of our own. What cannot be protected does not start, unless it was told
so in words (invariant 8).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

from carnet.clock import Clock
from carnet.config.load import Loaded
from carnet.config.settings import Settings
from carnet.errors import ConfigError
from carnet.security.certificates import Certificate, ensure_self_signed, read_certificate
from carnet.security.exposure import refusal_to_listen
from carnet.security.origins import is_loopback
from carnet.security.tls import LiveContext
from carnet.server.reachable import own_names

if TYPE_CHECKING:
    from carnet.server.acme import Renewal

Mode = Literal["off", "file", "auto", "acme"]

FOLDER: Final = "tls"
SELF_SIGNED: Final = "self-signed.pem"


class Protection(NamedTuple):
    """How it is protected."""

    mode: Mode
    context: LiveContext | None = None
    """None: plain HTTP."""
    certificate: Certificate | None = None
    renewal: "Renewal | None" = None
    """With `acme`: what keeps the certificate fresh."""

    def names(self) -> frozenset[str]:
        """Return the host names in the certificate: those that browsers will use."""
        return frozenset(self.certificate.names) if self.certificate else frozenset()


def mode_of(settings: Settings) -> Mode:
    """Return how TLS is done."""
    if settings.certfile:
        return "file"
    if settings.tls:
        return cast("Mode", settings.tls)  # `checked` has looked
    # Behind a proxy that the owner trusts, the proxy does TLS.
    serves_others = not settings.sock and not is_loopback(settings.ip)
    return (
        "auto" if serves_others and not settings.serve_unprotected and not settings.trust_xheaders else "off"
    )


def check_exposure(settings: Settings, *, has_key: bool) -> None:
    """Refuse to listen where it would not be safe.

    Raises:
        ConfigError: why, and the ways out.
    """
    if settings.sock:
        return
    has_tls = mode_of(settings) != "off" or settings.trust_xheaders
    refusal = refusal_to_listen(
        settings.ip, has_tls=has_tls, has_key=has_key, told_so=settings.serve_unprotected
    )
    if refusal:
        raise ConfigError(refusal)


def protect(loaded: Loaded, state_folder: Path, clock: Clock) -> Protection:
    """Return the protection, made where need be.

    Raises:
        ConfigError: a certificate cannot be used or made.
    """
    settings = loaded.settings
    mode = mode_of(settings)
    if mode == "off":
        return Protection(mode)
    renewal, keyfile = None, None
    if mode == "acme":
        from carnet.server.acme import Renewal  # an extra, and slow to import

        renewal = Renewal(settings, state_folder / FOLDER, clock)
        certfile = renewal.certfile
    elif mode == "auto":
        certfile = state_folder / FOLDER / SELF_SIGNED
        names = [name for name in settings.local_hostnames if name != "localhost"]
        ensure_self_signed(certfile, [*names, *own_names()], now_ms=clock.now_ms())
    else:
        certfile = Path(settings.certfile).expanduser().absolute()
        keyfile = Path(settings.keyfile).expanduser().absolute() if settings.keyfile else None
    context = LiveContext(certfile, keyfile, clock, curve=settings.tls_curve)
    return Protection(mode, context, read_certificate(certfile), renewal)


def describe(protection: Protection, now_ms: int) -> str:
    """Return what people are told of the certificate; empty: there is none."""
    certificate = protection.certificate
    if certificate is None:
        return ""
    ends = f"{datetime.fromtimestamp(certificate.not_after_ms / 1000, UTC):%d %B %Y}"
    days = certificate.days_left(now_ms)
    if days < 0:
        ends = f"{ends}: it has ended, and browsers will refuse it. Make a new one"
    elif days < 14:
        ends = f"{ends}: renew it soon"
    lines = [f"Certificate until {ends}."]
    if certificate.is_self_signed:
        lines.append(
            "It is signed by itself, so browsers ask once. Compare this SHA-256 fingerprint, then go on:"
        )
    lines.append(f"    {certificate.sha256}")
    return "\n".join(lines)

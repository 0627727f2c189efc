"""How we speak TLS: Mozilla's intermediate profile, and certificates that are renewed under a running server.

TLS 1.2 and 1.3, forward secrecy and authenticated encryption only. A changed
certificate is taken up at the next connection; connections that stand are not
touched; a broken one changes nothing. Rules TL5 to TL9: docs/specs/tls.md.
"""

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from carnet.clock import Clock
from carnet.errors import ConfigError

log = logging.getLogger("carnet.tls")

#: For TLS 1.2; those of 1.3 are all good. Mozilla's intermediate list without finite-field DHE, which no browser wants.
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

CURVE: Final = "X25519"

LOOK_EVERY_S: Final = 1.0
"""Files are looked at when a connection comes, at most this often."""

_WEAK: Final = ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL", "KEY_TOO_SMALL")

BETTER_COMMAND: Final = (
    "openssl req -x509 -nodes -days 365 -newkey rsa:2048 -keyout mycert.pem -out mycert.pem"
)


def make_context(certfile: Path, keyfile: Path | None, *, curve: str = CURVE) -> ssl.SSLContext:
    """Return a context for the server's side.

    Args:
        curve: the one for key exchange; empty: all that OpenSSL offers.

    Raises:
        ConfigError: certificate or key cannot be read, do not fit, or are too weak.
    """
    for name, path in (("certfile", certfile), ("keyfile", keyfile)):
        if path is not None and not path.is_file():
            raise ConfigError(f"{name}: there is no file {path}.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    if curve:
        _set_curve(context, curve)
    try:
        # Never ask on the terminal for the password of a key: a server that restarts by itself would hang.
        context.load_cert_chain(certfile, keyfile, password=_no_password)
    except _Encrypted:
        raise ConfigError(
            f"keyfile: the key in {keyfile or certfile} is encrypted. Write it without a password: "
            f"openssl pkey -in {keyfile or certfile} -out plain.pem"
        ) from None
    except ssl.SSLError as error:
        raise ConfigError(_sentence(error, certfile, keyfile)) from error
    except OSError as error:
        raise ConfigError(f"certfile: {certfile} cannot be read: {error.strerror}.") from error
    return context


class LiveContext:
    """A context that follows its files."""

    def __init__(self, certfile: Path, keyfile: Path | None, clock: Clock, *, curve: str = CURVE) -> None:
        """Raises: ConfigError, as `make_context`."""
        self._certfile = certfile
        self._keyfile = keyfile
        self._clock = clock
        self._curve = curve
        self._seen = self._look()
        self._looked_s = clock.monotonic_s()
        self._context = make_context(certfile, keyfile, curve=curve)

    def current(self) -> ssl.SSLContext:
        """Return the context for a connection that comes now."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._take_up()
        return self._context

    def _take_up(self) -> None:
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._context = make_context(self._certfile, self._keyfile, curve=self._curve)
        except ConfigError as error:
            # Often a pair that is just being written: it is looked at again when it changes again.
            log.warning("the changed certificate is not taken up, the old one stays: %s", error)
        else:
            log.info("the changed certificate %s is taken up", self._certfile)

    def _look(self) -> Sequence[tuple[int, int, int] | None]:
        return [_state_of(path) for path in (self._certfile, self._keyfile) if path is not None]


def _set_curve(context: ssl.SSLContext, curve: str) -> None:
    try:
        context.set_ecdh_curve(curve)
    except (ValueError, ssl.SSLError):
        if curve == CURVE:
            # Some builds of Python (Debian's 3.11.2) can only name the older curves. Both are Mozilla's.
            context.set_ecdh_curve("prime256v1")
            return
        raise ConfigError(f"tls_curve: OpenSSL knows no curve {curve!r}. Use X25519 or prime256v1.") from None


class _Encrypted(Exception):
    """OpenSSL asked for the password of a key."""


def _no_password() -> str:
    raise _Encrypted


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _sentence(error: ssl.SSLError, certfile: Path, keyfile: Path | None) -> str:
    reason = error.reason or str(error)
    if any(word in str(error) for word in _WEAK):
        return (
            f"certfile: the key or signature of {certfile} is too weak to be safe today ({reason}), so OpenSSL refuses it. "
            f"Make a good one with `carnet cert`, or: {BETTER_COMMAND}"
        )
    if "KEY_VALUES_MISMATCH" in reason:
        return f"keyfile: the key in {keyfile or certfile} does not belong to the certificate in {certfile}."
    return (
        f"certfile: {certfile} cannot be used ({reason}). "
        "It must be a PEM file with certificate and key, or --keyfile=FILE must name the key."
    )

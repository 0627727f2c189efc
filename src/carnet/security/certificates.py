"""Certificates: make a good self-signed one, and read what one says, for people to compare.

ECDSA on P-256, every name and address it is reached by, certificate and key in
one file of mode 0600. `cryptography` is imported when one is made or read.
Rules TL1 to TL4: docs/specs/tls.md.
"""

import ipaddress
import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from carnet.errors import ConfigError

if TYPE_CHECKING:
    from cryptography import x509

DAYS: Final = 365
RENEW_DAYS: Final = 30
"""Our own certificates are made anew when they have less than this left."""

_SKEW: Final = timedelta(hours=1)
"""Clocks differ: a certificate is valid from a little before it is made."""

_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII
)


@dataclass(frozen=True)
class Certificate:
    """What a certificate says."""

    sha256: str
    """Fingerprint as browsers show it: AB:CD:..."""
    not_before_ms: int
    not_after_ms: int
    names: Sequence[str]
    """Host names and addresses that it is for."""
    is_self_signed: bool

    def days_left(self, now_ms: int) -> int:
        """Return the whole days until it ends; negative: it has ended."""
        return (self.not_after_ms - now_ms) // (24 * 3600 * 1000)


def make_self_signed(names: Sequence[str], *, now_ms: int, days: int = DAYS) -> bytes:
    """Return a new certificate and its key, as PEM. `names`: host names and addresses, the main one first.

    Raises:
        ConfigError: there is no name, or one that cannot be in a certificate.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    if not names:
        raise ConfigError("A certificate needs a name: the host name or address that browsers use.")
    key = ec.generate_private_key(ec.SECP256R1())
    # A common name holds 64 characters at most; nobody looks at it any more.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def read_certificate(path: Path) -> Certificate:
    """Return what the first certificate in a PEM file says.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    found = _PEM.search(text)
    if found is None:
        raise ConfigError(f"{path}: there is no certificate in it. It must be a PEM file.")
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
        certificate = x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise ConfigError(f"{path}: its certificate is damaged: {error}.") from error
    try:
        certificate.verify_directly_issued_by(certificate)
        is_self_signed = True
    except (ValueError, TypeError, InvalidSignature):
        is_self_signed = False
    digits = sha256(der).hexdigest().upper()
    return Certificate(
        sha256=":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        not_before_ms=_ms(certificate.not_valid_before_utc),
        not_after_ms=_ms(certificate.not_valid_after_utc),
        names=_names_of(certificate),
        is_self_signed=is_self_signed,
    )


def write_pair(path: Path, pem: bytes) -> None:
    """Put certificate and key at a path, readable by its owner only, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def ensure_self_signed(path: Path, names: Sequence[str], *, now_ms: int) -> Certificate:
    """Return our own certificate at this path; made anew where it is missing, ends soon, or lacks a name."""
    try:
        found = read_certificate(path)
        if found.days_left(now_ms) >= RENEW_DAYS and set(names) <= set(found.names):
            return found
    except ConfigError:
        pass  # it is ours to make
    write_pair(path, make_self_signed(names, now_ms=now_ms))
    return read_certificate(path)


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode("ascii") if not name.isascii() else name)
    except (ValueError, UnicodeError):
        raise ConfigError(
            f"{name!r} cannot be in a certificate: it is not a host name or an address."
        ) from None


def _names_of(certificate: "x509.Certificate") -> Sequence[str]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except ValueError:  # extensions that cannot be parsed; browsers will say so
        return ()
    return (
        *extension.get_values_for_type(x509.DNSName),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

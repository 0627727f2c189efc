"""Get a certificate that browsers trust, from an ACME authority (RFC 8555), as Let's Encrypt is one.

Blocking functions, for a worker thread. The proof that a name is ours is given
by `Proofs`, which the port looks into while an order runs: a certificate for
tls-alpn-01 (RFC 8737), or a text for http-01. Rules TL13 to TL16: docs/specs/tls.md.
"""

import os
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from josepy.errors import Error as JoseError
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC
from requests.exceptions import RequestException

from carnet.errors import ConfigError

ALPN: Final = "acme-tls/1"
WELL_KNOWN: Final = "/.well-known/acme-challenge/"
ORDER_TIMEOUT_S: Final = 120
REQUEST_TIMEOUT_S: Final = 30

_ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_USER_AGENT: Final = "carnet"


class NotObtained(ConfigError):
    """The authority gave no certificate; the sentence says why. It is tried again later."""


@challenges.ChallengeResponse.register
class TlsAlpn01Response(challenges.KeyAuthorizationChallengeResponse):
    """What is sent to say that the proof is there."""

    typ = "tls-alpn-01"


@challenges.Challenge.register
class TlsAlpn01(challenges.KeyAuthorizationChallenge):
    """The challenge that is met on the TLS port itself. (The library has dropped it; authorities have not.)"""

    response_cls = TlsAlpn01Response
    typ = "tls-alpn-01"

    def validation(self, account_key: JWK, **_: Any) -> str:
        """Return the key authorization, whose hash goes into the certificate."""
        return self.key_authorization(account_key)


@dataclass
class Proofs:
    """What the port shows to the authority while an order runs. Written by one thread, read by another, whole each time."""

    contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)
    """Name to the context for tls-alpn-01."""
    texts: dict[str, str] = field(default_factory=dict)
    """Path to the text for http-01."""


@dataclass(frozen=True)
class Order:
    """What is wanted, and from whom."""

    directory: str
    email: str
    names: Sequence[str]
    account_file: Path
    uses_http: bool
    """Meet http-01, in place of tls-alpn-01."""


def obtain(order: Order, proofs: Proofs) -> bytes:
    """Return a new key and its certificate chain, as PEM.

    Raises:
        NotObtained: the authority cannot be reached, or does not find the names to be ours.
    """
    try:
        return _obtain(order, proofs)
    except (errors.Error, messages.Error, JoseError, RequestException) as error:
        raise NotObtained(
            f"No certificate for {', '.join(order.names)} from {order.directory}: {_reason(error)}"
        ) from error
    finally:
        proofs.contexts.clear()
        proofs.texts.clear()


def _obtain(order: Order, proofs: Proofs) -> bytes:
    account_key = _account_key(order.account_file)
    net = client.ClientNetwork(account_key, alg=ES256, user_agent=_USER_AGENT, timeout=REQUEST_TIMEOUT_S)
    authority = client.ClientV2(client.ClientV2.get_directory(order.directory, net), net)
    _sign_up(authority, order.email)
    key = ec.generate_private_key(ec.SECP256R1())
    placed = authority.new_order(_request(key, order.names))
    wanted = challenges.HTTP01 if order.uses_http else TlsAlpn01
    for authorization in placed.authorizations:
        if authorization.body.status == messages.STATUS_VALID:
            continue
        offered = [one for one in authorization.body.challenges if isinstance(one.chall, wanted)]
        if not offered:
            raise NotObtained(
                f"The authority does not offer {wanted.typ} for {authorization.body.identifier.value}."
            )
        name = authorization.body.identifier.value
        text = offered[0].chall.key_authorization(account_key)
        if order.uses_http:
            proofs.texts[WELL_KNOWN + offered[0].chall.encode("token")] = text
        else:
            proofs.contexts[name] = proof_context(name, text)
        authority.answer_challenge(offered[0], offered[0].chall.response(account_key))
    # The library compares with a local time without zone.
    deadline = datetime.now() + timedelta(seconds=ORDER_TIMEOUT_S)  # noqa: DTZ005
    done = authority.poll_and_finalize(placed, deadline)
    return _pem(key) + done.fullchain_pem.encode()


def _sign_up(authority: client.ClientV2, email: str) -> None:
    wanted = messages.NewRegistration.from_data(email=email or None, terms_of_service_agreed=True)
    try:
        authority.new_account(wanted)
    except errors.ConflictError as known:
        # This key has an account already; later requests name it.
        authority.net.account = messages.RegistrationResource(
            uri=known.location, body=messages.Registration()
        )


def _account_key(path: Path) -> JWKEC:
    try:
        return JWKEC.json_loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        pass
    except (ValueError, JoseError) as error:
        raise NotObtained(
            f"{path}: the account's key is damaged. Remove the file, and a new account is made."
        ) from error
    made = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(made.json_dumps())
    return made


def _request(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> bytes:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM)


def proof_context(name: str, key_authorization: str) -> ssl.SSLContext:
    """Return a context that shows the certificate of RFC 8737, and speaks nothing but `acme-tls/1`."""
    key = ec.generate_private_key(ec.SECP256R1())
    # An OCTET STRING of 32 bytes, in DER.
    proof = b"\x04\x20" + sha256(key_authorization.encode()).digest()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme-tls-alpn-01")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(_ACME_IDENTIFIER, proof), critical=True)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN])
    # `ssl` reads certificates from files only; this one is worth nothing to anybody.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _reason(error: Exception) -> str:
    if isinstance(error, errors.ValidationError):
        found = [
            str(one.error.detail)
            for authorization in error.failed_authzrs
            for one in authorization.body.challenges
            if one.error is not None
        ]
        return "; ".join(found) or "the names were not found to be ours"
    return " ".join(str(error).split()) or type(error).__name__

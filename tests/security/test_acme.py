"""What an ACME authority is shown, and what is said when it gives nothing (TL13 to TL16). A real authority: tests/server/test_acme.py."""

import socket
import ssl
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509

from carnet.security.acme import ALPN, NotObtained, Order, Proofs, obtain, proof_context
from tests.security.test_tls import client, handshake


def test_tl14_the_proof_is_the_certificate_of_rfc_8737() -> None:
    browser = client()
    browser.set_alpn_protocols([ALPN])

    end = handshake(proof_context("a.example", "token.thumbprint"), browser)

    assert end.selected_alpn_protocol() == ALPN
    der = end.getpeercert(binary_form=True)
    assert der is not None
    shown = x509.load_der_x509_certificate(der)
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["a.example"]
    proof = shown.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"))
    assert proof.critical
    assert isinstance(proof.value, x509.UnrecognizedExtension)
    assert proof.value.value == b"\x04\x20" + sha256(b"token.thumbprint").digest()


def order(folder: Path, directory: str) -> Order:
    return Order(directory, "", ["a.example"], folder / "tls" / "account.json", uses_http=False)


def test_tl16_an_authority_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    proofs = Proofs()
    proofs.contexts["a.example"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    with pytest.raises(NotObtained, match=r"^No certificate for a\.example from https://127\.0\.0\.1:"):
        obtain(order(tmp_path, f"https://127.0.0.1:{port}/dir"), proofs)

    assert proofs == Proofs()
    path = tmp_path / "tls" / "account.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_account_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tls" / "account.json"
    path.parent.mkdir()
    path.write_text("{}")

    with pytest.raises(NotObtained, match="Remove the file"):
        obtain(order(tmp_path, "https://127.0.0.1:1/dir"), Proofs())

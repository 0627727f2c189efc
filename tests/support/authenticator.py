"""A passkey's device in software, which can lie: for tests of what a server must refuse.

It makes what browsers make, from WebAuthn's definitions, with nothing of the
library that the server checks it with.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One key, for one name. Change a field, and the next answer lies."""

    origin: str
    rp_id: str
    verifies: bool = True
    """It asks for a PIN or a finger."""
    count: int = 1
    counts: bool = True
    """Synced passkeys do not."""
    cross_origin: bool = False
    present: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes = b""

    def make(self, options: Mapping[str, Any]) -> str:
        """Answer what `navigator.credentials.create` is asked."""
        self.user_handle = decoded(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        credential = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor(cose)
        data = self._data(ATTESTED) + credential
        attestation = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options)
        return self._answer({"attestationObject": attestation, "clientDataJSON": client_data})

    def show(self, options: Mapping[str, Any], **more: bytes) -> str:
        """Answer what `navigator.credentials.get` is asked. `more`: in place of parts of the answer."""
        self.count += self.counts
        data, client_data = self._data(), self._client_data("webauthn.get", options)
        signature = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        parts = {
            "authenticatorData": data,
            "clientDataJSON": client_data,
            "signature": signature,
            "userHandle": self.user_handle,
        }
        return self._answer(parts | more)

    def _data(self, flags: int = 0) -> bytes:
        flags |= (PRESENT if self.present else 0) | (VERIFIED if self.verifies else 0)
        count = self.count if self.counts else 0
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: Mapping[str, Any]) -> bytes:
        return json.dumps(
            {
                "type": kind,
                "challenge": options["challenge"],
                "origin": self.origin,
                "crossOrigin": self.cross_origin,
            }
        ).encode()

    def _answer(self, parts: Mapping[str, bytes]) -> str:
        identifier = encoded(self.credential_id)
        response = {name: encoded(value) for name, value in parts.items()}
        return json.dumps(
            {
                "id": identifier,
                "rawId": identifier,
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )


def encoded(value: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: object) -> bytes:
    """Return the little of CBOR (RFC 8949) that authenticators speak."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case dict():
            return _head(5, len(value)) + b"".join(cbor(key) + cbor(one) for key, one in value.items())
        case _:
            raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size, mark = next((size, mark) for size, mark in ((1, 24), (2, 25), (4, 26)) if number < 256**size)
    return bytes([major << 5 | mark]) + number.to_bytes(size, "big")

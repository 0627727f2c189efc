"""Messages on a kernel's own wire: sign, verify, peek. Pure, no sockets.

jupyter_client's Session does the same and decodes everything; we only look at
two ids and keep the parts as the kernel wrote them, which is several times
faster. The format: https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from carnet.errors import PeerError

DELIMITER = b"<IDS|MSG>"
JOIN_LIMIT_BYTES = 64 << 10
PROTOCOL_VERSION = "5.4"
USERNAME = "carnet"


class Peek(Struct, frozen=True):
    """What the host reads of a header."""

    msg_id: str = ""
    msg_type: str = ""


class Message(NamedTuple):
    """One verified message, its parts as the kernel wrote them."""

    msg_type: str
    parent_id: str
    header: bytes
    parent_header: bytes
    metadata: bytes
    content: bytes
    buffers: list[bytes]


_peek = msgspec.json.Decoder(Peek).decode


class Signer:
    """Signs and verifies with one kernel's key. An empty key means: no signatures, as the protocol has it."""

    def __init__(self, key: bytes, scheme: str = "hmac-sha256") -> None:
        self._key = key
        self._digest = scheme.removeprefix("hmac-")
        if self._digest not in hashlib.algorithms_available:
            raise PeerError(f"the kernel signs with {scheme}, which this Python does not know")

    def sign(self, parts: Sequence[bytes]) -> bytes:
        """Return the signature, in hex, of header, parent header, metadata and content."""
        if not self._key:
            return b""
        if sum(map(len, parts)) < JOIN_LIMIT_BYTES:
            return hmac.digest(self._key, b"".join(parts), self._digest).hex().encode()
        running = hmac.new(self._key, digestmod=self._digest)
        for part in parts:
            running.update(part)
        return running.hexdigest().encode()

    def frames(
        self,
        header: bytes,
        parent_header: bytes,
        metadata: bytes,
        content: bytes,
        buffers: Sequence[bytes] = (),
    ) -> list[bytes]:
        """Return the multipart message to send."""
        parts = [header, parent_header, metadata, content]
        return [DELIMITER, self.sign(parts), *parts, *buffers]

    def verify(self, frames: list[bytes]) -> Message:
        """Return the message in these frames.

        Raises:
            PeerError: not a message, or not signed with this kernel's key.
        """
        try:
            at = frames.index(DELIMITER) + 1
            signature, header, parent_header, metadata, content = frames[at : at + 5]
        except ValueError:
            raise PeerError(
                f"a kernel sent {len(frames)} parts that are no Jupyter message; dropped"
            ) from None
        if self._key and not hmac.compare_digest(
            signature, self.sign([header, parent_header, metadata, content])
        ):
            raise PeerError("a message with a wrong signature came from a kernel; dropped")
        try:
            return Message(
                _peek(header).msg_type,
                _peek(parent_header).msg_id,
                header,
                parent_header,
                metadata,
                content,
                frames[at + 5 :],
            )
        except msgspec.MsgspecError as error:
            raise PeerError(f"a kernel sent a header that cannot be read ({error}); dropped") from None


def header(msg_id: str, msg_type: str, *, session: str, date: str) -> bytes:
    """Return a message header as JSON; `date` is ISO 8601."""
    return msgspec.json.encode(
        {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": USERNAME,
            "session": session,
            "date": date,
            "version": PROTOCOL_VERSION,
        }
    )

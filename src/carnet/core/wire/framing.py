"""Cut a byte stream into frames: a 4-byte big-endian length, and that many bytes.

Pure: it holds bytes and returns bytes. Both ends of the host's socket use it.
Rule HO2: docs/specs/host.md.
"""

from carnet.errors import PeerError

LENGTH_BYTES = 4

FRAME_LIMIT_BYTES = 1 << 30
"""No frame is longer. A peer that says otherwise is not speaking our protocol."""


def framed(payload: bytes) -> bytes:
    """Return the payload with its length before it.

    Raises:
        PeerError: it is longer than `FRAME_LIMIT_BYTES`.
    """
    if len(payload) > FRAME_LIMIT_BYTES:
        raise PeerError(
            f"a frame of {len(payload)} bytes is over the limit of {FRAME_LIMIT_BYTES}: send less at once"
        )
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


class FrameBuffer:
    """Bytes in, whole frames out, in order; the rest waits for more bytes."""

    def __init__(self, limit_bytes: int = FRAME_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add what came and return the frames that are now whole.

        Raises:
            PeerError: a length over the limit; the connection cannot go on.
        """
        held = self._held
        held += data
        frames: list[bytes] = []
        at = 0
        available = len(held)
        with memoryview(held) as view:
            while available - at >= LENGTH_BYTES:
                start = at + LENGTH_BYTES
                length = int.from_bytes(view[at:start], "big")
                if length > self.limit_bytes:
                    raise PeerError(
                        f"the other side announced a frame of {length} bytes; the limit is {self.limit_bytes}. "
                        "Is it another program, or another version?"
                    )
                if start + length > available:
                    break
                frames.append(bytes(view[start : start + length]))
                at = start + length
        if at:
            del held[:at]
        return frames

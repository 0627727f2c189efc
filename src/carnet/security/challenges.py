"""Challenges for passkeys: random words to be signed, each for one purpose, one browser, a few minutes, and one answer.

None is kept while it is out, so that strangers who ask for many cost nothing:
it carries its end, and a signature by a key of the process over what it is for.
Only those that were answered are remembered, until they would have ended. Rule
AC51: docs/specs/access.md.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import digest
from typing import Final, Literal

from carnet.clock import Clock

CHALLENGE_MS: Final = 5 * 60 * 1000
NONCE_BYTES: Final = 16
_WORD_BYTES: Final = NONCE_BYTES + 8

TOO_LATE: Final = "That took too long, or it was sent twice. Try again."

Purpose = Literal["sign-in", "add"]


class Challenges:
    """The challenges of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._answered: dict[bytes, int] = {}

    def make(self, purpose: Purpose, rp_id: str, bound: str) -> bytes:
        """Return a fresh one. `bound`: something that only the browser that asks for it has, such as its form's token."""
        ends_ms = self._clock.now_ms() + CHALLENGE_MS
        word = secrets.token_bytes(NONCE_BYTES) + ends_ms.to_bytes(8, "big")
        return word + self._signed(word, purpose, rp_id, bound)

    def take(self, challenge: bytes, purpose: Purpose, rp_id: str, bound: str) -> bool:
        """Return whether it is one of ours, for this, of now, and not answered yet; it is from now on."""
        word, signature = challenge[:_WORD_BYTES], challenge[_WORD_BYTES:]
        nonce, ends_ms = word[:NONCE_BYTES], int.from_bytes(word[NONCE_BYTES:], "big")
        now_ms = self._clock.now_ms()
        self._answered = {one: ends for one, ends in self._answered.items() if ends >= now_ms}
        is_ours = secrets.compare_digest(signature, self._signed(word, purpose, rp_id, bound))
        if not is_ours or ends_ms < now_ms or nonce in self._answered:
            return False
        self._answered[nonce] = ends_ms
        return True

    def _signed(self, word: bytes, purpose: Purpose, rp_id: str, bound: str) -> bytes:
        return digest(self._key, word + json.dumps([purpose, rp_id, bound]).encode(), sha256)


def encoded(value: bytes) -> str:
    """Return bytes as WebAuthn's JSON forms have them: base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes. Raises: ValueError, TypeError, AttributeError: it is something else."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

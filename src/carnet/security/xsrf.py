"""Tokens against cross-site requests: who sends one has read a page or a cookie of ours.

Signed in, the token is made from the login's own secret, so that nobody who can
only plant cookies can make one, and nothing need be stored. Before that (the
login form) it is a random word signed with a key that the state folder
keeps. Rules AC7 and AC8: docs/specs/access.md.
"""

import secrets
from hashlib import sha256
from hmac import digest
from typing import Final

from carnet.security.tokens import equal

COOKIE: Final = "_xsrf"
"""Jupyter's name: its clients read this cookie and send it back in a header."""

HEADER: Final = "X-XSRFToken"
ARGUMENT: Final = "_xsrf"


def token_of_login(login_secret: str) -> str:
    """Return the token that belongs to a login."""
    return digest(login_secret.encode(), b"carnet xsrf", sha256).hex()


class FormTokens:
    """Tokens for forms of people who are not signed in."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def make(self) -> str:
        """Return a fresh token."""
        word = secrets.token_hex(16)
        return f"{word}{self._sign(word)}"

    def is_ours(self, token: str) -> bool:
        """Return whether a token was made with this key."""
        word, signature = token[:32], token[32:]
        return len(token) == 96 and equal(signature, self._sign(word))

    def _sign(self, word: str) -> str:
        return digest(self._key, f"form {word}".encode("utf-8", "surrogateescape"), sha256).hex()

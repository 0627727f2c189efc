"""The token: one long random word that opens a server. Made, compared, found in a header.

It never logs or stores one.
"""

import re
import secrets
from hmac import compare_digest
from typing import Final

TOKEN_BYTES: Final = 24
"""192 bits: not to be guessed, so wrong ones need no throttle."""

# As Jupyter reads it: `Authorization: token T` or `Authorization: Bearer T`.
_AUTHORIZATION: Final = re.compile(r"(?:token|bearer)\s+(\S+)\s*", re.IGNORECASE)


def new_token() -> str:
    """Return a fresh token, 48 hexadecimal digits."""
    return secrets.token_hex(TOKEN_BYTES)


def equal(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing about where they differ."""
    return compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def token_of_header(authorization: str) -> str | None:
    """Return the token of an Authorization header; None where it is of another kind."""
    found = _AUTHORIZATION.fullmatch(authorization.strip())
    return found[1] if found else None

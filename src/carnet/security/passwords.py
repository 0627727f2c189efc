"""Hash and check passwords. argon2id; the hashes of 2014 (`sha1:salt:digest`) are understood.

A hash is text, `argon2:$argon2id$...`, as Jupyter writes it. argon2 is imported
when a password is hashed or checked, not at start. Checking takes time and
memory on purpose: call it on a worker thread, few at once.
"""

import hashlib
import re
import secrets
from typing import Final

from carnet.errors import ConfigError
from carnet.security.tokens import equal

# RFC 9106's second choice is 64 MiB, 3 passes, 4 lanes: well above OWASP's floor of 19 MiB, 2, 1.
MEMORY_KIB: Final = 65536
PASSES: Final = 3
LANES: Final = 4

SALT_HEX: Final = 12

SHORTEST: Final = 12
"""Characters of a new password: what a public address needs (OWASP ASVS 5.0, 6.2.1, asks for 8 and advises 15)."""

_ARGON2: Final = re.compile(
    r"argon2:\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)
_DIGESTS: Final = ("sha1", "sha224", "sha256", "sha384", "sha512", "md5")


def hash_password(password: str, algorithm: str = "argon2") -> str:
    """Return the hash of a password.

    Raises:
        ValueError: an algorithm that is neither argon2 nor a digest of the 2014 form.
    """
    if algorithm == "argon2":
        import argon2  # a start does not need it

        hasher = argon2.PasswordHasher(memory_cost=MEMORY_KIB, time_cost=PASSES, parallelism=LANES)
        return f"argon2:{hasher.hash(password)}"
    if algorithm not in _DIGESTS:
        raise ValueError(f"There is no password algorithm {algorithm!r}. Use argon2.")
    salt = secrets.token_hex(SALT_HEX // 2)
    return f"{algorithm}:{salt}:{_digest(algorithm, password, salt)}"


def check_password(hashed: str, password: str) -> bool:
    """Return whether this is the password of the hash. A malformed hash matches nothing."""
    algorithm, _, rest = hashed.partition(":")
    if algorithm == "argon2":
        import argon2

        try:
            return argon2.PasswordHasher().verify(rest, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    salt, _, digest = rest.partition(":")
    if algorithm not in _DIGESTS or not digest:
        return False
    return equal(digest.lower(), _digest(algorithm, password, salt))


def check_form(hashed: str) -> None:
    """Make sure that a configured hash is one that some password can match.

    Raises:
        ConfigError: it is a placeholder, cut off, or a password in clear text.
    """
    algorithm, _, rest = hashed.partition(":")
    salt, _, digest = rest.partition(":")
    if _ARGON2.fullmatch(hashed):
        return
    if algorithm in _DIGESTS and salt and re.fullmatch(r"[0-9a-fA-F]+", digest):
        wanted = hashlib.new(algorithm, usedforsecurity=False).digest_size * 2
        if len(digest) == wanted:
            return
    raise ConfigError(
        "password: this is not the hash of a password, so nobody could sign in. "
        "Run `carnet passwd` and put what it prints here."
    )


def is_outdated(hashed: str) -> bool:
    """Return whether the hash should be made anew at the next login."""
    return not hashed.startswith(f"argon2:$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$")


def _digest(algorithm: str, password: str, salt: str) -> str:
    # As IPython made them: the digest of password and salt, in this order.
    return hashlib.new(algorithm, f"{password}{salt}".encode(), usedforsecurity=False).hexdigest()

"""`passwd` and `passwd_check`, as `IPython.lib.security` had them: for people who prepare a configuration by hand.

The prompts and sentences are those of the original, to the letter. The hash is
argon2id unless another algorithm is asked for. Nothing here reads or writes a file.
"""

import builtins
import getpass
import sys
import warnings
from typing import Final

from carnet.errors import ConfigError
from carnet.security.passwords import check_password, hash_password

TRIES: Final = 3

IN_HISTORY: Final = (
    "The password stands in this session's input history now, which IPython keeps in a file. "
    "Use passwd() without an argument, and choose another password."
)


class PasswordsDiffer(ConfigError):
    """Nobody managed to type the same password twice."""


def passwd(passphrase: str | None = None, algorithm: str = "argon2") -> str:
    """Return the hash of a password, for `c.NotebookApp.password`.

    Args:
        passphrase: the password. Leave it out to be asked, which keeps it out of every history.
        algorithm: `argon2`, or `sha1` and its like for programs that know no better.

    Raises:
        PasswordsDiffer: three tries, and never the same password twice.
        ValueError: there is no such algorithm.
    """
    if passphrase is None:
        passphrase = ask_twice()
    elif _is_in_ipython():
        warnings.warn(IN_HISTORY, UserWarning, stacklevel=2)
    return hash_password(passphrase, algorithm)


def passwd_check(hashed_passphrase: str, passphrase: str) -> bool:
    """Return whether this is the password of the hash. A malformed hash matches nothing."""
    return check_password(hashed_passphrase, passphrase)


def ask_twice() -> str:
    """Ask for a password until it was typed the same twice.

    Raises:
        PasswordsDiffer: it was not, three times.
    """
    for _ in range(TRIES):
        first = getpass.getpass("Enter password: ")
        if first == getpass.getpass("Verify password: "):
            return first
        sys.stdout.write("Passwords do not match.\n")
    raise PasswordsDiffer("No matching passwords found. Giving up.")


def _is_in_ipython() -> bool:
    # IPython puts the function there for as long as a shell lives.
    get_ipython = getattr(builtins, "get_ipython", None)
    return callable(get_ipython) and get_ipython() is not None

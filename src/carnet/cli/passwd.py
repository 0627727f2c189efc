"""`carnet passwd`: ask for a password twice, and print the hash for `NotebookApp.password`."""

import getpass
import sys
from collections.abc import Sequence
from typing import Final

from carnet.errors import ConfigError
from carnet.security.passwords import hash_password

TRIES: Final = 3
SHORTEST: Final = 8


def main(arguments: Sequence[str]) -> int:
    """Ask, and print the hash to stdout, all else to stderr."""
    if arguments:
        raise ConfigError("carnet passwd takes no arguments: what stands on a command line, others can read.")
    print(hash_password(ask()))
    print("Put it in your configuration: c.NotebookApp.password = '...'", file=sys.stderr)
    return 0


def ask() -> str:
    """Return a password typed twice.

    Raises:
        ConfigError: it was not the same three times.
    """
    for _ in range(TRIES):
        first = getpass.getpass("Enter password: ")
        if first != getpass.getpass("Verify password: "):
            print("Passwords do not match.", file=sys.stderr)
        elif len(first) < SHORTEST:
            print(f"A password needs at least {SHORTEST} characters.", file=sys.stderr)
        else:
            return first
    raise ConfigError("No matching passwords found. Giving up.")

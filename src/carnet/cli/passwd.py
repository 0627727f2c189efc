"""`carnet passwd`: ask for a password twice, and print the hash for `NotebookApp.password`."""

import sys
from collections.abc import Sequence

from carnet.errors import ConfigError
from carnet.lib.security import passwd


def main(arguments: Sequence[str]) -> int:
    """Ask, and print the hash to stdout, all else to stderr."""
    if arguments:
        raise ConfigError("carnet passwd takes no arguments: what stands on a command line, others can read.")
    print(passwd())
    print("Put it in your configuration: c.NotebookApp.password = '...'", file=sys.stderr)
    return 0

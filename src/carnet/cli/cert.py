"""`carnet cert [FILE] [NAME...]`: make a good self-signed certificate, and say how to use it."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from carnet.clock import SystemClock
from carnet.config.folders import config_folder
from carnet.errors import ConfigError
from carnet.security.certificates import make_self_signed, read_certificate, write_pair
from carnet.server.reachable import own_names

FILE: Final = "mycert.pem"


def main(arguments: Sequence[str]) -> int:
    """Make it. Without names: for every name and address of this machine."""
    unknown = [one for one in arguments if one.startswith("-") and one != "--force"]
    if unknown:
        raise ConfigError(
            f"There is no option {unknown[0]}. carnet cert [FILE.pem] [NAME or ADDRESS...] [--force]"
        )
    words = [one for one in arguments if not one.startswith("-")]
    path = config_folder(os.environ) / FILE
    if words and words[0].endswith(".pem"):
        path = Path(words.pop(0)).expanduser().absolute()
    if path.exists() and "--force" not in arguments:
        raise ConfigError(
            f"{path} is there already. --force replaces it; a running server takes up the new one."
        )
    write_pair(path, make_self_signed(words or own_names(), now_ms=SystemClock().now_ms()))
    made = read_certificate(path)
    ends = datetime.fromtimestamp(made.not_after_ms / 1000, UTC)
    print(f"Certificate and key are in {path}, readable by you only.")
    print(f"For: {', '.join(made.names)}")
    print(f"SHA-256 fingerprint: {made.sha256}")
    print(f"Valid until {ends:%d %B %Y}.")
    print(f"\nStart with it:     carnet --certfile={path}")
    print(f"or in a file:      c.NotebookApp.certfile = {str(path)!r}")
    print("The browser will ask once: compare the fingerprint, then go on.")
    return 0

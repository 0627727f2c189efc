"""`carnet`, `carnet notebook`: serve notebooks."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from carnet.config.load import load
from carnet.server.run import run


def main(arguments: Sequence[str]) -> int:
    """Start the server and run it to its end."""
    loaded = load(arguments, os.environ, Path.cwd())
    logging.basicConfig(
        level=loaded.settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    # asyncio and Tornado speak of sockets that come and go; only their warnings are for people.
    for name in ("asyncio", "tornado"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return run(loaded, os.environ, _say, _ask if sys.stdin.isatty() else None)


def _ask() -> str:
    from carnet.cli.passwd import ask_for_new  # most starts ask for nothing

    return ask_for_new()


def _say(text: str) -> None:
    if text:
        print(text, file=sys.stderr, flush=True)

"""`carnet passwd [--save [--without-codes]]`: ask for a password twice, and print its hash; `--save`: set it for this server.

Without a terminal, the first line of the input is the password: carnet passwd --save < FILE.
`--without-codes` removes one-time codes too, for those who lost them.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import load
from carnet.errors import ConfigError
from carnet.lib.security import ask_twice
from carnet.security.logins import LoginTable
from carnet.security.owner import owner_name
from carnet.security.passwords import SHORTEST, hash_password
from carnet.security.state import SecurityState

OWN: Final = frozenset({"--save", "--without-codes"})


def main(arguments: Sequence[str]) -> int:
    """Ask, and print the hash to stdout, all else to stderr."""
    if any(not one.startswith("-") for one in arguments):
        raise ConfigError("carnet passwd takes no password: what stands on a command line, others can read.")
    loaded = load([one for one in arguments if one not in OWN], os.environ, Path.cwd())
    if "--without-codes" in arguments and "--save" not in arguments:
        raise ConfigError("--without-codes goes with --save: it changes what the server asks for.")
    hashed = hash_password(ask_for_new())
    if "--save" not in arguments:
        print(hashed)
        print("Put it in your configuration: c.NotebookApp.password = '...'", file=sys.stderr)
        return 0
    save(
        state_folder(loaded.settings, os.environ),
        hashed,
        configured=loaded.settings.password,
        keeps_codes="--without-codes" not in arguments,
    )
    print(
        "The password is set, also for a server that runs. Every device must sign in again.", file=sys.stderr
    )
    return 0


def ask_for_new() -> str:
    """Return a password typed twice, not shorter than it should be.

    Raises:
        ConfigError: nobody typed one.
    """
    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\n")
        if len(typed) < SHORTEST:
            raise ConfigError(
                f"The first line of the input is the password; it needs at least {SHORTEST} characters."
            )
        return typed
    while True:
        typed = ask_twice()
        if len(typed) >= SHORTEST:
            return typed
        print(f"A password needs at least {SHORTEST} characters; a few words are best.", file=sys.stderr)


def save(folder: Path, hashed: str, *, configured: str, keeps_codes: bool = True) -> None:
    """Set the password of the server of a state folder, and sign every device out."""
    user, clock = owner_name(), SystemClock()
    state = SecurityState.open(folder, clock)
    logins = LoginTable(folder, clock)
    try:
        state.accounts.set_password(user, hashed, configured=configured)
        logins.end_all()
        if not keeps_codes and state.factors.remove(user):
            state.audit.note("totp-removed", user=user, detail="by carnet passwd")
        if not keeps_codes and state.factors.require_one(user):
            state.audit.note("two-factors-not-required", user=user, detail="by carnet passwd")
        state.audit.note("password-changed", user=user, detail="by carnet passwd")
    finally:
        logins.close()
        state.close()

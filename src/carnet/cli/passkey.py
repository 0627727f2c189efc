"""`carnet passkey list`, `carnet passkey remove NAME`: for the day a device with a passkey is lost.

Passkeys are made in a browser, on the account page. A running server knows one
no more at once; who is signed in with it stays so (`carnet passwd --save`
signs everybody out).
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import load
from carnet.errors import ConfigError
from carnet.security.owner import owner_name
from carnet.security.passkeys import SHORT_ID
from carnet.security.state import SecurityState

USAGE: Final = "carnet passkey list, or carnet passkey remove NAME"


def main(arguments: Sequence[str]) -> int:
    """Do what is asked for."""
    others = [one for one in arguments if one.startswith("-")]
    words = [one for one in arguments if not one.startswith("-")]
    folder = state_folder(load(others, os.environ, Path.cwd()).settings, os.environ)
    state = SecurityState.open(folder, SystemClock())
    try:
        match words:
            case ["list"]:
                _list(state)
            case ["remove", name]:
                _remove(state, name)
            case _:
                raise ConfigError(f"Say what to do: {USAGE}.")
    finally:
        state.close()
    return 0


def _list(state: SecurityState) -> None:
    passkeys = state.passkeys.all(owner_name())
    for one in passkeys:
        print(
            f"{one.passkey_id[:SHORT_ID]}  {one.name:<24} for {one.rp_id:<24} made {_when(one.created_ms)}  "
            f"last used {_when(one.used_ms)}"
        )
    if not passkeys:
        print("There are no passkeys. They are made in a browser, on the account page.", file=sys.stderr)


def _remove(state: SecurityState, name: str) -> None:
    user = owner_name()
    gone = state.passkeys.remove(user, name)
    state.audit.note("passkey-removed", user=user, detail=f"{gone.name}, by carnet passkey")
    print(f"Removed {gone.name}, which was for {gone.rp_id}.")
    if not state.passkeys.all(user) and state.factors.require_one(user):
        state.audit.note("two-factors-not-required", user=user, detail="by carnet passkey")
        print("It was the last one, so the password alone does again.", file=sys.stderr)


def _when(ms: int) -> str:
    return "never" if ms == 0 else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"

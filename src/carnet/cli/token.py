"""`carnet token create NAME --scope=... [--expires=90d]`, `list`, `revoke NAME`: keys for programs.

A token is printed once, on stdout alone, so that it can go straight into a file.
A running server knows it, or knows it no more, at once.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import load
from carnet.errors import ConfigError
from carnet.security.api_tokens import NEVER_MS, expiry_of
from carnet.security.owner import owner_name
from carnet.security.scopes import parse_scopes, written
from carnet.security.state import SecurityState

USAGE: Final = "carnet token create NAME --scope=read,run,edit [--expires=90d], carnet token list, carnet token revoke NAME"
LIFE: Final = "90d"
_OWN: Final = ("scope", "expires")


def main(arguments: Sequence[str]) -> int:
    """Do what is asked for."""
    own = dict(
        one[2:].split("=", 1) for one in arguments if one.startswith(tuple(f"--{name}=" for name in _OWN))
    )
    others = [one for one in arguments if one.startswith("-") and one[2:].partition("=")[0] not in _OWN]
    words = [one for one in arguments if not one.startswith("-")]
    folder = state_folder(load(others, os.environ, Path.cwd()).settings, os.environ)
    state = SecurityState.open(folder, SystemClock())
    try:
        match words:
            case ["create", name]:
                _create(state, name, own)
            case ["list"]:
                _list(state)
            case ["revoke", name]:
                revoked = state.tokens.revoke(name)
                state.audit.note("token-revoked", user=owner_name(), detail=revoked.name)
                print(f"Revoked {revoked.name}.")
            case _:
                raise ConfigError(f"Say what to do: {USAGE}.")
    finally:
        state.close()
    return 0


def _create(state: SecurityState, name: str, own: Mapping[str, str]) -> None:
    if "scope" not in own:
        raise ConfigError(f"Say what the token may do: --scope=read, run, edit or admin. {USAGE}")
    now_ms = SystemClock().now_ms()
    text, made = state.tokens.create(
        name,
        user=owner_name(),
        scopes=parse_scopes(own["scope"].split(",")),
        expires_ms=expiry_of(own.get("expires", LIFE), now_ms),
    )
    state.audit.note("token-created", user=made.user, detail=f"{name}: {written(made.scopes)}")
    print(text)
    print(
        f"It may {written(made.scopes)}, until {_when(made.expires_ms, 'it is revoked')}. It is not shown again.\n"
        "Send it as the header `Authorization: token ...`.",
        file=sys.stderr,
    )


def _list(state: SecurityState) -> None:
    tokens = state.tokens.all()
    for one in tokens:
        print(
            f"{one.name:<20} {written(one.scopes):<20} until {_when(one.expires_ms, 'revoked'):<18} "
            f"last used {_when(one.used_ms, 'never')}"
        )
    if not tokens:
        print("There are no tokens.", file=sys.stderr)


def _when(ms: int, otherwise: str) -> str:
    return otherwise if ms == NEVER_MS else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"

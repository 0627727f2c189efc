"""`carnet audit [--last=N] [--event=EVENT] [--json]`: who came in, who was refused, what was changed about coming in."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from carnet.clock import SystemClock
from carnet.config.folders import state_folder
from carnet.config.load import load
from carnet.errors import ConfigError
from carnet.security.audit import EVENTS
from carnet.security.state import SecurityState

LAST: Final = 50
_OWN: Final = ("last", "event", "json")


def main(arguments: Sequence[str]) -> int:
    """Print the last records, the oldest of them first."""
    own = {}
    others = []
    for one in arguments:
        name, _, value = one.removeprefix("--").partition("=")
        if one.startswith("--") and name in _OWN:
            own[name] = value
        else:
            others.append(one)
    if not own.get("last", "1").isdecimal():
        raise ConfigError(f"--last: a number is wanted, but it is {own['last']!r}.")
    event = own.get("event", "")
    if event and event not in EVENTS:
        raise ConfigError(f"--event: there is no event {event!r}. There are: {', '.join(EVENTS)}.")
    folder = state_folder(load(others, os.environ, Path.cwd()).settings, os.environ)
    state = SecurityState.open(folder, SystemClock())
    try:
        for record in state.audit.latest(int(own.get("last", LAST)), event=event):
            if "json" in own:
                print(json.dumps(asdict(record)))
                continue
            at = datetime.fromtimestamp(record.at_ms / 1000, UTC)
            who = " ".join(
                part for part in (record.user, record.address and f"from {record.address}") if part
            )
            print(f"{at:%Y-%m-%d %H:%M:%S} UTC  {record.event:<22} {who:<32} {record.detail}".rstrip())
    finally:
        state.close()
    return 0

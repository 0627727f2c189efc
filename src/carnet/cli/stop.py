"""`carnet stop [PORT|all] [--kernels]`: stop servers; kernels go on unless `--kernels` ends them too."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from carnet.config.folders import state_folder
from carnet.config.load import load
from carnet.errors import ConfigError
from carnet.server.running import RunningServer, running_servers
from carnet.server.workbench import end_host_of

PATIENCE_S: Final = 20.0


def main(arguments: Sequence[str]) -> int:
    """Stop what is named; without a name, the only one there is."""
    ends_kernels = "--kernels" in arguments
    options = [one for one in arguments if one.startswith("-") and one != "--kernels"]
    named = [one for one in arguments if not one.startswith("-")]
    folder = state_folder(load(options, os.environ, Path.cwd()).settings, os.environ)
    servers = _chosen(running_servers(folder), named)
    if not servers:
        print("No server runs.")
    for server in servers:
        os.kill(server.pid, signal.SIGTERM)
    if not _wait(folder, {server.pid for server in servers}):
        raise ConfigError(
            f"A server did not stop within {PATIENCE_S:.0f} s. It may be saving; look again in a moment."
        )
    for server in servers:
        print(f"Stopped {server.url}")
    if ends_kernels:
        ended = asyncio.run(end_host_of(folder))
        print("All kernels ended." if ended else "No kernel ran.")
    return 0


def _chosen(running: Sequence[RunningServer], named: Sequence[str]) -> Sequence[RunningServer]:
    if "all" in named:
        return running
    if named:
        chosen = [server for server in running if str(server.port) in named]
        if not chosen:
            raise ConfigError(
                f"No server runs on port {' or '.join(named)}. `carnet list` shows those that run."
            )
        return chosen
    if len(running) > 1:
        ports = ", ".join(str(server.port) for server in running)
        raise ConfigError(
            f"Several servers run, on ports {ports}. Say which: carnet stop PORT, or carnet stop all."
        )
    return running


def _wait(folder: Path, pids: set[int]) -> bool:
    """Wait until these servers have ended."""
    until_s = time.monotonic() + PATIENCE_S
    while pids & {server.pid for server in running_servers(folder)}:
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True

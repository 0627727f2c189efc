"""`carnet list [--json]`: the servers that run on this state folder. Never shows a token."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from carnet.config.folders import state_folder
from carnet.config.load import load
from carnet.server.running import running_servers


def main(arguments: Sequence[str]) -> int:
    """Print one line a server, or a JSON object a line."""
    as_json = "--json" in arguments
    loaded = load([one for one in arguments if one != "--json"], os.environ, Path.cwd())
    servers = running_servers(state_folder(loaded.settings, os.environ))
    for server in servers:
        print(
            json.dumps(server._asdict())
            if as_json
            else f"{server.url}  {server.notebook_dir}  (process {server.pid})"
        )
    if not servers and not as_json:
        print("No server runs.")
    return 0

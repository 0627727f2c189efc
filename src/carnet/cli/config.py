"""`carnet config [NAME] [--json] [OPTION...]`: the settings in force, and where each comes from. Secrets are not shown."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from carnet.config.load import load
from carnet.config.names import near
from carnet.config.settings import NAMES
from carnet.config.show import in_force, of_others
from carnet.errors import ConfigError


def main(arguments: Sequence[str]) -> int:
    """Print them: those that somebody set first."""
    names = [one for one in arguments if not one.startswith("-")]
    loaded = load(
        [one for one in arguments if one.startswith("-") and one != "--json"], os.environ, Path.cwd()
    )
    for name in names:
        if name not in NAMES:
            offer = near(name)
            raise ConfigError(f"There is no setting {name!r}." + (f" Did you mean {offer}?" if offer else ""))
    rows = [row for row in in_force(loaded) if not names or row[0] in names]
    if "--json" in arguments:
        for name, value, source in rows:
            print(json.dumps({"name": name, "value": value, "source": source}, default=str))
        return 0
    for name, value, source in rows:
        print(f"{name:<24} {value!r:<32} {source}")
    if not names:
        for full_name, value in of_others(loaded):
            print(f"{full_name:<24} {value!r}")
        for note in loaded.notes:
            print(note)
        print("Files read: " + (", ".join(str(path) for path in loaded.files) or "none") + ".")
    return 0

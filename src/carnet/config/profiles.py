"""Profiles: folders of configuration, shared with IPython, so that a profile's kernels get what its server gets.

A profile `x` is the folder `profile_x` in IPython's folder. What is in one
already is never changed.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from carnet.errors import ConfigError

FILE: Final = "ipython_notebook_config.py"
"""The name of 2014."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_PREFIX: Final = "profile_"


@dataclass(frozen=True)
class Profile:
    """One profile."""

    name: str
    folder: Path
    has_file: bool
    """Whether there is a configuration of the notebook server in it."""


def profile_folder(ipython_folder: Path, name: str) -> Path:
    """Return where a profile is, or would be.

    Raises:
        ConfigError: it cannot be the name of one.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be the name of a profile. Use letters, digits, `-`, `_` and `.`.")
    return ipython_folder / f"{_PREFIX}{name}"


def create_profile(folder: Path, text: str, *, replaces: bool) -> bool:
    """Make a profile's folder, and its configuration file with this text; return whether the file was written.

    Raises:
        ConfigError: the folder cannot be made, or the file not written.
    """
    path = folder / FILE
    try:
        # `startup` is where IPython looks for scripts of a profile; it makes what else it needs.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "startup").mkdir(mode=0o700, exist_ok=True)
        if path.exists() and not replaces:
            return False
        # Private: people put password hashes here.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"The profile {folder} cannot be written: {error.strerror}.") from error
    return True


def profiles(ipython_folder: Path) -> Sequence[Profile]:
    """Return all profiles, by name."""
    found = [
        Profile(path.name.removeprefix(_PREFIX), path, (path / FILE).is_file())
        for path in (ipython_folder.iterdir() if ipython_folder.is_dir() else ())
        if path.name.startswith(_PREFIX) and path.is_dir()
    ]
    return sorted(found, key=lambda one: one.name)

"""Bring together what is said about settings: defaults, files, environment, command line. The last one wins.

Traitlets is imported only where there is a file to read, or a setting for a
class that is not ours: a plain start pays nothing for it. Configuration is
never read from the folder that is served, nor from the current one.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from carnet.config.command_line import Given, read_command_line
from carnet.config.folders import config_folder, ipython_folder
from carnet.config.names import manager_class_of
from carnet.config.settings import NAMES, Settings, checked, parse
from carnet.errors import ConfigError

if TYPE_CHECKING:
    from traitlets.config import Config

#: Names of configuration files, the weakest first.
FILE_NAMES: Final = (
    "ipython_notebook_config.py",
    "jupyter_notebook_config.json",
    "jupyter_notebook_config.py",
    "jupyter_server_config.json",
    "jupyter_server_config.py",
    "carnet_config.json",
    "carnet_config.py",
)

#: Environment variables of Jupyter's that mean a setting. Ours are CARNET_ and the setting's name in capitals.
JUPYTER_ENVIRONMENT: Final[Mapping[str, str]] = {"JUPYTER_TOKEN": "token"}

#: Secrets: taken out of the environment that kernels inherit.
SECRET_ENVIRONMENT: Final = ("CARNET_TOKEN", "JUPYTER_TOKEN", "CARNET_PASSWORD")


class Loaded(NamedTuple):
    """Settings in force, and where they come from."""

    settings: Settings
    given: Given
    sources: Mapping[str, str] = MappingProxyType({})
    """Setting to where its value comes from, for people; a setting that is not here has its default."""
    files: tuple[Path, ...] = ()
    """Configuration files read, the weakest first."""
    other: "Config | None" = None
    """What is set on classes that are not ours. None: nothing."""
    open_path: str = ""
    """Notebook to open at start, relative to `notebook_dir`."""
    notes: tuple[str, ...] = ()
    """What is to be said at start: settings that mean nothing here, one sentence each."""

    def is_set(self, name: str) -> bool:
        """Return whether somebody set this setting."""
        return name in self.sources


def load(arguments: Sequence[str], env: Mapping[str, str], cwd: Path) -> Loaded:
    """Return the settings in force.

    Raises:
        ConfigError: a mistake in a file, the environment or the command line: what, where, and the way out.
    """
    given = read_command_line(arguments)
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    files = find_files(given.files, env, cwd)
    notes = list(given.notes)
    other: Config | None = None
    if files or given.other:
        from carnet.config import app  # traitlets, only where it is needed

        found = app.read_files(files)
        values |= found.values
        sources |= found.sources
        notes += found.notes
        other = app.other_config(found.other, given.other)
    for variable, name in environment_names().items():
        if variable in env:
            values[name] = _from_environment(variable, name, env[variable])
            sources[name] = f"environment variable {variable}"
    values |= given.values
    sources |= dict.fromkeys(given.values, "command line")
    open_path = _open_rest(given, values, sources, cwd)
    if "notebook_manager_class" in values:
        values["notebook_manager_class"] = manager_class_of(
            cast("str | type", values["notebook_manager_class"])
        )
    # The kinds were checked where the values came in.
    settings = checked(dataclasses.replace(Settings(), **cast("dict[str, Any]", values)))
    return Loaded(settings, given, sources, tuple(files), other, open_path, tuple(notes))


def environment_names() -> dict[str, str]:
    """Return the environment variables that are understood, and the settings they stand for. Ours come last."""
    ours = {f"CARNET_{name.upper()}": name for name in sorted(NAMES)}
    return {**JUPYTER_ENVIRONMENT, **ours}


def find_files(named: Mapping[str, str], env: Mapping[str, str], cwd: Path) -> list[Path]:
    """Return the configuration files to read, the weakest first.

    The profile's folder, Jupyter's folder if JUPYTER_CONFIG_DIR names it, our own folder, then `--config`.

    Raises:
        ConfigError: a profile or a file that was named is not there.
    """
    folders = [_profile_folder(named, env, cwd)]
    if env.get("JUPYTER_CONFIG_DIR"):
        folders.append(Path(env["JUPYTER_CONFIG_DIR"]).expanduser().absolute())
    folders.append(config_folder(env))
    found = [folder / name for folder in folders for name in FILE_NAMES if (folder / name).is_file()]
    if "config" in named:
        path = (cwd / Path(named["config"]).expanduser()).absolute()
        if not path.is_file():
            raise ConfigError(f"--config: there is no file {path}.")
        found.append(path)
    return found


def _profile_folder(named: Mapping[str, str], env: Mapping[str, str], cwd: Path) -> Path:
    if "profile-dir" in named:
        folder = (cwd / Path(named["profile-dir"]).expanduser()).absolute()
    else:
        folder = ipython_folder(env) / f"profile_{named.get('profile', 'default')}"
    if not folder.is_dir() and ("profile" in named or "profile-dir" in named):
        raise ConfigError(f"There is no profile folder {folder}. Make it, or check the name.")
    return folder


def _from_environment(variable: str, name: str, text: str) -> object:
    try:
        return parse(name, text)
    except ConfigError as error:
        raise ConfigError(f"Environment variable {variable}: {str(error).partition(': ')[2]}") from None


def _open_rest(given: Given, values: dict[str, object], sources: dict[str, str], cwd: Path) -> str:
    """Take `carnet FOLDER` or `carnet FILE.ipynb` for what it means, and return the file to open."""
    if not given.rest:
        return ""
    path = (cwd / given.rest[0]).absolute()
    if not path.exists():
        raise ConfigError(
            f"There is no folder or notebook {path}, and no sub-command of that name. `carnet help` lists them."
        )
    if path.is_dir():
        values["notebook_dir"], sources["notebook_dir"] = str(path), "command line"
        return ""
    root = Path(str(values.get("notebook_dir") or path.parent)).expanduser().absolute()
    if not path.is_relative_to(root):
        raise ConfigError(f"{path} is not below the folder that is served, {root}.")
    values["notebook_dir"], sources["notebook_dir"] = str(root), sources.get("notebook_dir", "command line")
    return path.relative_to(root).as_posix()

"""Where state and configuration live: one folder each, per user. It makes no folder.

On Linux the rules of the XDG base directories are followed here, in place of
`platformdirs`, whose import costs a twelfth of a start; elsewhere it is asked.
A test holds one against the other.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from carnet.config.settings import Settings


def state_folder(settings: Settings, env: Mapping[str, str]) -> Path:
    """Return the folder for journals, logins, blobs and sockets."""
    if settings.state_dir:
        return Path(settings.state_dir).expanduser().absolute()
    return default_state_folder(env)


def default_state_folder(env: Mapping[str, str]) -> Path:
    """Return the folder that is used where nobody names one."""
    if env.get("CARNET_STATE_DIR"):
        return Path(env["CARNET_STATE_DIR"]).expanduser().absolute()
    if sys.platform == "linux":
        return _xdg(env, "XDG_STATE_HOME", ".local/state") / "carnet"
    import platformdirs  # see above

    return Path(platformdirs.user_state_dir("carnet", appauthor=False))


def config_folder(env: Mapping[str, str]) -> Path:
    """Return the folder of Carnet's own configuration files."""
    if env.get("CARNET_CONFIG_DIR"):
        return Path(env["CARNET_CONFIG_DIR"]).expanduser().absolute()
    if sys.platform == "linux":
        return _xdg(env, "XDG_CONFIG_HOME", ".config") / "carnet"
    import platformdirs

    return Path(platformdirs.user_config_dir("carnet", appauthor=False))


def ipython_folder(env: Mapping[str, str]) -> Path:
    """Return IPython's folder, which holds the profiles."""
    named = env.get("IPYTHONDIR") or env.get("IPYTHON_DIR")
    return Path(named).expanduser().absolute() if named else Path.home() / ".ipython"


def _xdg(env: Mapping[str, str], name: str, default: str) -> Path:
    named = env.get(name, "").strip()
    # The XDG rules: a relative path is not valid and must be ignored.
    return Path(named) if named.startswith("/") else Path.home() / default

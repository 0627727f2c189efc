"""Where state and configuration live."""

import sys
from pathlib import Path

import platformdirs
import pytest

from carnet.config.folders import config_folder, ipython_folder, state_folder
from carnet.config.settings import Settings


@pytest.mark.parametrize("xdg", ["", "/x/y", "relative"])
def test_they_are_those_of_platformdirs(monkeypatch: pytest.MonkeyPatch, xdg: str) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, xdg)
    if xdg == "relative":  # platformdirs takes it; the XDG rules say to ignore it
        assert sys.platform != "linux" or state_folder(Settings(), {"XDG_STATE_HOME": xdg}).is_absolute()
        return

    env = {"XDG_STATE_HOME": xdg, "XDG_CONFIG_HOME": xdg}

    assert state_folder(Settings(), env) == Path(platformdirs.user_state_dir("carnet", appauthor=False))
    assert config_folder(env) == Path(platformdirs.user_config_dir("carnet", appauthor=False))


def test_the_setting_comes_before_the_environment() -> None:
    env = {"CARNET_STATE_DIR": "/env", "CARNET_CONFIG_DIR": "/env/config", "IPYTHONDIR": "/env/ipython"}

    assert state_folder(Settings(state_dir="/set"), env) == Path("/set")
    assert state_folder(Settings(), env) == Path("/env")
    assert config_folder(env) == Path("/env/config")
    assert ipython_folder(env) == Path("/env/ipython")
    assert ipython_folder({}) == Path.home() / ".ipython"

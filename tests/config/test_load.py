"""What is in force: the last one wins, and nobody's folder configures the server."""

import subprocess
import sys
from pathlib import Path

import pytest

from carnet.config.load import FILE_NAMES, find_files, load
from carnet.errors import ConfigError
from tests.server.serving import clean_environment


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    for name in ("config", "ipython", "jupyter"):
        (tmp_path / name).mkdir()
    return {
        "CARNET_CONFIG_DIR": str(tmp_path / "config"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
    }


def test_defaults_files_environment_command_line(tmp_path: Path, env: dict[str, str]) -> None:
    def port(*arguments: str, **more: str) -> tuple[int, str]:
        loaded = load(arguments, {**env, **more}, tmp_path)
        return loaded.settings.port, loaded.sources.get("port", "default").replace(str(tmp_path), "")

    assert port() == (8888, "default")
    (tmp_path / "jupyter" / "jupyter_server_config.py").write_text("c.ServerApp.port = 1\n")
    assert port() == (1, "/jupyter/jupyter_server_config.py, line 1")
    (tmp_path / "config" / "carnet_config.py").write_text("\nc.NotebookApp.port = 2\n")
    assert port() == (2, "/config/carnet_config.py, line 2")
    (tmp_path / "mine.py").write_text("c.NotebookApp.port = 3\n")
    assert port("--config=mine.py") == (3, "/mine.py, line 1")
    assert port("--config=mine.py", CARNET_PORT="4") == (4, "environment variable CARNET_PORT")
    assert port("--config=mine.py", "--port=5", CARNET_PORT="4") == (5, "command line")


def test_tokens_from_the_environment(tmp_path: Path, env: dict[str, str]) -> None:
    assert load([], {**env, "JUPYTER_TOKEN": "a"}, tmp_path).settings.token == "a"
    assert load([], {**env, "JUPYTER_TOKEN": "a", "CARNET_TOKEN": "b"}, tmp_path).settings.token == "b"
    assert load([], env, tmp_path).settings.token is None
    with pytest.raises(ConfigError, match="CARNET_PORT: a whole number"):
        load([], {**env, "CARNET_PORT": "x"}, tmp_path)


def test_the_folder_that_is_served_configures_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    root = tmp_path / "notebooks"
    root.mkdir()
    for name in FILE_NAMES:
        (root / name).write_text("c.NotebookApp.token = ''\n")

    assert find_files({}, env, root) == []
    assert load([f"--notebook-dir={root}"], env, root).settings.token is None


def test_s22_a_profile(tmp_path: Path, env: dict[str, str]) -> None:
    profile = tmp_path / "ipython" / "profile_nbserver"
    profile.mkdir()
    (profile / "ipython_notebook_config.py").write_text("c.NotebookApp.port = 9999\n")

    assert load(["--profile=nbserver"], env, tmp_path).settings.port == 9999
    assert load([f"--profile-dir={profile}"], env, tmp_path).settings.port == 9999
    assert load([], env, tmp_path).settings.port == 8888
    with pytest.raises(ConfigError, match="no profile folder"):
        load(["--profile=nothing"], env, tmp_path)
    with pytest.raises(ConfigError, match="there is no file"):
        load(["--config=nothing.py"], env, tmp_path)


def test_a_folder_or_a_notebook_can_be_named(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "n.ipynb").touch()

    folder, notebook = load(["sub"], env, tmp_path), load(["sub/n.ipynb"], env, tmp_path)
    below = load(["sub/n.ipynb", f"--notebook-dir={tmp_path}"], env, tmp_path)

    assert (folder.settings.notebook_dir, folder.open_path) == (str(tmp_path / "sub"), "")
    assert (notebook.settings.notebook_dir, notebook.open_path) == (str(tmp_path / "sub"), "n.ipynb")
    assert (below.settings.notebook_dir, below.open_path) == (str(tmp_path), "sub/n.ipynb")
    with pytest.raises(ConfigError, match="no folder or notebook"):
        load(["nothing"], env, tmp_path)
    with pytest.raises(ConfigError, match="not below"):
        load(["sub/n.ipynb", "--notebook-dir=/usr"], env, tmp_path)


def test_a_plain_start_imports_no_traitlets(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from carnet.config.load import load;"
        "load(['--port=1', '--NotebookApp.token=x'], {'CARNET_CONFIG_DIR': '/none', 'IPYTHONDIR': '/none'}, Path('/'));"
        "print([name for name in sys.modules if name.startswith('traitlets')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment(tmp_path),
    )

    assert done.stdout.strip() == "[]"

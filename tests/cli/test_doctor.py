"""`carnet doctor` without a server: this machine, and command lines that are wrong."""

from pathlib import Path

import pytest

from tests.server.serving import run_cli


def test_without_a_server_it_looks_at_this_machine(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "doctor", f"--state-dir={tmp_path / 'state'}")

    assert done.returncode == 0, done.stderr
    assert "There is no state folder yet" in done.stdout
    assert "No server of yours runs here" in done.stdout
    assert "Nothing is wrong." in done.stdout
    assert not (tmp_path / "state").exists()


def test_a_state_folder_that_others_can_read_is_wrong(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)

    done = run_cli(tmp_path, "doctor", f"--state-dir={state}")

    assert done.returncode == 1
    assert f"chmod 700 {state}" in done.stdout


def test_a_damaged_database_is_wrong(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "carnet.sqlite3").write_bytes(b"no database" * 1000)

    done = run_cli(tmp_path, "doctor", f"--state-dir={state}")

    assert done.returncode == 1
    assert "is damaged" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("ftp://example.org", "is not an address"),
        ("http://[::1", "is not an address"),
        ("--idle=soon", "--idle: a number"),
        ("--idle=1000", "--idle: a number"),
        ("--proxy=iis", "there is no 'iis'"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path: Path, argument: str, said: str) -> None:
    done = run_cli(tmp_path, "doctor", argument)

    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1

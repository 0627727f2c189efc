"""A home of its own for each command, and a way to run one."""

import getpass
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from carnet.cli.main import main

Types = Callable[..., None]


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """An input with a person at it."""

    def isatty(self) -> bool:
        return True


class Home:
    """A user's home, and commands run there."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.state = folder / "state"

    def types(self, *words: str) -> None:
        """Have these words typed where a password is asked for."""
        waiting = list(words)
        self._monkeypatch.setattr(getpass, "getpass", lambda _prompt: waiting.pop(0))
        self._monkeypatch.setattr(sys, "stdin", Terminal())

    def gets(self, text: str) -> None:
        """Have this come in where there is no terminal."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    def presses(self, raised: type[BaseException]) -> None:
        """Have Ctrl-C (KeyboardInterrupt) or Ctrl-D (EOFError) pressed where a password is asked for."""

        def press(_prompt: str) -> str:
            raise raised

        self._monkeypatch.setattr(getpass, "getpass", press)
        self._monkeypatch.setattr(sys, "stdin", Terminal())

    def run(self, *arguments: str) -> Ran:
        """Run a command line."""
        code = main(arguments)
        said = self._capsys.readouterr()
        return Ran(code, said.out, said.err)


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("CARNET_TOKEN", "CARNET_PASSWORD", "JUPYTER_TOKEN", "JUPYTER_CONFIG_DIR", "IPYTHON_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("CARNET_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CARNET_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path, capsys, monkeypatch)


def lines_of(text: str) -> Sequence[str]:
    """Return lines, with runs of spaces as one."""
    return [" ".join(line.split()) for line in text.splitlines()]

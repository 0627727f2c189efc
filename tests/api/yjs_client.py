"""Jupyter's shared notebook over y-websocket in a Node of its own, as JupyterLab has it; driven line by line."""

import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.api.installed import CLIENTS, node_clients, node_path

PATIENCE_S = 60.0
"""A fault, not a measure."""


class YjsClient:
    """One client on one notebook, or with `text.mjs` on one text file. It keeps its document while it is away."""

    def __init__(self, url: str, token: str, path: str, script: str = "yjs.mjs") -> None:
        folder = node_clients()
        shutil.copy(CLIENTS / script, folder / script)
        self._process = subprocess.Popen(
            [node_path(), folder / script, url, token, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        self.do("come")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def do(self, what: str, **how: Any) -> Any:
        """Do what a command of the script says, and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **how}) + "\n")
        self._process.stdin.flush()
        answer = self._answers.get(timeout=PATIENCE_S)
        assert answer, f"{what}: the client has ended"
        return json.loads(answer)

    def sources(self) -> list[str]:
        """The sources of the cells."""
        return [cell["source"] for cell in self.do("cells")]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")


def script_of(name: str) -> Path:
    """Return where a script for another environment is."""
    return CLIENTS / name

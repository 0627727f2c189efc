"""Numbered lines: what a cell prints so that a test can say which are lost and which doubled."""

import re

from carnet.core.notebook.model import Stream
from carnet.core.session.state import SessionState
from tests.support.server import CarnetServer

LINES = 10_000


def printing(*, pause_s: float, every: int = 50) -> str:
    """Return code that prints the lines, with a pause after each so many."""
    return (
        f"import time\nfor number in range({LINES}):\n    print(f'line {{number:06d}}')\n"
        f"    if number % {every} == {every - 1}:\n        time.sleep({pause_s})"
    )


def text_of(server: CarnetServer, state: SessionState, index: int) -> str:
    """Return all that a cell has printed: head, spilled parts as the page fetches them, and the rest."""
    found = ""
    for output in state.cells[state.order[index]].cell.outputs:
        if isinstance(output, Stream):
            found += output.head
            for part in output.spilled:
                status, data = server.request("GET", f"/blobs/{part.blob.sha256}")
                assert status == 200
                found += data.decode()
            found += output.text
    return found


def missing_and_doubled(text: str) -> tuple[int, int]:
    """Return how many of the lines are missing, and how many are there more than once."""
    numbers = re.findall(r"^line (\d{6})$", text, re.MULTILINE)
    return LINES - len(set(numbers)), len(numbers) - len(set(numbers))

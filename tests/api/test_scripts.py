"""Every example of docs/howto/use-it-from-scripts.md is run, in order, by the shell that the page is written for."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.serving import ROOT, Server, serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGE = ROOT / "docs" / "howto" / "use-it-from-scripts.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server with what the page takes for granted."""
    with serve(tmp_path) as server:
        (server.notebook_dir / "reports").mkdir()
        (server.notebook_dir / "reports" / "a.txt").write_text("a")
        (server.notebook_dir / "notes.txt").write_text("old\n")
        (server.notebook_dir / "plot.ipynb").write_text(
            '{"cells": [{"cell_type": "code", "id": "first", "source": "6 * 7", "metadata": {}, "outputs": [],'
            ' "execution_count": null}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
        )
        yield server


def test_every_example_runs(own: Server, tmp_path: Path) -> None:
    curl, bash = shutil.which("curl"), shutil.which("bash")
    if curl is None or bash is None:
        pytest.skip("curl and bash are what the page is about, and are not here")
    blocks = _BLOCK.findall(PAGE.read_text())
    assert len(blocks) >= 8
    script = "\n".join(
        # Each on its own is to succeed; `set -e` sees also what is in a pipe.
        f"echo '== {number}'\n{block}"
        for number, block in enumerate(blocks)
    )
    script = script.replace("http://127.0.0.1:8888", own.url.rstrip("/"))
    (tmp_path / "bin").mkdir()
    carnet = tmp_path / "bin" / "carnet"
    carnet.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m carnet "$@" --state-dir="{own.state_folder}"\n')
    carnet.chmod(0o755)
    (tmp_path / "data.csv").write_text("1,2\n" * 1000)
    done = subprocess.run(
        [bash, "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert '"pending":false' in said
    assert "42" in said
    assert (own.notebook_dir / "notes.txt").read_text() == "new\n"
    assert "42" in (own.notebook_dir / "plot.ipynb").read_text()

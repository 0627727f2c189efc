"""Notebooks of others, run all in Carnet and by nbclient on the same kernelspec: the same outputs, and nothing else changed."""

import asyncio
import os
import shutil
from functools import partial
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from carnet.core.session.intents import StartKernel
from tests.integration import foreign
from tests.support.files import FileNotebook, read_file
from tests.support.link_client import LinkClient
from tests.support.seeds import ROUNDS
from tests.support.server import CarnetServer

FEW = 11
"""So many notebooks for each change; all of them with CARNET_FAULT_ROUNDS."""


def _content(notebook: FileNotebook) -> list[object]:
    """Return all that a run must not change."""
    return [(cell.cell_type, cell.source, cell.metadata, cell.get("attachments")) for cell in notebook.cells]


def _metadata(notebook: FileNotebook) -> dict[str, object]:
    told = {"kernelspec", "language_info", "orig_nbformat", "orig_nbformat_minor"}
    return {key: value for key, value in notebook.metadata.items() if key not in told}


async def _by_nbclient(file: Path, notebook: FileNotebook) -> FileNotebook:
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(file.parent)}},
        record_timing=False,
    )
    try:
        await client.async_execute()
    except CellExecutionError:
        pass  # Carnet stops there too; what ran until then is compared
    return notebook


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_foreign_notebooks_give_what_nbclient_gives_and_are_changed_nowhere_else(
    server: CarnetServer,
) -> None:
    found = foreign.notebooks(foreign.fetch())
    assert len(found) >= FEW
    names = list(found) if ROUNDS else list(found)[:: max(1, len(found) // FEW)][:FEW]
    ran = 0
    for name in names:
        path = f"foreign/{name}.ipynb"
        file = server.notebooks / path
        file.parent.mkdir(exist_ok=True)
        shutil.copy(found[name], file)
        os.chmod(file, 0o644)
        before = read_file(file)
        other = asyncio.create_task(_by_nbclient(file, read_file(file)))
        async with server.tab(path) as tab:
            # Some are for a kernelspec that is not installed here.
            await tab.acknowledged(await tab.intend(StartKernel(kernelspec="python3")))
            await tab.run(*tab.now.order)
            await tab.wait(partial(_is_over, tab))
            outcomes = [tab.now.cells[cell_id].last for cell_id in tab.now.order]
            kernel = tab.now.kernel.id
        after, expected = read_file(file), await other
        assert _content(after) == _content(before), name
        assert _metadata(after) == _metadata(before), name
        for index, (ours, theirs) in enumerate(zip(after.cells, expected.cells, strict=True)):
            if not theirs.source.strip():
                # nbclient passes over empty cells; in a page, running one clears it.
                assert not foreign.comparable(ours)
                continue
            assert foreign.comparable(ours) == foreign.comparable(theirs), f"{name}, cell {index}"
            last = outcomes[index]
            # A cell that was queued behind an error loses its number, and nothing else (SE12).
            aborted = last is not None and last.outcome == "aborted"
            count = None if aborted else theirs.get("execution_count")
            assert ours.get("execution_count") == count, f"{name}, cell {index}"
        ran += any(last is not None for last in outcomes)
        if kernel is not None:
            server.request("DELETE", f"/api/kernels/{kernel}")
    assert ran >= 10


def _is_over(tab: LinkClient) -> bool:
    return not tab.now.runs and tab.now.saved.seq >= tab.now.changed_seq

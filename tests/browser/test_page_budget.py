"""What a notebook page costs before a cell can be edited: bytes and requests, counted in a real browser.

Sizes, not times. The build has the same budget for its files (ui/vite.pages.ts);
this counts what really goes over the wire, HTML and link included.
"""

from pathlib import Path

import pytest

from benchmarks.browser import Loaded, chromium, load, signed_in
from benchmarks.notebooks import cells_of, encoded
from benchmarks.servers import Carnet

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COLD_KILOBYTES = 180
COLD_REQUESTS = 6
WARM_KILOBYTES = 1

#: The browser asks for its icon by itself, when it likes, and the page does not wait for it.
NOT_NEEDED = "favicon.ico"


def needed(loaded: Loaded) -> list[str]:
    """Return what was loaded for the page, `address bytes` each."""
    return [name for name in loaded.names if NOT_NEEDED not in name]


def kilobytes(names: list[str]) -> float:
    return sum(int(name.rpartition(" ")[2]) for name in names) / 1e3


async def test_a_cell_can_be_edited_within_the_budget(tmp_path: Path) -> None:
    server = Carnet(tmp_path)
    (server.notebooks / "a.ipynb").write_bytes(encoded(cells_of(10)))
    with server:
        async with chromium() as browser, signed_in(browser, server) as context:
            cold = await load(context, server, "notebooks/a.ipynb", "value = 0 * 2")
            warm = await load(context, server, "notebooks/a.ipynb", "value = 0 * 2")

    files = needed(cold)
    assert kilobytes(files) <= COLD_KILOBYTES, files
    # And one for the link.
    assert len(files) + 1 <= COLD_REQUESTS, files
    assert kilobytes(needed(warm)) <= WARM_KILOBYTES, needed(warm)

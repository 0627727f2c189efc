"""A kernel that the system kills for its memory: the notebook says so, with how much it had and what the limit was.

Needs to make a control group with a limit; where that is not possible these tests are not selected (`conftest.py`).
"""

from pathlib import Path

import pytest

from tests.support.cgroups import memory_group
from tests.support.seeds import figure
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.cgroup]

LIMIT_BYTES = 800 << 20


async def test_km_a_kernel_that_is_killed_for_its_memory_says_so(tmp_path: Path) -> None:
    with memory_group(LIMIT_BYTES) as group, CarnetServer(tmp_path, group=group) as server:
        server.write("a.ipynb", ["print('before')", "hoard = b'x' * (2 << 30)", "print('after')"])
        async with server.tab("a.ipynb") as tab:
            runs = await tab.run(*tab.now.order)
            await tab.wait(lambda: tab.now.kernel.status == "dead")
            obituary = tab.now.kernel.obituary
            assert obituary is not None
            assert obituary.out_of_memory
            assert obituary.signal == 9
            assert obituary.limit_bytes == LIMIT_BYTES
            assert obituary.run_id == runs[1]
            [notice] = [notice for notice in tab.now.notices if notice.id == "kernel-died"]
            assert "it ran out of memory (it used up to " in notice.text
            assert "the limit is 800 MiB" in notice.text
            assert not tab.now.runs
            # All is well afterwards: server and host live, and the next run starts a new kernel.
            await tab.run(tab.now.order[0])
            await tab.wait_done(0)
            assert tab.text(0) == "before\n"
    figure(f"out of memory: {notice.text!r}")

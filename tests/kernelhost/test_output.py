"""What a kernel process writes to its real stdout and stderr (HO43)."""

import asyncio
import os
from pathlib import Path

from carnet.kernelhost.output import TAIL_BYTES, OutputTail


async def test_ho43_the_last_of_a_flood_is_kept_and_nobody_waits(tmp_path: Path) -> None:
    tail = OutputTail(tmp_path / "out")
    writer = tail.for_the_kernel()
    flood = b"".join(b"line %d\n" % number for number in range(500_000))
    # Longer than the pipe holds: this returns only because the other end is drained meanwhile.
    await asyncio.to_thread(_write_all, writer, flood)
    text = tail.text()
    while not text.endswith("line 499999\n"):
        text = tail.text()
    assert len(text) == TAIL_BYTES
    tail.clear()
    assert tail.text() == ""
    os.close(writer)
    tail.close()
    assert not (tmp_path / "out").exists()


async def test_ho43_the_next_host_reads_on(tmp_path: Path) -> None:
    first = OutputTail(tmp_path / "out")
    writer = first.for_the_kernel()
    # As when the host is killed: its ends close, the kernel's stays.
    asyncio.get_running_loop().remove_reader(first._file)
    os.close(first._file)
    os.close(first._writer)
    os.write(writer, b"said to nobody\n")
    second = OutputTail(tmp_path / "out")
    assert second.text() == "said to nobody\n"
    os.close(writer)
    second.close()


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]

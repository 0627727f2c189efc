"""A control group with a memory limit, where the system lets us make one: version 2, or version 1 below our own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carnet.ids import new_id

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """Make one, and take it away at the end, when no process is left in it.

    Raises:
        OSError: we may not, or there are no control groups.
    """
    parent, limit_file = _parent()
    folder = parent / f"carnet-test-{new_id()}"
    folder.mkdir()
    try:
        (folder / limit_file).write_text(str(limit_bytes))
        # Swap would only put off what the test waits for. Not every system has the file.
        swap = folder / "memory.swap.max"
        if swap.exists():
            swap.write_text("0")
        yield folder
    finally:
        folder.rmdir()


def can_limit_memory() -> bool:
    """Return whether we can make one."""
    try:
        with memory_group(64 << 20):
            return True
    except OSError:
        return False


def _parent() -> tuple[Path, str]:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    groups = {
        controllers: path.lstrip("/") for _, controllers, path in (line.split(":", 2) for line in lines)
    }
    for controllers, path in groups.items():
        if "memory" in controllers.split(","):
            own = ROOT / "memory" / path
            # In a container the path may be the one outside: then the root is ours.
            return (own if own.is_dir() else ROOT / "memory"), "memory.limit_in_bytes"
    # A group of version 2 with processes in it can have no children that are limited; its root can.
    if os.access(ROOT / "cgroup.subtree_control", os.W_OK):
        (ROOT / "cgroup.subtree_control").write_text("+memory")
    return ROOT, "memory.max"

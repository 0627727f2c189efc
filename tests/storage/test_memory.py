"""The in-memory notebook manager keeps the contract, and says what it is."""

import pytest

from carnet.storage.base import NotebookManager, normalise_path
from carnet.storage.memory import MemoryNotebookManager
from carnet.testing.fake_clock import FakeClock
from carnet.testing.notebook_manager import NotebookManagerContract


class TestMemoryNotebookManager(NotebookManagerContract):
    @pytest.fixture
    def manager(self) -> NotebookManager:
        return MemoryNotebookManager()


def test_s31_it_says_where_the_notebooks_are() -> None:
    assert MemoryNotebookManager().info_string() == "Serving notebooks from memory"


def test_times_are_those_of_its_clock() -> None:
    manager, clock = MemoryNotebookManager(), FakeClock(now_ms=1000)
    manager.clock = clock
    path = normalise_path("a.txt")
    revision = manager.save(path, b"1", expected=None)
    clock.advance(2)
    manager.save(path, b"2", expected=revision)
    entry = manager.stat(path)
    assert (entry.created_ms, entry.modified_ms) == (1000, 3000)


def test_st21_it_keeps_so_many_checkpoints_and_no_more() -> None:
    manager = MemoryNotebookManager()
    manager.checkpoints_kept = 2
    path = normalise_path("a.txt")
    revision = manager.save(path, b"1", expected=None)
    made = [manager.create_checkpoint(path)]
    for data in (b"2", b"3"):
        revision = manager.save(path, data, expected=revision)
        made.append(manager.create_checkpoint(path))
    assert list(manager.list_checkpoints(path)) == [made[2], made[1]]


def test_st17_the_trash_is_emptied_by_age() -> None:
    manager, clock = MemoryNotebookManager(), FakeClock(now_ms=1000)
    manager.clock = clock
    for name in ("old.txt", "new.txt"):
        path = normalise_path(name)
        manager.save(path, b"", expected=None)
        manager.delete(path)
        clock.advance(1)
    manager.empty_trash(older_than_ms=2000)
    assert [gone.path for gone in manager.list_trash()] == ["new.txt"]

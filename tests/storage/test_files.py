"""The file notebook manager keeps the contract; and the rules FS1 to FS18 of files."""

import pytest

from carnet.storage.base import NotebookManager
from carnet.storage.files import FileNotebookManager
from carnet.testing.notebook_manager import NotebookManagerContract
from pathlib import Path


class TestFileNotebookManager(NotebookManagerContract):
    @pytest.fixture
    def manager(self, tmp_path: Path) -> NotebookManager:
        return FileNotebookManager(tmp_path / "root", state_dir=tmp_path / "state")

"""The notebook managers that come with Carnet: for those who list them."""

from collections.abc import Sequence
from typing import Final

from carnet.storage.base import NotebookManager
from carnet.storage.files import FileNotebookManager
from carnet.storage.memory import MemoryNotebookManager

#: The base, whose settings all of them have.
BASE: Final[type[NotebookManager]] = NotebookManager

OURS: Final[Sequence[type[NotebookManager]]] = (FileNotebookManager, MemoryNotebookManager)

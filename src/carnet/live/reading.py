"""Read a notebook from its manager, with large outputs put aside as blobs. Blocking."""

from typing import NamedTuple

from carnet.core.notebook.ipynb import decode, extract_large
from carnet.core.notebook.model import Notebook
from carnet.core.notebook.numbers import carried_notebook
from carnet.errors import InvalidNotebook
from carnet.ids import NotebookPath, Revision
from carnet.journal.trust import is_trusted
from carnet.live.cell_ids import cell_ids
from carnet.live.surroundings import Surroundings


class Read(NamedTuple):
    """What is in a notebook's file."""

    notebook: Notebook
    revision: Revision
    trusted: bool
    """A person trusts the outputs in it (SE16)."""


def read_notebook(around: Surroundings, path: NotebookPath) -> Read:
    """Return the notebook in a file, and what is known of the file.

    Raises:
        StorageError: it cannot be read.
        InvalidNotebook: it is not a notebook.
    """
    data, entry = around.storage.read(path)
    if entry.revision is None:
        raise InvalidNotebook(f"{path} is a folder, not a notebook.")
    trusted = is_trusted(around.journal, data)
    notebook = decode(data, new_ids=cell_ids())
    del data  # with large outputs, it is half of all the memory that opening takes
    limit = around.settings.blob_limit_bytes
    with around.blobs.together() as put:
        notebook = extract_large(notebook, limit_bytes=limit, new_blob=put)
    return Read(carried_notebook(notebook), entry.revision, trusted)

"""Keep a small text in the state folder, whole or not at all, for its owner's eyes only."""

import contextlib
import os
import tempfile
from pathlib import Path


def put(path: Path, text: str) -> None:
    """Replace what is there.

    Raises:
        OSError: nothing changed.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # its mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise

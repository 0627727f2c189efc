"""`IPython.nbformat.sign` of 2014: marks a notebook whose outputs its owner has seen.

Notebook managers of 2014 call it when they save and read. What it marks stays
in their store: whether Carnet lets stored outputs run scripts is decided by the
server, by the bytes (rule JA3), never by what a file says of itself.
"""

import hmac
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from traitlets import Bytes, Unicode, default
from traitlets.config import LoggingConfigurable

SECRET_BYTES: Final = 1024
ALGORITHM: Final = "sha256"


class NotebookNotary(LoggingConfigurable):
    """Signs notebooks, and checks signatures."""

    secret_file = Unicode(
        "", help="File of the key that notebooks are signed with. Empty: a key for this process only."
    ).tag(config=True)
    secret = Bytes(help="The key.").tag(config=True)

    @default("secret")
    def _secret_default(self) -> bytes:
        if not self.secret_file:
            return secrets.token_bytes(SECRET_BYTES)
        path = Path(self.secret_file).expanduser()
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        made = secrets.token_bytes(SECRET_BYTES)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
        return made

    def compute_signature(self, nb: Any) -> str:
        """Return the signature of a notebook, whatever its present one."""
        digest = hmac.new(self.secret, digestmod=ALGORITHM)
        metadata = {key: value for key, value in nb["metadata"].items() if key != "signature"}
        for piece in _pieces({**nb, "metadata": metadata}):
            digest.update(piece)
        return digest.hexdigest()

    def check_signature(self, nb: Any) -> bool:
        """Return whether a notebook has our signature."""
        algorithm, _, found = str(nb["metadata"].get("signature", "")).partition(":")
        return algorithm == ALGORITHM and hmac.compare_digest(
            found.encode(), self.compute_signature(nb).encode()
        )

    def sign(self, nb: Any) -> None:
        """Sign a notebook, in its metadata."""
        nb["metadata"]["signature"] = f"{ALGORITHM}:{self.compute_signature(nb)}"

    def mark_cells(self, nb: Any, trusted: bool) -> None:
        """Say in each code cell whether the notebook is trusted."""
        for cell in _code_cells(nb):
            cell["trusted"] = trusted

    def check_cells(self, nb: Any) -> bool:
        """Return whether all code cells are marked as trusted."""
        return all(cell.get("trusted", False) for cell in _code_cells(nb))


def _code_cells(nb: Any) -> Iterator[Any]:
    for worksheet in nb["worksheets"]:
        for cell in worksheet["cells"]:
            if cell["cell_type"] == "code":
                yield cell


def _pieces(value: Any) -> Iterator[bytes]:
    """Yield all of a tree, as bytes."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield str(key).encode()
            yield from _pieces(value[key])
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _pieces(one)
    elif isinstance(value, bytes):
        yield value
    else:
        yield str(value).encode("utf-8", "surrogatepass")

"""The names of things: one new type per kind of id, and the only place that makes them.

`core` never calls the makers here: ids reach it as parameters (invariant 1).
"""

import secrets
from typing import NewType
from uuid import UUID

CellId = NewType("CellId", str)
"""1 to 64 characters of `[A-Za-z0-9_-]`, unique in its notebook (nbformat 4.5)."""

RunId = NewType("RunId", str)
"""One execution of one cell; it is the `msg_id` of its execute_request."""

BatchId = NewType("BatchId", str)
"""The runs that one press of Run asked for: an error in one aborts the rest."""

ClientId = NewType("ClientId", str)
"""One connected tab, made by the tab, new at each page load."""

KernelId = NewType("KernelId", str)
"""One kernel process lineage: it stays the same over a restart."""

CommId = NewType("CommId", str)
"""One comm of a kernel, named by whoever opened it (Jupyter's `comm_id`)."""

SendId = NewType("SendId", str)
"""One message to a comm; it is the `msg_id` it has for the kernel."""

JournalId = NewType("JournalId", str)
"""One notebook journal. Numbers of one journal mean nothing in another."""

NotebookPath = NewType("NotebookPath", str)
"""POSIX, relative to the root, no leading slash, no `.` or `..` parts."""

Revision = NewType("Revision", str)
"""Opaque: equal revisions mean equal bytes."""

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id(length: int = 16) -> str:
    """Return a random id of `[0-9a-z]`, 5.17 bits a character (16: 82 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_kernel_id() -> KernelId:
    """Return a random UUID: other people's servers and clients take a kernel's id for nothing else."""
    return KernelId(str(UUID(bytes=secrets.token_bytes(16), version=4)))


def new_cell_id() -> CellId:
    """Return a short random cell id, as nbformat 4.5 suggests (8 characters)."""
    return CellId(new_id(8))

"""Trust as Jupyter's clients see it: in each code cell's metadata. What is trusted: carnet.journal.trust. Rule JA3."""

from typing import Any


def mark(cell: dict[str, Any], *, trusted: bool) -> None:
    """Say in a code cell's JSON whether its outputs are trusted."""
    if cell.get("cell_type") == "code":
        cell.setdefault("metadata", {})["trusted"] = trusted or not cell.get("outputs")


def says_trusted(cell: object) -> bool:
    """Return whether a client sent a cell that it says is trusted, as one that it ran itself, or that shows nothing."""
    return isinstance(cell, dict) and (
        cell.get("cell_type") != "code"
        or not cell.get("outputs")
        or (isinstance(cell.get("metadata"), dict) and cell["metadata"].get("trusted") is True)
    )

"""Trust as Jupyter's clients see it: in each code cell's metadata. What is trusted: carnet.journal.trust. Rule JA3."""

from typing import Any


def mark(content: dict[str, Any], *, trusted: bool) -> None:
    """Say in each code cell of a notebook's JSON whether its outputs are trusted."""
    for cell in content.get("cells", ()):
        if cell.get("cell_type") == "code":
            cell.setdefault("metadata", {})["trusted"] = trusted or not cell.get("outputs")


def says_trusted(content: object) -> bool:
    """Return whether a client sent a notebook all of whose code cells it says are trusted, as one that it ran itself."""
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        return False
    return all(
        isinstance(cell, dict)
        and (
            cell.get("cell_type") != "code"
            or not cell.get("outputs")
            or (isinstance(cell.get("metadata"), dict) and cell["metadata"].get("trusted") is True)
        )
        for cell in content["cells"]
    )

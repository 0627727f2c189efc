"""What a benchmark is given: where to note figures, a folder, how many rounds, and whom to compare with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Figures
from benchmarks.servers import Carnet, Floor, Jupyter, Server


@dataclass
class Bench:
    """One run of one benchmark."""

    figures: Figures
    rounds: int
    peers_python: Path | None = None
    """The interpreter of the peers' environment; None: measure without peers."""
    said: list[str] = field(default_factory=list)
    """Sentences that belong below the table."""

    def note(self, what: str, unit: str, column: str, value: float) -> None:
        """Note one value."""
        self.figures.note(what, unit, column, value)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Lend an empty folder."""
        with TemporaryDirectory(prefix="carnet-bench-", ignore_cleanup_errors=True) as name:
            yield Path(name)

    def servers(self, folder: Path, *, floor: bool = True) -> Sequence[Server]:
        """Return the servers to compare, none of them started, each with its own folder."""
        found: list[Server] = [Carnet(folder / "carnet")]
        if floor:
            found.append(Floor(folder / "floor"))
        if self.peers_python is not None:
            found.append(Jupyter(folder / "jupyter", self.peers_python))
        return found

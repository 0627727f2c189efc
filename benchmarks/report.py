"""Figures of one run: noted by benchmarks, shown as tables, held against goals, kept as JSON.

A figure is one number of one column (Carnet, its limit, a peer) in one row (what
was measured, in which unit). It is noted once a round; shown is the median, with
the range.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

CARNET = "carnet"

Medians = Mapping[tuple[str, str], float]
"""(what, column) -> median."""


@dataclass(frozen=True)
class Goal:
    """What Carnet's median of one row should at most be."""

    what: str
    words: str
    """How the goal is said: `1.3 x floor`."""
    limit: Callable[[Medians], float]
    """In the row's unit, from the medians of the same run."""


@dataclass(frozen=True)
class Verdict:
    """A goal, and what was measured."""

    what: str
    unit: str
    words: str
    limit: float
    measured: float

    @property
    def reached(self) -> bool:
        """Whether the goal was reached."""
        return self.measured <= self.limit


@dataclass
class Figures:
    """All figures of one benchmark."""

    name: str
    units: dict[str, str] = field(default_factory=dict)
    """Row -> unit, in the order in which rows came."""
    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """(row, column) -> one value a round."""

    def note(self, what: str, unit: str, column: str, value: float) -> None:
        """Note one value."""
        self.units.setdefault(what, unit)
        assert self.units[what] == unit, f"{what}: {unit} or {self.units[what]}?"
        self.values.setdefault((what, column), []).append(value)

    @property
    def columns(self) -> list[str]:
        """The columns, Carnet first, in the order in which the others came."""
        found = dict.fromkeys(column for _, column in self.values)
        return sorted(found, key=lambda column: column != CARNET)

    @property
    def medians(self) -> Medians:
        """The median of each row and column."""
        return {key: median(values) for key, values in self.values.items()}

    def verdicts(self, goals: Sequence[Goal]) -> Iterator[Verdict]:
        """Yield what became of each goal whose row was measured."""
        medians = self.medians
        for goal in goals:
            measured = medians.get((goal.what, CARNET))
            if measured is not None:
                try:
                    limit = goal.limit(medians)
                except KeyError:
                    continue  # it is relative to a column that was not measured
                yield Verdict(goal.what, self.units[goal.what], goal.words, limit, measured)

    def table(self) -> str:
        """Return the rows as a Markdown table."""
        columns = self.columns
        lines = [
            f"| {self.name} | unit | {' | '.join(columns)} |",
            f"|---|---|{'---|' * len(columns)}",
        ]
        for what, unit in self.units.items():
            cells = [_cell(self.values.get((what, column), [])) for column in columns]
            lines.append(f"| {what} | {unit} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def as_json(self, goals: Sequence[Goal]) -> dict[str, object]:
        """Return everything, for a file."""
        rows = [
            {"what": what, "unit": self.units[what], "column": column, "values": values}
            for (what, column), values in self.values.items()
        ]
        found = [
            {
                "what": one.what,
                "goal": one.words,
                "limit": one.limit,
                "measured": one.measured,
                "reached": one.reached,
            }
            for one in self.verdicts(goals)
        ]
        return {"name": self.name, "rows": rows, "goals": found}


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    if len(values) == 1 or min(values) == max(values):
        return number(values[0])
    return f"{number(median(values))} [{number(min(values))}..{number(max(values))}]"


def number(value: float) -> str:
    """Return three significant digits, without an exponent."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    digits = 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4
    return f"{value:.{digits}f}"

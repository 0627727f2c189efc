"""Write a configuration file in which everything is there, commented out: each setting with help and default.

Pure text. It looks as the files of 2014 looked, so that what people know about
editing them still helps.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from carnet.config.settings import NAMES, default_of, help_of

_RULE: Final = "#" + "-" * 78


@dataclass(frozen=True)
class Row:
    """One setting of a class."""

    name: str
    help: str
    default: object


@dataclass(frozen=True)
class Section:
    """The settings of one class."""

    class_name: str
    what: str
    rows: Sequence[Row]


SERVER: Final = Section(
    "NotebookApp",
    "The notebook server.",
    [Row(name, help_of(name), default_of(name)) for name in sorted(NAMES)],
)

KERNELS: Final = (
    Section(
        "IPKernelApp",
        "Python kernels. Anything of IPython's can be set here: c.IPKernelApp, c.InteractiveShellApp, c.InlineBackend...",
        [
            Row("pylab", "Plotting in every new notebook: 'inline', as by %pylab.", None),
            Row("matplotlib", "The same without importing names: 'inline', as by %matplotlib.", None),
        ],
    ),
    Section(
        "InteractiveShellApp",
        "What a Python kernel runs when it starts.",
        [Row("exec_lines", "Lines of code to run at each kernel's start.", [])],
    ),
)


def config_file(sections: Iterable[Section]) -> str:
    """Return the text of a file that sets nothing and shows everything."""
    return "\n".join(_lines(sections)) + "\n"


def _lines(sections: Iterable[Section]) -> Iterator[str]:
    yield "# Configuration of the notebook server Carnet. It is Python; a mistake in it stops the start and is shown."
    yield "# Take the mark away from the line that you want to change."
    yield ""
    yield "c = get_config()"
    for section in sections:
        yield ""
        yield _RULE
        yield f"# {section.class_name}"
        yield _RULE
        yield from _comment(section.what, "# ")
        for row in section.rows:
            yield ""
            yield from _comment(row.help, "## ", "#  ")
            yield f"#  Default: {row.default!r}"
            yield f"# c.{section.class_name}.{row.name} = {row.default!r}"


def _comment(text: str, first: str, more: str = "# ") -> Iterator[str]:
    yield from textwrap.wrap(" ".join(text.split()), 100, initial_indent=first, subsequent_indent=more)

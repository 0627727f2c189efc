"""`carnet help`: the sub-commands, options and settings, from their tables."""

import textwrap
from collections.abc import Iterator, Sequence

from carnet.cli.main import COMMANDS
from carnet.config.command_line import ALIASES, FLAGS, FOR_OTHERS
from carnet.config.settings import NAMES, default_of, help_of


def main(_arguments: Sequence[str]) -> int:
    """Print it all."""
    print("\n".join(lines()))
    return 0


def lines() -> Iterator[str]:
    """Yield the lines of the help."""
    yield "carnet [FOLDER or NOTEBOOK] [OPTION...]     serve notebooks"
    yield "carnet COMMAND [OPTION...]"
    yield ""
    yield "Commands:"
    yield from (_line(name, what) for name, (_, what) in COMMANDS.items())
    yield ""
    yield "Options:"
    yield from (_line(f"--{name}=VALUE", help_of(setting)) for name, setting in ALIASES.items())
    yield from (_line(f"--{name}", what) for name, (_, _, what) in FLAGS.items())
    yield from (_line(f"--{name}", what) for name, (_, _, _, what) in FOR_OTHERS.items())
    yield _line("--config=FILE", "One more configuration file.")
    yield _line("--profile=NAME", "Read the configuration files in this profile of IPython.")
    yield ""
    yield "Every setting, as --NotebookApp.NAME=VALUE, c.NotebookApp.NAME in a file, or CARNET_NAME in the environment:"
    for name in sorted(NAMES):
        yield _line(name, f"{help_of(name)} Default: {default_of(name)!r}.")


def _line(name: str, what: str) -> str:
    wrapped = textwrap.wrap(what, 84) or [""]
    first = f"  {name:<26} {wrapped[0]}" if len(name) <= 26 else f"  {name}\n{'':29}{wrapped[0]}"
    return "\n".join([first, *(f"{'':29}{line}" for line in wrapped[1:])])

"""`carnet help [COMMAND]`: the sub-commands, options and settings, from their tables; or what one sub-command does."""

import importlib
import textwrap
from collections.abc import Iterator, Sequence

from carnet.cli.main import COMMANDS, DEFAULT
from carnet.config.command_line import ALIASES, FLAGS, FOR_OTHERS
from carnet.config.settings import NAMES, default_of, help_of


def main(arguments: Sequence[str]) -> int:
    """Print it all, or what is asked for."""
    named = next((one for one in arguments if one in COMMANDS), DEFAULT)
    print("\n".join(lines() if named == DEFAULT else lines_of(named)))
    return 0


def lines_of(command: str) -> Iterator[str]:
    """Yield the lines of the help of one sub-command: what its module says of itself."""
    module = importlib.import_module(f"carnet.cli.{COMMANDS[command][0]}")
    usage, _, what = (module.__doc__ or "").replace("`", "").strip().partition(": ")
    yield usage
    yield ""
    yield what[:1].upper() + what[1:]
    yield ""
    yield "--config, --profile, --state-dir and any setting go with it: carnet help."


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

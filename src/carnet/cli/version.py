"""`carnet version`, `carnet --version`: the version."""

from collections.abc import Sequence

from carnet import __version__


def main(_arguments: Sequence[str]) -> int:
    """Print the version and nothing else."""
    print(__version__)
    return 0

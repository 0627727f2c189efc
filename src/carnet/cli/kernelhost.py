"""`carnet kernelhost`: run a kernel host in this process. The server starts one by itself."""

from collections.abc import Sequence

from carnet.kernelhost.main import main as host_main


def main(arguments: Sequence[str]) -> int:
    """Hand over."""
    return host_main(list(arguments))

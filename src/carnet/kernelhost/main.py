"""Run a kernel host until it has nothing to do: `carnet kernelhost`, `python -m carnet.kernelhost`."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path
from types import FrameType

from carnet.clock import SystemClock
from carnet.errors import HostUnavailable
from carnet.kernelhost.folder import HostIsRunning
from carnet.kernelhost.host import KernelHost
from carnet.kernelhost.incarnation import Timing

log = logging.getLogger("carnet.kernelhost")

OTHER_HOST_EXIT_CODE = 3
"""Another host holds the folder. Whoever started us connects to that one."""


def main(arguments: list[str] | None = None) -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="carnet kernelhost", description="Own kernels, and write down what they say."
    )
    parser.add_argument("--folder", type=Path, required=True, help="the host's private folder")
    parser.add_argument(
        "--ready-fd", type=int, default=-1, help="write 1 there once it listens, or 0 if another host does"
    )
    parser.add_argument(
        "--idle-exit-s", type=float, default=Timing.idle_exit_s, help="end after so long without use"
    )
    parser.add_argument("--no-spare", action="store_true", help="keep no warm kernel ready")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Ctrl-C in a terminal is for the server. A handler and not SIG_IGN: kernels would inherit that, and could not be
    # interrupted.
    signal.signal(signal.SIGINT, _ignored)
    try:
        asyncio.run(_run(options))
    except HostIsRunning as error:
        log.info("%s", error)
        _tell(options.ready_fd, b"0")
        return OTHER_HOST_EXIT_CODE
    except (HostUnavailable, OSError) as error:
        log.error("%s", error)
        return 1
    return 0


def _tell(ready_fd: int, answer: bytes) -> None:
    if ready_fd >= 0:
        os.write(ready_fd, answer)
        os.close(ready_fd)


def _ignored(signum: int, frame: FrameType | None) -> None:
    """Nothing."""


async def _run(options: argparse.Namespace) -> None:
    timing = Timing(idle_exit_s=options.idle_exit_s)
    host = KernelHost(options.folder, clock=SystemClock(), timing=timing, spare=not options.no_spare)
    loop = asyncio.get_running_loop()
    ends: set[asyncio.Task[None]] = set()

    def end() -> None:
        ends.add(loop.create_task(host.end()))

    loop.add_signal_handler(signal.SIGTERM, end)
    await host.begin()
    _tell(options.ready_fd, b"1")
    await host.ended

"""Start a kernel host that does not end with us, and find the one that runs.

Rules HO3, HO5, HO7: docs/specs/host.md.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

import carnet
from carnet.core.wire.host import HostRecord
from carnet.errors import HostUnavailable

LOG_LIMIT_BYTES = 4 << 20
"""A longer host.log is moved to host.log.1 before the next host starts."""

#: Neither the host nor its kernels need these, and user code reads its environment.
SECRET_VARIABLES = frozenset(
    {"JPY_API_TOKEN", "JPY_PARENT_PID", "JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN", "CONFIGPROXY_AUTH_TOKEN"}
)
SECRET_PREFIX = "CARNET_"


#: The host runs the same Carnet as we do, wherever that was found; and nothing of it reaches the kernels' PYTHONPATH.
_ROOT = str(Path(carnet.__file__).parent.parent)
#: The fork makes it nobody's child: it is to outlive us, and leaves no zombie when it ends.
_START = """
import os, sys
if os.fork():
    os._exit(0)
sys.path.append(sys.argv.pop(1))
from carnet.kernelhost.main import main
sys.exit(main())
"""


class HostOptions(Struct, frozen=True):
    """How a host that we start behaves."""

    idle_exit_s: float | None = None
    """It ends itself after so long without use; None: its own default."""
    spare: bool = True
    """It keeps a warm kernel ready."""


def find(folder: Path) -> HostRecord | None:
    """Return what the host wrote of itself; it may have ended since."""
    try:
        return msgspec.json.decode((folder / "host.json").read_bytes(), type=HostRecord)
    except (OSError, msgspec.MsgspecError):
        return None


async def spawn(folder: Path, options: HostOptions, *, timeout_s: float) -> bool:
    """Start a host for this folder. True: it listens. False: another one holds the folder.

    Raises:
        HostUnavailable: it did not start; the sentence has the end of host.log.
    """
    listens, ready = os.pipe()
    try:
        await asyncio.to_thread(_start, folder, ready, options)
        async with asyncio.timeout(timeout_s):
            await _readable(listens)
        said = os.read(listens, 1)
    except TimeoutError:
        raise HostUnavailable(
            f"the kernel host did not start within {timeout_s:.0f} s: see {folder}/host.log"
        ) from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise HostUnavailable(f"the kernel host could not be started: {error}") from error
    finally:
        os.close(listens)
    if not said:
        raise HostUnavailable(f"the kernel host could not start: {_last_words(folder)}")
    return said == b"1"


def _start(folder: Path, ready: int, options: HostOptions) -> None:
    """Start the process. `ready` is closed here, so that nobody closes it while it is being passed on."""
    try:
        _run(folder, ready, options)
    finally:
        os.close(ready)


def _run(folder: Path, ready: int, options: HostOptions) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in SECRET_VARIABLES and not name.startswith(SECRET_PREFIX)
    }
    if "PYTHONPATH" in environment:  # its entries may be relative to our folder; the host's is another
        environment["PYTHONPATH"] = os.pathsep.join(
            map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep))
        )
    log = folder / "host.log"
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.rename(folder / "host.log.1")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    command = [sys.executable, "-c", _START, _ROOT, "--folder", str(folder), "--ready-fd", str(ready)]
    if options.idle_exit_s is not None:
        command += ["--idle-exit-s", str(options.idle_exit_s)]
    if not options.spare:
        command += ["--no-spare"]
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=environment,
            pass_fds=(ready,),
            start_new_session=True,
        )
    finally:
        os.close(output)


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    came = loop.create_future()
    loop.add_reader(file, _tell, came)
    try:
        await came
    finally:
        loop.remove_reader(file)


def _tell(came: "asyncio.Future[None]") -> None:
    if not came.done():
        came.set_result(None)


def _last_words(folder: Path) -> str:
    try:
        return (folder / "host.log").read_text(errors="replace").strip().splitlines()[-1]
    except (OSError, IndexError):
        return f"see {folder}/host.log"

"""Start the process that converts a notebook, bound it, and end it with its work or with whoever asked.

A few at once; who comes later waits. Nothing here imports nbconvert. Rules NC1
to NC9: docs/specs/nbconvert.md.
"""

import asyncio
import contextlib
import importlib.util
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast
from weakref import WeakValueDictionary

import msgspec
from msgspec.structs import replace

import carnet
from carnet.convert.wire import HEAD_BYTES, Order, Reply
from carnet.errors import ConversionFailed

log = logging.getLogger("carnet.convert")

LOGGED_BYTES: Final = 300
"""Of the last line of a child that ended badly."""

TOO_LONG: Final = "Converting it took too long, and was ended."

#: The child runs the same Carnet as we do, wherever that was found.
_ROOT: Final = str(Path(carnet.__file__).parent.parent)
_START: Final = """
import sys
sys.path.append(sys.argv.pop(1))
from carnet.convert.child import main
main()
"""

#: What converting may depend on. Nothing else of our environment is the child's: no token, no password.
_KEPT: Final = frozenset(
    {"HOME", "LANG", "LANGUAGE", "PATH", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV", "XDG_DATA_HOME"}
)
_KEPT_STARTS: Final = ("JUPYTER_DATA", "JUPYTER_PATH", "LC_", "TEX", "CONDA_PREFIX")


#: LaTeX, where there is one, is a program that notebooks hold. It reads and writes only what is beside it, and what it is
#: made of; else whoever may look at notebooks could read any file by `\input`, a private key too. It starts nothing.
_TEX: Final[Mapping[str, str]] = {"openin_any": "p", "openout_any": "p", "shell_escape": "f"}


@dataclass(frozen=True)
class Bounds:
    """What one conversion may take."""

    time_s: float = 120.0
    memory_bytes: int = 2 << 30
    output_bytes: int = 1 << 30
    at_once: int = 2


@dataclass(frozen=True)
class Converted:
    """A result: bytes in a file that has no name, and goes when it is closed."""

    file: BinaryIO
    start: int
    """Where in the file the result begins."""
    size_bytes: int
    media_type: str
    ending: str
    """Of a file name, with its dot."""

    def read(self, start: int, stop: int) -> bytes:
        """Return a part of the result. Blocking."""
        return os.pread(self.file.fileno(), stop - start, self.start + start)


class Converter:
    """Converts notebooks, a few at once."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._turn = asyncio.Semaphore(self._bounds.at_once)
        self._own_turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        self._formats: Mapping[str, str] | None = None

    async def formats(self) -> Mapping[str, str]:
        """Return the formats there are, with their media types. Asked for once.

        Raises:
            ConversionFailed: they could not be found out.
        """
        if self._formats is None:
            async with self._turn:
                if self._formats is None:
                    reply, file = await self._do(self._order(), b"")
                    file.close()
                    self._formats = reply.formats or {}
        return self._formats

    async def convert(
        self,
        data: bytes,
        format_: str,
        *,
        name: str,
        folder: Path | None = None,
        sanitize_html: bool = False,
        whose: Hashable = None,
    ) -> Converted:
        """Return a notebook file's bytes as another format. Cancelled, it ends its process.

        `whose`: one at a time for each, so that nobody keeps all others waiting.

        Raises:
            ConversionFailed: says why not.
        """
        order = replace(
            self._order(),
            format=format_,
            name=name,
            folder=str(folder or ""),
            sanitize_html=sanitize_html,
        )
        own_turn = self._own_turns.setdefault(whose, asyncio.Lock())
        async with own_turn, self._turn:
            reply, file = await self._do(order, data)
        start = file.tell()
        size_bytes = os.fstat(file.fileno()).st_size - start
        return Converted(file, start, size_bytes, reply.media_type, reply.ending)

    def _order(self) -> Order:
        bounds = self._bounds
        return Order(memory_bytes=bounds.memory_bytes, output_bytes=bounds.output_bytes, time_s=bounds.time_s)

    async def _do(self, order: Order, data: bytes) -> tuple[Reply, BinaryIO]:
        """Return the reply, and the file, which stands at the result's first byte. Who gets it closes it."""
        target = _nameless()
        try:
            with _nameless() as source, _nameless() as said:
                await asyncio.to_thread(_fill, source, msgspec.json.encode(order) + b"\n", data)
                code = await self._run(source, target, said)
                return _reply(target, code, said), target
        except BaseException:
            target.close()
            raise

    async def _run(self, source: BinaryIO, target: BinaryIO, said: BinaryIO) -> int:
        """Run the child to its end; return its exit code, negative for a signal."""
        with tempfile.TemporaryDirectory(prefix="carnet-convert-") as folder:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _START,
                _ROOT,
                stdin=source,
                stdout=target,
                stderr=said,
                cwd=folder,
                env=environment(os.environ),
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(self._bounds.time_s):
                    return await process.wait()
            except TimeoutError:
                raise ConversionFailed(TOO_LONG, 504) from None
            finally:
                # What LaTeX and pandoc left behind too: the group is the child's own, and has its number.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def is_installed() -> bool:
    """Return whether there is an nbconvert to do it with."""
    return importlib.util.find_spec("nbconvert") is not None


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return what of our environment the child gets."""
    kept = {name: value for name, value in ours.items() if name in _KEPT or name.startswith(_KEPT_STARTS)}
    kept |= _TEX
    if "PYTHONPATH" in ours:  # its entries may be relative to our folder; the child's is another
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, ours["PYTHONPATH"].split(os.pathsep)))
    return kept


def _nameless() -> BinaryIO:
    return cast("BinaryIO", tempfile.TemporaryFile(prefix="carnet-convert-"))


def _fill(file: BinaryIO, *parts: bytes) -> None:
    file.writelines(parts)
    file.seek(0)


def _reply(target: BinaryIO, code: int, said: BinaryIO) -> Reply:
    """Return what the child answered.

    Raises:
        ConversionFailed: it refused, or ended without an answer.
    """
    target.seek(0)
    head = target.readline(HEAD_BYTES)
    if code != 0 or not head.endswith(b"\n"):
        if code == -signal.SIGALRM:
            raise ConversionFailed(TOO_LONG, 504)
        said.seek(0)
        last = said.read().strip().rpartition(b"\n")[2][-LOGGED_BYTES:]
        log.warning("a conversion ended with %d: %s", code, last.decode(errors="replace"))
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ConversionFailed(f"The converter ended with {how}. The server's log has its last words.", 500)
    reply = msgspec.json.decode(head, type=Reply)
    if reply.status != 200:
        raise ConversionFailed(reply.message, reply.status)
    return reply

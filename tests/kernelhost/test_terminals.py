"""Terminals of a real host (HO90 to HO95)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from carnet.clock import SystemClock
from carnet.core.wire.host import StartTerminal, TerminalEnded, TerminalSaid
from carnet.errors import KernelError
from carnet.ids import new_id
from carnet.kernelhost.host import KernelHost
from carnet.kernelhost.incarnation import Timing
from carnet.kernelhost.terminals import Terminal
from carnet.kernels.client import HostClient
from tests.support.kernel_host import PATIENCE_S, HostProcess, exists

pytestmark = pytest.mark.slow


class Screen:
    """What a terminal shows, for tests to wait on."""

    def __init__(self, client: HostClient, name: str, *, acknowledges: bool = True) -> None:
        self.client = client
        self.name = name
        self.acknowledges = acknowledges
        self.data = b""
        self.end: int | None = None
        self.ended: TerminalEnded | None = None
        self._news = asyncio.Event()
        client.on_terminal = self.hear

    def hear(self, said: TerminalSaid | TerminalEnded) -> None:
        if said.name != self.name:
            return
        if isinstance(said, TerminalEnded):
            self.ended = said
        else:
            assert self.end in {None, said.offset}, "no gap, nothing twice"
            self.end = said.offset + len(said.data)
            self.data += said.data
            if self.acknowledges:
                self.client.acknowledge_terminal(self.name, self.end)
        self._news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def type(self, text: str) -> None:
        await self.client.write_terminal(self.name, text.encode())


@pytest.fixture
async def screen(client: HostClient, tmp_path: Path) -> Screen:
    """A terminal of the test's own, in its folder, with a plain prompt."""
    info = await client.start_terminal(cwd=str(tmp_path), name=new_id())
    screen = Screen(client, info.name)
    await client.read_terminal(info.name)
    await screen.type("exec /bin/sh\nPS1=; stty -echo; echo begun''\n")
    await screen.until(lambda: b"begun\r\n" in screen.data)
    return screen


async def test_ho90_a_shell_in_its_folder_of_its_size(screen: Screen, tmp_path: Path) -> None:
    await screen.client.resize_terminal(screen.name, 33, 101)
    await screen.type(
        "pwd; stty size; echo $TERM; tty; env | grep -Ec '^(LINES|COLUMNS|CARNET_[^K])'; ps -o tty= -p $$; echo d'one'\n"
    )
    await screen.until(lambda: b"done" in screen.data)

    lines = screen.data.partition(b"begun\r\n")[2].decode().split()
    assert lines[:4] == [str(tmp_path), "33", "101", "xterm-256color"]
    assert lines[5] == "0"
    assert lines[4] == f"/dev/{lines[6]}"
    again = await screen.client.start_terminal(cwd="/", name=screen.name)
    assert again.pid == next(one.pid for one in await screen.client.terminals() if one.name == screen.name)
    await screen.client.end_terminal(screen.name)


async def test_ho91_who_comes_later_sees_what_was_shown(screen: Screen, host: HostProcess) -> None:
    await screen.type("seq 200000; echo all''of it\n")
    await screen.until(lambda: b"allof it" in screen.data)
    other = HostClient(host.folder, spawn=False)
    await other.connect()
    later = Screen(other, screen.name)

    begin = await other.read_terminal(screen.name)
    await later.until(lambda: b"allof it" in later.data)

    assert screen.end is not None
    assert (begin.offset, later.end) == (screen.end - (1 << 20), screen.end)
    assert later.data == screen.data[-(1 << 20) :]
    assert (await other.read_terminal(screen.name, screen.end)).offset == screen.end
    await other.close()
    await screen.client.end_terminal(screen.name)


async def test_ho92_a_reader_that_is_behind_stops_the_shell(screen: Screen) -> None:
    screen.acknowledges = False
    before = screen.end or 0  # before the shell says more
    await screen.type("seq 300000; echo all''of it\n")
    await screen.until(lambda: (screen.end or 0) - before > 512 << 10)
    [info] = [one for one in await screen.client.terminals() if one.name == screen.name]
    assert info.offset - before < 1 << 20
    screen.acknowledges = True
    assert screen.end is not None
    screen.client.acknowledge_terminal(screen.name, screen.end)
    await screen.until(lambda: screen.data.endswith(b"allof it\r\n"))
    assert screen.data.partition(b"begun\r\n")[2].count(b"\n") == 300_001
    await screen.client.end_terminal(screen.name)


class Sleeper:
    """A reader that takes nothing until it wakes."""

    def __init__(self) -> None:
        self.said: list[tuple[int, bytes]] = []
        self.end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def terminal_said(self, name: str, offset: int, data: bytes) -> None:
        assert name == "1"
        self.said.append((offset, data))

    def terminal_ended(self, name: str, exit_code: int) -> None:
        assert name == "1"
        self.end.set_result(exit_code)


async def test_ho92_who_takes_nothing_for_long_is_left_behind(tmp_path: Path) -> None:
    over: asyncio.Future[Terminal] = asyncio.get_running_loop().create_future()
    command = ("/bin/sh", "-c", "seq 400000; exit 7")
    frame = StartTerminal(0, "1", str(tmp_path), command=command)
    terminal = Terminal(frame, SystemClock(), over.set_result, patience_s=0.01)
    sleeper = Sleeper()
    terminal.join(sleeper, 0, window_bytes=64 << 10)
    terminal.catch_up(sleeper)

    await asyncio.wait_for(over, PATIENCE_S)

    end = sum(len(data) for _, data in sleeper.said)
    assert 64 << 10 < end < 1 << 20
    assert not sleeper.end.done()
    terminal.acknowledge(sleeper, end)
    assert await sleeper.end == 7
    offset, rest = sleeper.said[-1]
    assert (offset > end, len(rest)) == (True, 1 << 20)
    assert rest.endswith(b"\r\n400000\r\n")


async def test_ho93_much_that_is_typed_arrives(screen: Screen) -> None:
    await screen.type("wc -c <<EOF\n" + "0123456789\n" * 30_000 + "EOF\n")
    await screen.until(lambda: b"330000" in screen.data)
    await screen.client.end_terminal(screen.name)


async def test_ho94_a_shell_that_ends_is_told(screen: Screen) -> None:
    await screen.type("echo la''st; exit 3\n")
    await screen.until(lambda: screen.ended is not None)
    assert screen.data.endswith(b"last\r\n")
    assert screen.ended == TerminalEnded(screen.name, 3)
    assert screen.name not in [one.name for one in await screen.client.terminals()]
    with pytest.raises(KernelError, match="There is no terminal"):
        await screen.type("x")


async def test_ho94_an_end_leaves_nothing_behind(screen: Screen) -> None:
    await screen.type("trap '' HUP; (trap '' HUP; sleep 1000) & echo pid $!.\n")
    await screen.until(lambda: b"." in screen.data.partition(b"pid ")[2])
    child = int(screen.data.partition(b"pid ")[2].partition(b".")[0])
    await screen.client.end_terminal(screen.name)
    await screen.until(lambda: screen.ended is not None)
    async with asyncio.timeout(PATIENCE_S):
        while exists(child):  # noqa: ASYNC110 - nobody tells when a process of others is gone
            await asyncio.sleep(0.01)


async def test_ho95_a_host_with_a_terminal_does_not_end_itself(tmp_path: Path) -> None:
    host = KernelHost(tmp_path / "host", clock=SystemClock(), timing=Timing(idle_exit_s=0.05))
    await host.begin()
    client = HostClient(tmp_path / "host", spawn=False)
    await client.connect()
    await client.start_terminal(cwd=str(tmp_path))
    await client.close()
    async with asyncio.timeout(PATIENCE_S):
        while host._connections:  # noqa: ASYNC110 - nobody tells when the other side has noticed
            await asyncio.sleep(0.01)
    assert host._idle_timer is None

    await host._terminals.stop()
    async with asyncio.timeout(PATIENCE_S):
        await host.ended


async def test_ho99_a_full_screen_program_is_asked_to_draw_itself_again(screen: Screen) -> None:
    await screen.client.resize_terminal(screen.name, 30, 90)
    program = "import os,signal;signal.signal(28,lambda *_:print(*os.get_terminal_size(),flush=True));print('be'+'gins',flush=True)\nwhile 1:signal.pause()"
    await screen.type(f'python3 -c "{program}"\n')
    await screen.until(lambda: b"begins" in screen.data)
    await screen.client.redraw_terminal(screen.name)
    await screen.until(lambda: b"90 30\r\n" in screen.data)
    assert screen.data.partition(b"begins")[2].split() == [b"89", b"30", b"90", b"30"]
    await screen.client.end_terminal(screen.name)


async def test_ho99_a_size_that_comes_while_it_is_asked_is_told_after(screen: Screen) -> None:
    # A screen that comes back asks, and says its size when it is looked at: the program must see a change.
    await screen.client.resize_terminal(screen.name, 30, 90)
    program = "import os,signal;signal.signal(28,lambda *_:print(*os.get_terminal_size(),flush=True));print('be'+'gins',flush=True)\nwhile 1:signal.pause()"
    await screen.type(f'python3 -c "{program}"\n')
    await screen.until(lambda: b"begins" in screen.data)
    await screen.client.redraw_terminal(screen.name)
    await screen.client.resize_terminal(screen.name, 30, 91)
    await screen.until(lambda: b"91 30\r\n" in screen.data)
    assert screen.data.partition(b"begins")[2].split() == [b"89", b"30", b"91", b"30"]
    await screen.client.end_terminal(screen.name)


async def test_ho96_numbered_input_is_typed_once(screen: Screen) -> None:
    begun = (await screen.client.terminals())[-1].life
    for number, text in (
        (1, "echo one''\n"),
        (1, "echo one''\n"),
        (3, "echo three''\n"),
        (2, "echo two''\n"),
    ):
        await screen.client.write_terminal(
            screen.name, text.encode(), writer="a-tab", number=number, life=begun
        )
    for writer, number in (("another", 1), ("a-tab", 4)):
        await screen.client.write_terminal(
            screen.name, f"echo by-{writer}''\n".encode(), writer=writer, number=number, answer=True
        )
    await screen.client.write_terminal(screen.name, b"echo all''\n", writer="another", number=2)
    await screen.until(lambda: b"all\r\n" in screen.data)

    assert screen.data.partition(b"begun\r\n")[2].split() == [b"one", b"three", b"by-a-tab", b"all"]
    with pytest.raises(KernelError, match="There is no terminal"):
        await screen.client.write_terminal(screen.name, b"x", life="of-another")
    await screen.client.end_terminal(screen.name)


async def test_ho97_who_comes_late_is_told_the_modes(screen: Screen, host: HostProcess) -> None:
    await screen.type(
        "printf '\\033[?1049h\\033[?2004h\\033[?25l\\033[?25h\\033[?1h'; seq 200000; echo all''\n"
    )
    await screen.until(lambda: screen.data.endswith(b"all\r\n"))
    other = HostClient(host.folder, spawn=False)
    await other.connect()
    Screen(other, screen.name)

    late = await other.read_terminal(screen.name)
    going_on = await other.read_terminal(screen.name, screen.end or 0, life=late.life)

    assert late.modes == b"\x1b[?1049h\x1b[?1h\x1b[?2004h"
    assert going_on.modes == b""
    await other.close()
    await screen.client.end_terminal(screen.name)


async def test_ho98_one_that_ended_can_still_be_read(
    screen: Screen, host: HostProcess, tmp_path: Path
) -> None:
    life = next(one.life for one in await screen.client.terminals() if one.name == screen.name)
    have = screen.end or 0
    other = HostClient(host.folder, spawn=False)
    await other.connect()
    late = Screen(other, screen.name)
    await screen.type("echo la''st; exit 3\n")
    await screen.until(lambda: screen.ended is not None)

    begun = await other.read_terminal(screen.name, have, life=life)
    await late.until(lambda: late.ended is not None)
    assert (begun.offset, late.data, late.ended) == (have, b"last\r\n", TerminalEnded(screen.name, 3))

    again = await other.start_terminal(cwd=str(tmp_path), name=screen.name)
    assert again.life != life
    late.end = None
    assert (await other.read_terminal(screen.name, have, life=life)).life == again.life
    await other.end_terminal(screen.name)
    await other.close()

"""A line to the server that a browser test can cut: TCP, below everything that could tidy up."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from carnet.testing.bad_network import BadNetwork


class Line:
    """One bad network, run in a thread of its own."""

    def __init__(self, network: BadNetwork, loop: asyncio.AbstractEventLoop) -> None:
        self._network = network
        self._loop = loop
        self.url = f"http://127.0.0.1:{network.port}/"

    def cut(self) -> None:
        """Break every connection now; new ones are made at once."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._network.cut_all)
        self._loop.call_soon_threadsafe(done.set)
        done.wait()

    def down(self, down: bool) -> None:
        """Let no new connection in, or let them in again."""
        self._network.down = down
        if down:
            self.cut()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """Forward a port of its own to this one."""
    made: Future[Line] = Future()
    ended: Future[asyncio.Event] = Future()

    async def run() -> None:
        over = asyncio.Event()
        ended.set_result(over)
        async with BadNetwork(port) as network:
            made.set_result(Line(network, asyncio.get_running_loop()))
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        yield made.result()
    finally:
        over = ended.result()
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()

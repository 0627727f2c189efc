"""A kernel with no server between: jupyter_client straight to ipykernel, the limit for all that has a kernel in it."""

import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty
from typing import Any, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

WAIT_S = 300.0
SILENCE_S = 2.0
"""With the reply in, this long a silence means that the end was dropped."""
_serial = itertools.count()


class RawKernel:
    """One kernel, over the same transport that Carnet takes: Unix sockets."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="raw")
        self.lines = 0
        self.outputs = 0
        self.start_s = 0.0
        """From the spawn until the kernel answered."""
        self._manager = KernelManager(
            kernel_name="python3", transport="ipc", ip=str(Path(self._folder.name) / f"k{next(_serial)}")
        )
        self._client: BlockingKernelClient | None = None

    def __enter__(self) -> Self:
        started_s = time.perf_counter()
        self._manager.start_kernel(cwd=self._folder.name)
        client = self._client = self._manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=WAIT_S)
        self.start_s = time.perf_counter() - started_s
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._folder.cleanup()

    def run(self, codes: Sequence[str]) -> float:
        """Send all, in order, and return the seconds until the last one's reply and idle were here."""
        client = self._client
        assert client is not None
        started_s = time.perf_counter()
        ids = [client.execute(code) for code in codes]
        for _ in ids:
            client.get_shell_msg(timeout=WAIT_S)
        self._until_idle(client, ids[-1])
        return time.perf_counter() - started_s

    def listen(self, code: str) -> float:
        """Run one cell with much output, which is read as it comes; return the seconds until its end."""
        client = self._client
        assert client is not None
        started_s = time.perf_counter()
        msg_id = client.execute(code)
        ended_s = self._until_idle(client, msg_id)
        client.get_shell_msg(timeout=WAIT_S)
        return ended_s - started_s

    def _until_idle(self, client: BlockingKernelClient, msg_id: str) -> float:
        """Return when the last message was here: idle, or, where it was dropped with others, what came before it."""
        last_s = time.perf_counter()
        while time.perf_counter() - last_s < WAIT_S:
            try:
                message: dict[str, Any] = client.get_iopub_msg(
                    timeout=SILENCE_S
                )  # Any: whatever a kernel sends
            except Empty:
                if client.shell_channel.is_alive() and client.shell_channel.socket.poll(0):
                    return last_s  # the reply is in, and nothing follows
                continue
            last_s = time.perf_counter()
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    self.lines += content["text"].count("\n")
                case "display_data" | "execute_result":
                    self.outputs += 1
                case "status" if (
                    content["execution_state"] == "idle" and message["parent_header"].get("msg_id") == msg_id
                ):
                    return last_s
                case _:
                    pass
        raise TimeoutError("the kernel says nothing")

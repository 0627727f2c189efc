"""Which batches of runs have come, by the names that their clients gave them: so that one can ask to go after another.

Two requests of one client may come on two connections, in any order. Rule JR7:
docs/specs/jupyter-api.md.
"""

import asyncio
from typing import Final

WAIT_S: Final = 10.0
KNOWN: Final = 1000
"""The newest so many are remembered."""


class Batches:
    """Those of one server."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._came: dict[str, asyncio.Event] = {}

    def came(self, name: str) -> None:
        """It is in the queue now."""
        self._event(name).set()

    async def wait(self, name: str) -> None:
        """Return when it is in the queue.

        Raises:
            TimeoutError: it did not come in `WAIT_S`.
        """
        async with asyncio.timeout(self._wait_s):
            await self._event(name).wait()

    def _event(self, name: str) -> asyncio.Event:
        event = self._came.setdefault(name, asyncio.Event())
        while len(self._came) > KNOWN:
            self._came.pop(next(iter(self._came)))
        return event

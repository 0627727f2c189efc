"""Wait for the first of several futures of different types."""

import asyncio
from typing import Any


async def first_of(*futures: "asyncio.Future[Any]", timeout_s: float | None = None) -> None:
    """Return when one of them is done, or the time is over. What they hold is not looked at.

    `Any`: a Future is invariant in what it holds, and this only asks whether it is done.
    """
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

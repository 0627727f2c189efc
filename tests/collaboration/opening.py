"""The rooms of a registry, with what they keep of text files."""

import asyncio
from collections.abc import Callable

from carnet.collaboration.rooms import Rooms
from carnet.journal.texts import TextStore
from carnet.live.registry import Registry

_OPEN: list[tuple[Rooms, TextStore]] = []


def rooms_of(registry: Registry) -> Rooms:
    """Return rooms; what they have open is closed with the test."""
    texts = TextStore(registry.around.journal)
    rooms = Rooms(registry, texts)
    _OPEN.append((rooms, texts))
    return rooms


async def close_rooms() -> None:
    """Close what tests opened, without saving."""
    while _OPEN:
        rooms, texts = _OPEN.pop()
        rooms.texts.abandon()
        await asyncio.sleep(0)  # what was ended has its turn
        texts.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - files and threads tell nobody
            await asyncio.sleep(0.005)

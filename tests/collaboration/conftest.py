"""Rooms over a registry with real files and a real journal, and clients with Yjs documents of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.collaboration.opening import close_rooms
from tests.live.conftest import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Servers that come and go."""
    world = World(tmp_path)
    yield world
    await close_rooms()
    await world.stop_all()

"""Rooms over a registry with real files and a real journal, and clients with Yjs documents of their own."""

from tests.live.conftest import world

__all__ = ["world"]

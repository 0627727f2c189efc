"""Hands events to whoever listens now. Nothing is kept: who comes later has missed them, as Jupyter's clients expect."""

from collections.abc import Callable


class EventBus:
    """All listeners of one server."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def hear(self, listener: Callable[[str], None]) -> None:
        """Call it with each event, as JSON, from now on. It must not block."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[str], None]) -> None:
        """Call it no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, event: str) -> None:
        """Hand an event to all."""
        for listener in tuple(self._listeners):
            listener(event)

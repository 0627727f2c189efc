"""Who is in a room and where their cursors are: relayed, bounded, never kept. Purely.

Each client says of itself what it likes, as JSON with a rising number. The one
who brought a client in speaks for it: what others say of it is an echo. Rules
CB16, CB17: docs/specs/collaboration.md.
"""

from collections.abc import Hashable, Sequence
from typing import Final

from carnet.collaboration.protocol import Presence

CLIENTS_LIMIT: Final = 8
"""That one connection may speak for."""

GONE: Final = "null"


class PresenceTable:
    """The presences of one room."""

    def __init__(self) -> None:
        self._known: dict[int, Presence] = {}
        self._speaks: dict[int, Hashable] = {}

    def take(self, speaker: Hashable, said: Sequence[Presence]) -> list[Presence]:
        """Return what of it is new, to be told to the others."""
        return [one for one in said if self._take(speaker, one)]

    def leave(self, speaker: Hashable) -> list[Presence]:
        """Return what the others are to be told when a connection is gone."""
        mine = [client for client, owner in self._speaks.items() if owner == speaker]
        gone = [Presence(client, self._known[client].clock + 1, GONE) for client in mine]
        for client in mine:
            del self._speaks[client], self._known[client]
        return gone

    def everybody(self) -> list[Presence]:
        """Return all presences, for somebody who came."""
        return list(self._known.values())

    def _take(self, speaker: Hashable, said: Presence) -> bool:
        known = self._known.get(said.client)
        if known is not None and said.clock <= known.clock:
            # An echo, or its end: that has the number of what it ends.
            mine = self._speaks[said.client] == speaker
            if not (mine and said.clock == known.clock and said.state == GONE):
                return False
        if said.state == GONE:
            if known is None or self._speaks[said.client] != speaker:
                return False
            del self._known[said.client], self._speaks[said.client]
            return True
        if self._speaks.get(said.client) != speaker:
            if sum(owner == speaker for owner in self._speaks.values()) >= CLIENTS_LIMIT:
                return False
            self._speaks[said.client] = speaker
        self._known[said.client] = said
        return True

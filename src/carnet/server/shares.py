"""What everybody who uses the server may hold of it at once, so that nobody holds all of it.

A *holder* is a login, a token, or, where a server asks for neither, an address.
Each thing that one can hold is taken as a lease and given back; what goes beyond
the share is refused with a sentence that names the limit and the way out, and
others do not feel it. Pure counting, for one thread. Rules AC60 to AC66:
docs/specs/access.md.
"""

import enum
from typing import Final, NamedTuple

from carnet.config.settings import Settings
from carnet.errors import TooMuch
from carnet.security.access import Identity
from carnet.security.scopes import Scope

READER_PART: Final = 8
"""Who may only read has this part of the memory: no request of its needs to be large."""


class Holder(NamedTuple):
    """Who holds something."""

    how: str
    user: str
    login_id: str | None
    token_id: str
    address: str = ""
    """Where neither login nor token says more."""


def holder_of(identity: Identity, address: str = "") -> Holder:
    """Return who asks. `address`: where the request came from."""
    login_id = identity.login.login_id if identity.login else None
    has_name = identity.how in {"login", "token", "api-token"}
    return Holder(identity.how, identity.user, login_id, identity.token_id, "" if has_name else address)


class Thing(enum.Enum):
    """What can be held. The value is the setting that says how much."""

    SOCKETS = "holder_sockets"
    """WebSockets of every kind: links, kernels, terminals, events, rooms."""
    LINKS = "holder_links"
    """Links that ordinary requests carry."""
    REQUESTS = "holder_requests"
    """Requests that have no whole answer yet."""
    NOTEBOOKS = "holder_notebooks"
    """Notebooks that pages follow."""
    CONVERSIONS = "holder_conversions"
    """Notebooks that become another format, or wait for it."""
    MEMORY = "holder_memory_bytes"
    """Bytes of requests and messages, until they are handled, and of what waits to be sent on sockets."""
    ANSWERS = "holder_answers"
    """Bytes of answers that their readers have not taken. As much as of memory."""


_SENTENCES: Final = {
    Thing.SOCKETS: "You have {limit} sockets open, as many as one login or token may. Close some",
    Thing.LINKS: "You have {limit} pages linked without WebSockets, as many as one login or token may. Close some",
    Thing.REQUESTS: "{limit} of your requests are under way, as many as one login or token may have. Wait for some",
    Thing.NOTEBOOKS: "Your pages have {limit} notebooks open, as many as those of one login or token may. Close some",
    Thing.CONVERSIONS: "{limit} conversions of yours are under way, as many as one login or token may have. Wait for some",
    Thing.ANSWERS: "You leave answers of {limit} bytes lie, and ask for more. Read some first",
    Thing.MEMORY: "Your requests and messages would take more than {limit} bytes of the server's memory. Send less at once",
}


class Shares:
    """Who holds how much. One for the whole server."""

    def __init__(self, settings: Settings) -> None:
        self._limits: dict[Thing, int] = {
            thing: int(getattr(settings, thing.value)) for thing in Thing if thing is not Thing.ANSWERS
        }
        # One request of the largest kind is always possible.
        self._limits[Thing.MEMORY] = max(self._limits[Thing.MEMORY], settings.max_body_bytes)
        self._limits[Thing.ANSWERS] = self._limits[Thing.MEMORY]
        self._held: dict[tuple[Holder, Thing], int] = {}

    def lease(self, identity: Identity, address: str, thing: Thing) -> "Lease":
        """Return a lease of nothing yet. `address`: where the request came from."""
        limit = self._limits[thing]
        if thing is Thing.MEMORY and identity.scopes <= {Scope.READ}:
            limit //= READER_PART
        return Lease(self, holder_of(identity, address), thing, limit)

    def held(self, holder: Holder, thing: Thing) -> int:
        """Return how much somebody holds."""
        return self._held.get((holder, thing), 0)

    def add(self, holder: Holder, thing: Thing, amount: int) -> None:
        """Count; what nobody holds is not kept."""
        held = self.held(holder, thing) + amount
        if held > 0:
            self._held[holder, thing] = held
        else:
            self._held.pop((holder, thing), None)


class Lease:
    """What one request or connection holds of a thing. To be given back once, by `release`."""

    def __init__(self, shares: Shares | None, holder: Holder, thing: Thing, limit: int) -> None:
        """Args:
        shares: None: nothing is counted.
        """
        self._shares = shares
        self._holder = holder
        self._thing = thing
        self._limit = limit
        self._over = False
        self.amount = 0

    def hold(self, amount: int, *, alone: bool = False) -> None:
        """Hold so much from now on, more or less than before. `alone`: however much, if its holder holds nothing else.

        Raises:
            TooMuch: it is more than the holder's share has left. What was held before is.
        """
        more = amount - self.amount
        if self._shares is None or self._over:
            return
        held = self._shares.held(self._holder, self._thing)
        if more > 0 and held + more > self._limit and not (alone and held == 0):
            sentence = _SENTENCES[self._thing].format(limit=self._limit)
            setting = Thing.MEMORY if self._thing is Thing.ANSWERS else self._thing
            raise TooMuch(f"{sentence}, or set c.NotebookApp.{setting.value} higher.")
        self._shares.add(self._holder, self._thing, more)
        self.amount = amount

    def release(self) -> None:
        """Give all back. Once; later calls, and later holds, do nothing."""
        if self._shares is not None and not self._over:
            self._shares.add(self._holder, self._thing, -self.amount)
        self._over = True
        self.amount = 0


def uncounted(thing: Thing = Thing.MEMORY) -> Lease:
    """Return a lease that is held against nobody."""
    return Lease(None, Holder("", "", None, ""), thing, 0)

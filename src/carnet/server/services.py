"""What handlers are given: one typed value, made once in `server.app`.

`Workbench` is what needs storage, journals and kernels. It is opened after the
port listens, so that the first page does not wait for it.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from carnet.clock import Clock
from carnet.config.load import Loaded
from carnet.config.settings import Settings
from carnet.security.access import Gate
from carnet.security.state import SecurityState
from carnet.security.throttle import Bucket
from carnet.server.doors import Strangers
from carnet.server.index import Shell
from carnet.server.shares import Shares
from carnet.server.static_files import StaticFiles

if TYPE_CHECKING:
    from carnet.server.carriers import Carrier
    from carnet.server.handlers.base import Handler
    from carnet.server.handlers.socket import Socket
    from carnet.server.workbench import Workbench

T = TypeVar("T")


@dataclass
class Services:
    """The parts of one server."""

    loaded: Loaded
    state_folder: Path
    clock: Clock
    gate: Gate
    security: SecurityState
    shell: Shell
    static: StaticFiles
    shares: Shares
    """What everybody holds."""
    open_workbench: Callable[[], Awaitable["Workbench"]]
    """Opens it at the first call, and gives the same one ever after. Raises what kept it from opening."""
    first_page: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody opens a page: time to have a kernel warm."""
    port: int = 0
    is_secure: bool = False
    """We do TLS ourselves."""
    started_ms: int = 0
    last_activity_ms: int = 0
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=8, thread_name_prefix="carnet-server")
    )
    csp_reports: Bucket = field(default_factory=lambda: Bucket(burst=10, refill_s=60.0, tries=10, at_s=0.0))
    """How many reports of browsers the log still takes: a page that breaks its policy does so often."""
    links: "set[Socket | Carrier]" = field(default_factory=set)
    """The open links, to be told goodbye."""
    requests: "weakref.WeakSet[Handler]" = field(default_factory=weakref.WeakSet)
    """Those of who is signed in that are not answered yet."""
    strangers: Strangers = field(default_factory=Strangers)
    """Connections that nobody showed a key on."""
    carriers: "dict[str, Carrier]" = field(default_factory=dict)
    """Those links that are carried by ordinary requests, by id."""

    def drop_carrier(self, carrier: "Carrier") -> None:
        """Forget one that has ended."""
        self.carriers.pop(carrier.carrier_id, None)
        self.links.discard(carrier)

    @property
    def password_hash(self) -> str:
        """The hash of the password in force; empty: there is none."""
        return self.security.accounts.password_hash(self.gate.rules.user, self.settings.password)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

    @property
    def base_url(self) -> str:
        """The base URL, with a slash at both ends."""
        return self.settings.base_url

"""What each tab of JupyterLab has of the documents that are open in it. Kept in memory, bounded.

Requests do not say which tab they come from, and JupyterLab saves without
saying what it had read. `/lab` gives each page that is loaded a name, which comes
with what it asks (LB18). Rules LB18, LB19: docs/specs/lab.md.
"""

import re
from collections import OrderedDict
from typing import Final

from carnet.ids import NotebookPath
from carnet.security.access import Identity

TAB_HEADER: Final = "X-Carnet-Tab"

_NAME: Final = re.compile(r"[0-9a-f]{24}")

TABS_LIMIT: Final = 4096
"""Documents in tabs that are known; of the others JupyterLab asks before it saves over a change, as anywhere."""

Tab = str
"""A tab of one login. Empty: none."""


def tab_of(identity: Identity, header: str) -> Tab:
    """Return the tab that a request comes from."""
    if not _NAME.fullmatch(header):
        return ""
    who = identity.login.login_id if identity.login else f"{identity.how} {identity.token_id}"
    return f"{who} {header}"


class Tabs:
    """The tabs of one server."""

    def __init__(self) -> None:
        self._shared: OrderedDict[tuple[Tab, NotebookPath], None] = OrderedDict()

    def shares(self, tab: Tab, path: NotebookPath) -> None:
        """A tab shares a document: it is in its room, or about to be."""
        if tab:
            self._shared[tab, path] = None
            self._shared.move_to_end((tab, path))
            while len(self._shared) > TABS_LIMIT:
                self._shared.popitem(last=False)

    def is_sharing(self, tab: Tab, path: NotebookPath) -> bool:
        """Return whether a tab does."""
        return (tab, path) in self._shared

    def renamed(self, old: NotebookPath, new: NotebookPath) -> None:
        """Follow a file or a folder to its new path."""
        for tab, path in tuple(self._shared):
            if path == old or path.startswith(f"{old}/"):
                del self._shared[tab, path]
                self.shares(tab, NotebookPath(new + path[len(old) :]))

"""Where a login may lead: a path below our own base URL, or home. Nothing is parsed, nothing repaired.

Seven advisories were fixes of one parser of `next=`; this is a strict pattern
instead. Rule AC12: docs/specs/access.md.
"""

import re
from typing import Final
from urllib.parse import quote

_PATH: Final = re.compile(r"/[A-Za-z0-9_~%./-]*", re.ASCII)


def safe_next(wanted: str, base_url: str) -> str:
    """Return the path to go to after a login: `wanted` (decoded once) if it is certainly ours, or the base URL."""
    if not _PATH.fullmatch(wanted) or "//" in wanted or not wanted.startswith(base_url):
        return base_url
    if any(part in {".", ".."} for part in wanted.replace("%2e", ".").replace("%2E", ".").split("/")):
        return base_url
    return wanted


def next_of(path: str) -> str:
    """Return a decoded path in the form that `safe_next` takes, not yet encoded for a query."""
    return quote(path, safe="/~")

"""Which other origins' pages may use the API, and the headers that tell browsers so (CORS).

As Jupyter has it: `allow_origin` is one origin or `*`, `allow_origin_pat` a
regular expression, here for the whole of an origin. (Jupyter once matched only
its beginning, and let `https://ours.example.evil` in: CVE-2026-40110.) Who is
allowed still has to sign in, and to send the XSRF token with a cookie. Pure.
Rules AC40 to AC43: docs/specs/cross-origin.md.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

METHODS: Final = "GET, PUT, POST, PATCH, DELETE, OPTIONS"
HEADERS: Final = "accept, content-type, authorization, x-xsrftoken"


class CrossOrigin(NamedTuple):
    """What the owner allows."""

    origin: str = ""
    """One origin, `*`, or empty: none."""
    pattern: re.Pattern[str] | None = None
    credentials: bool = False
    """Cookies may come along."""

    def allows(self, origin: str | None) -> bool:
        """Return whether pages of this origin may use the API."""
        if not origin:
            return False
        if self.origin:
            return self.origin in {"*", origin}
        return self.pattern is not None and self.pattern.fullmatch(origin) is not None

    def response(self, origin: str | None, *, has_token: bool) -> dict[str, str]:
        """Return the headers of a response to such a page. A token opens the way for any origin: it is proof enough."""
        if not origin or not (self.allows(origin) or has_token):
            return {}
        # A browser takes no `*` with cookies, and a cache must not hand one origin's answer to another.
        is_any = self.origin == "*" and not self.credentials
        found = {"Access-Control-Allow-Origin": "*" if is_any else origin, "Vary": "Origin"}
        if self.credentials:
            found["Access-Control-Allow-Credentials"] = "true"
        return {**found, "Access-Control-Expose-Headers": "Location"}

    def preflight(self, origin: str | None) -> dict[str, str]:
        """Return the headers that let a page ask; none where its origin is not allowed."""
        if not self.allows(origin):
            return {}
        return {
            **self.response(origin, has_token=False),
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Max-Age": "600",
        }


NOBODY: Final[Mapping[str, str]] = {}
"""No headers: nobody else's page."""

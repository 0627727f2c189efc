"""The HTML shell of the app: Vite's index.html, with what only the server knows put in.

That is: the base URL, a nonce for each script and style, the XSRF token, whose
page it is, and the files that the page about to be shown needs at once. The
shell holds nothing of anybody's notebooks. Rules PG1 to PG7: docs/specs/pages.md.
"""

import json
import re
from collections.abc import Collection
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from carnet import __version__

STATIC_FOLDER: Final = Path(__file__).parent / "static"

_RELATIVE: Final = re.compile(r"""(?<=\s)(src|href)="\./""")
_NONCED: Final = re.compile(r"<(script|style|link)\b")
_NONCE: Final = "@nonce@"
_XSRF: Final = "@xsrf@"
_USER: Final = "@user@"
_BASE: Final = "@base@"
_PLACES: Final = re.compile("|".join((_NONCE, _XSRF, _USER, _BASE)))

NOT_BUILT: Final = (
    "The page is not built. In a checkout, `./run` builds it and starts Carnet; "
    "`python hatch_build.py` builds it alone. An installed Carnet always has it: install it again."
)


class PageNotBuilt(Exception):
    """There is no index.html. `str()` says how to make one."""

    def __init__(self) -> None:
        super().__init__(NOT_BUILT)


class Document(NamedTuple):
    """One shell, ready but for nonce, XSRF token, user and base URL."""

    html: str
    version: str
    """Equal versions mean equal documents."""

    def render(self, *, nonce: str, xsrf: str, user: str, base: str) -> bytes:
        """Return the bytes of the page. `base`: where the base URL is, seen from the page's address."""
        values = {
            _NONCE: nonce,
            _XSRF: escape(xsrf, quote=True),
            _USER: escape(user, quote=True),
            _BASE: escape(base, quote=True),
        }
        return _PLACES.sub(lambda found: values[found[0]], self.html).encode()

    def etag(self, *, xsrf: str, user: str) -> str:
        """Return the entity tag for one reader. The nonce is not in it: see `handlers.pages`."""
        return f'W/"{sha256(f"{self.version} {xsrf} {user}".encode()).hexdigest()[:24]}"'


class Shell:
    """Makes documents from the built index.html, and makes them anew when it was built anew."""

    def __init__(
        self, base_url: str, static_url: str, folder: Path, extras: Collection[str] = frozenset()
    ) -> None:
        """`static_url`: where the built files are served, with a slash at its end; `extras`: what is installed too."""
        self._extras = " ".join(sorted(extras))
        self._static_url = (
            f"{_BASE}{static_url.removeprefix(base_url)}" if static_url.startswith(base_url) else static_url
        )
        self._folder = folder
        self._made_from_ns = 0
        self._documents: dict[str, Document] = {}

    def document(self, page: str) -> Document:
        """Return the shell for a page: `dashboard`, `notebook`, `terminal`, or another (nothing is loaded ahead for it).

        Raises:
            PageNotBuilt: there is no index.html.
        """
        try:
            made_ns = (self._folder / "index.html").stat().st_mtime_ns
        except OSError:
            raise PageNotBuilt from None
        if made_ns != self._made_from_ns:
            self._documents.clear()
            self._made_from_ns = made_ns
        if page not in self._documents:
            self._documents[page] = self._make(page)
        return self._documents[page]

    def _make(self, page: str) -> Document:
        html = (self._folder / "index.html").read_text(encoding="utf-8")
        html = _RELATIVE.sub(lambda found: f'{found[1]}="{self._static_url}', html)
        head = (
            f'<meta property="csp-nonce" nonce="{_NONCE}">'
            f'<meta name="carnet-base-url" content="{_BASE}">'
            f'<meta name="carnet-version" content="{escape(__version__, quote=True)}">'
            f'<meta name="carnet-extras" content="{escape(self._extras, quote=True)}">'
            f'<meta name="carnet-xsrf" content="{_XSRF}">'
            f'<meta name="carnet-user" content="{_USER}">'
        )
        ahead = "".join(self._loaded_ahead(page, html))
        html = html.replace("</head>", f"{head}{ahead}</head>", 1)
        html = _NONCED.sub(rf'<\1 nonce="{_NONCE}"', html)
        version = sha256(f"{__version__} {html}".encode()).hexdigest()
        return Document(html, version)

    def _loaded_ahead(self, page: str, html: str) -> list[str]:
        """Return links for what the page needs at once and index.html does not name itself."""
        try:
            pages = json.loads((self._folder / "preload.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        wanted = pages.get(page, {})
        scripts = [
            f'<link rel="modulepreload" href="{self._static_url}{name}">'
            for name in wanted.get("scripts", [])
        ]
        styles = [
            f'<link rel="stylesheet" href="{self._static_url}{name}">' for name in wanted.get("styles", [])
        ]
        return [
            link for link in (*styles, *scripts) if link.partition('href="')[2].partition('"')[0] not in html
        ]

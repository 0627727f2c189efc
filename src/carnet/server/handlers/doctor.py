"""What `carnet doctor` and the page's connection dialog ask: how a request arrives, and what becomes of answers.

Nothing here is secret, and what is reflected is JSON. Rules DR1 to DR4:
docs/specs/doctor.md.
"""

import asyncio
from typing import Final

from tornado.iostream import StreamClosedError

from carnet import __version__
from carnet.doctor.advice import PROXIES, WHY, lines_for
from carnet.errors import PeerError
from carnet.server.handlers.base import Handler

REFLECTED: Final = (
    "Accept-Encoding",
    "Connection",
    "Forwarded",
    "Upgrade",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "X-Scheme",
)
"""Never those that show who somebody is."""

PIECES: Final = 6
PIECE_S: Final = 0.2
QUIET_LIMIT_S: Final = 120


class Doctor(Handler):
    """How a request arrives."""

    def get(self) -> None:
        """Answer with what the server sees of this request, and with what mends a proxy."""
        request, services = self.request, self.services
        direct = self.admission.direct
        self.answer(
            {
                "version": __version__,
                "now_ms": services.clock.now_ms(),
                "base_url": services.base_url,
                "path": request.path,
                "http": request.version,
                "host": request.headers.get("Host", ""),
                "scheme": request.protocol,
                "address": request.remote_ip,
                "direct": None
                if direct is None
                else {"host": direct.host, "scheme": direct.scheme, "address": direct.address},
                "trust_xheaders": services.settings.trust_xheaders,
                "max_body_bytes": services.settings.max_body_bytes,
                "headers": {name: request.headers[name] for name in REFLECTED if name in request.headers},
                "proxies": PROXIES,
                "advice": {
                    fault.value: {"why": why, "lines": lines_for(fault)} for fault, why in WHY.items()
                },
            }
        )


class DoctorStream(Handler):
    """Whether answers come as they are written."""

    async def get(self) -> None:
        """Write a few pieces, one after the other; with `quiet=SECONDS`, then nothing for so long, then the last."""
        quiet = self.get_query_argument("quiet", "0")
        if not (quiet.isascii() and quiet.isdigit() and len(quiet) <= 3 and int(quiet) <= QUIET_LIMIT_S):
            raise PeerError(f"quiet: a number of seconds is wanted, at most {QUIET_LIMIT_S}.")
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Cache-Control", "no-store, no-transform")
        self.set_header("X-Accel-Buffering", "no")
        try:
            for _ in range(PIECES):
                self.write(b".")
                await self.flush()
                await asyncio.sleep(PIECE_S)
            if int(quiet):
                await asyncio.sleep(int(quiet))
                self.write(b".")
            await self.finish()
        except StreamClosedError:
            pass  # who asked has heard enough


class DoctorBody(Handler):
    """How large a request may be."""

    def post(self) -> None:
        """Answer with the size of what came."""
        self.answer({"bytes": len(self.request.body)})

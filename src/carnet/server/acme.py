"""Keep a certificate of an ACME authority fresh while the server runs. Nobody's link notices.

Until the first one is there, our own self-signed one is shown. What failed is
tried again, later and later. Rules TL13 to TL16: docs/specs/tls.md.
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

from carnet.clock import Clock
from carnet.config.settings import Settings
from carnet.errors import ConfigError
from carnet.security.certificates import Certificate, ensure_self_signed, read_certificate, write_pair
from carnet.security.origins import LOOPBACK_NAMES

try:
    from carnet.security.acme import NotObtained, Order, Proofs, obtain
except ImportError as error:
    raise ConfigError(
        f"tls='acme' needs a package that is not there ({error.name}): pip install carnet[acme]"
    ) from None

log = logging.getLogger("carnet.tls")

FILE: Final = "acme.pem"
ACCOUNT_FILE: Final = "acme-account.json"
LOOK_EVERY_S: Final = 6 * 3600.0
LOOK_SOONEST_S: Final = 1.0
RETRY_FIRST_S: Final = 60.0
RETRY_LAST_S: Final = 6 * 3600.0


def names_of(settings: Settings) -> list[str]:
    """Return the names to get a certificate for.

    Raises:
        ConfigError: there is none that an authority could look up.
    """
    found = [
        name.lower()
        for name in settings.local_hostnames
        if "." in name and name not in LOOPBACK_NAMES and not name.replace(".", "").isdigit()
    ]
    if not found:
        raise ConfigError(
            "tls='acme' needs the public name of this server: c.NotebookApp.local_hostnames = ['notebooks.example.org']."
        )
    return found


class Renewal:
    """Gets certificates, and puts them where `LiveContext` finds them."""

    def __init__(self, settings: Settings, folder: Path, clock: Clock) -> None:
        self.certfile = folder / FILE
        self.proofs = Proofs()
        self._clock = clock
        self._order = Order(
            directory=settings.acme_directory,
            email=settings.acme_email,
            names=names_of(settings),
            account_file=folder / ACCOUNT_FILE,
            uses_http=settings.http_port != 0,
        )
        if not self.certfile.exists():
            ensure_self_signed(self.certfile, self._order.names, now_ms=clock.now_ms())

    def due_in_s(self) -> float:
        """Return the seconds until it is time for a new one; 0: it is missing, our own, for other names, or in its last third."""
        try:
            found = read_certificate(self.certfile)
        except ConfigError:
            return 0.0
        if found.is_self_signed or not set(self._order.names) <= set(found.names):
            return 0.0
        return max(0.0, (_last_third_ms(found) - self._clock.now_ms()) / 1000)

    async def run(self) -> None:
        """Renew until cancelled."""
        retry_s = RETRY_FIRST_S
        while True:
            wait_s = self.due_in_s()
            if wait_s > 0:
                await asyncio.sleep(min(max(wait_s, LOOK_SOONEST_S), LOOK_EVERY_S))
                continue
            try:
                await self.renew()
                retry_s = RETRY_FIRST_S
            except NotObtained as error:
                log.warning("%s It is tried again in %.0f min.", error, retry_s / 60)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_LAST_S)

    async def renew(self) -> None:
        """Get one now.

        Raises:
            NotObtained: why not.
        """
        pem = await asyncio.to_thread(obtain, self._order, self.proofs)
        await asyncio.to_thread(write_pair, self.certfile, pem)
        log.info(
            "a certificate for %s is there, from %s", ", ".join(self._order.names), self._order.directory
        )


def _last_third_ms(certificate: Certificate) -> float:
    """Return when the last third of its life begins."""
    return certificate.not_after_ms - (certificate.not_after_ms - certificate.not_before_ms) / 3

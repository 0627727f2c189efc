"""What programs ask of the server itself: to end, how it is, and that a page broke its policy."""

import json
import logging
import os
import signal
from pathlib import Path

from carnet.server.handlers.base import Handler

log = logging.getLogger("carnet.server")


class Shutdown(Handler):
    """End the server."""

    def post(self) -> None:
        """End the server as SIGTERM does: kernels go on, unless the settings say otherwise."""
        log.info("the server ends: %s asked for it", self.identity.user)
        self.answer_nothing()
        os.kill(os.getpid(), signal.SIGTERM)


class CspReport(Handler):
    """Where browsers report what a page's policy stopped."""

    def post(self) -> None:
        """Note which rule was broken; never what the page held."""
        now_s = self.services.clock.monotonic_s()
        if self.services.csp_reports.wait_s(now_s) == 0:
            self.services.csp_reports.take(now_s)
            log.warning("a page broke its content security policy: %.80s", ascii(self._rule()))
        self.answer_nothing()

    def _rule(self) -> str:
        try:
            report = json.loads(self.request.body)["csp-report"]
            return str(report.get("effective-directive") or report.get("violated-directive", ""))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return ""


class Metrics(Handler):
    """Counts, in the text form of Prometheus."""

    async def get(self) -> None:
        """Answer with counts."""
        bench = await self.workbench()
        kernels = await bench.kernels_if_any()
        gauges = {
            "carnet_kernels": len(kernels),
            "carnet_kernels_busy": sum(one.status == "busy" for one in kernels),
            "carnet_kernels_memory_bytes": sum(one.resident_bytes or 0 for one in kernels),
            "carnet_open_notebooks": len(bench.registry.sessions()),
            "carnet_sockets": len(self.services.links),
            "carnet_start_time_seconds": self.services.started_ms / 1000,
            "carnet_resident_memory_bytes": await self.blocking(_resident_bytes),
        }
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish("".join(f"# TYPE {name} gauge\n{name} {value}\n" for name, value in gauges.items()))


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0  # another system

"""Who is there: the version for anyone, the state of the server and the user for who is signed in."""

from carnet import __version__
from carnet.server.handlers.base import Handler
from carnet.server.times import iso_time

JUPYTER_VERSION = "2.17.0"
"""Clients switch on the version of Jupyter Server: this is the one whose API we speak."""


class Version(Handler):
    """The version. Health probes ask for it."""

    def get(self) -> None:
        """Answer with the versions."""
        self.answer({"version": JUPYTER_VERSION, "carnet": __version__})


class Status(Handler):
    """How the server is: since when, how many kernels and links."""

    async def get(self) -> None:
        """Answer with counts and times."""
        bench = await self.workbench()
        kernels = await bench.kernels_if_any()
        self.answer(
            {
                "started": iso_time(self.services.started_ms),
                "last_activity": iso_time(self.services.last_activity_ms or self.services.started_ms),
                "connections": len(self.services.links),
                "kernels": len(kernels),
            }
        )


class Me(Handler):
    """Who asks, in Jupyter's shape."""

    def get(self) -> None:
        """Answer with who asks. Whoever is signed in may do everything: there is one owner."""
        user = self.identity.user
        everything = {resource: ["read", "write"] for resource in ("contents", "kernelspecs", "server")}
        everything["kernels"] = ["read", "write", "execute"]
        everything["sessions"] = ["read", "write"]
        self.answer(
            {
                "identity": {
                    "username": user,
                    "name": user,
                    "display_name": user,
                    "initials": user[:1].upper(),
                    "avatar_url": None,
                    "color": None,
                },
                "permissions": everything,
                "xsrf": self.services.gate.xsrf_token(self.admission.cookie, self.identity),
            }
        )

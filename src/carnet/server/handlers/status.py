"""Who is there: the version for anyone, the state of the server and the user for who is signed in."""

from typing import TYPE_CHECKING, Final

import msgspec

from carnet import __version__
from carnet.errors import PeerError
from carnet.security.access import Identity
from carnet.security.scopes import Scope
from carnet.server.handlers.base import Handler
from carnet.server.times import iso_time

if TYPE_CHECKING:
    from carnet.server.workbench import Workbench

JUPYTER_VERSION = "2.17.0"
"""Clients switch on the version of Jupyter Server: this is the one whose API we speak."""


_EVERYTHING: Final = {
    resource: ["read", "write", "execute"]
    for resource in ("contents", "kernels", "kernelspecs", "sessions", "terminals", "events", "server")
}


UPDATABLE: Final = ("display_name", "initials", "color")
"""Of one's own identity. Not `avatar_url`: other people's pages would fetch it."""

FIELD_LENGTH: Final = 100

_ME: Final = "api.me."


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

    async def get(self) -> None:
        """Answer with who asks. `permissions={"kernels": ["execute"]}`: which of these they may; else all they may."""
        asked = self.get_query_argument("permissions", "")
        try:
            wanted: dict[str, list[str]] = msgspec.json.decode(asked or "{}", type=dict[str, list[str]])
        except msgspec.MsgspecError:
            raise PeerError('permissions: a JSON object as {"kernels": ["execute"]} is wanted.') from None
        permissions = {
            resource: [action for action in actions if _may(self.identity, resource, action)]
            for resource, actions in (wanted or _EVERYTHING).items()
        }
        permissions["updatable_fields"] = list(UPDATABLE)
        self.answer(
            {
                "identity": identity_model(await self.workbench(), self.identity.user),
                "permissions": permissions,
                "xsrf": self.services.gate.xsrf_token(self.admission.cookie, self.identity),
            }
        )

    async def patch(self) -> None:
        """Change how others see who asks: `display_name`, `initials`, `color`. Null: as it was at first."""
        body = self.json_body()
        for name, value in body.items():
            if name not in UPDATABLE:
                raise PeerError(f"{name}: it cannot be changed; {', '.join(UPDATABLE)} can.")
            if value is not None and (not isinstance(value, str) or len(value) > FIELD_LENGTH):
                raise PeerError(f"{name}: text of at most {FIELD_LENGTH} characters is wanted.")
        if not body:
            raise PeerError(f"Nothing to change was sent; {', '.join(UPDATABLE)} can be.")
        bench, user = await self.workbench(), self.identity.user
        chosen = {name: value for name, value in (_chosen(bench, user) | body).items() if value is not None}
        bench.journal.put_value(_ME + user, msgspec.json.encode(chosen) if chosen else None)
        self.answer({"status": "success", "identity": identity_model(bench, user)})


def identity_model(bench: "Workbench", user: str) -> dict[str, str | None]:
    """Return Jupyter's model of a user. The name to sign in with is never changed here."""
    model: dict[str, str | None] = {
        "username": user,
        "name": user,
        "display_name": user,
        "initials": user[:1].upper(),
        "avatar_url": None,
        "color": None,
    }
    return model | _chosen(bench, user)


def _chosen(bench: "Workbench", user: str) -> dict[str, str]:
    stored = bench.journal.get_value(_ME + user)
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, str])


def _may(identity: Identity, resource: str, action: str) -> bool:
    """Return whether somebody may do what Jupyter calls an action on a resource."""
    if action == "read":
        return Scope.READ in identity.scopes
    if action not in {"write", "execute"}:
        return False
    runs = action == "execute" or resource in {"kernels", "sessions", "terminals"}
    return (Scope.RUN if runs else Scope.ADMIN if resource == "server" else Scope.EDIT) in identity.scopes

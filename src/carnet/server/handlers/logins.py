"""`/api/logins`: the devices that are signed in, and signing them out."""

from carnet.errors import NotFound
from carnet.security.logins import Login
from carnet.server.handlers.base import Handler
from carnet.server.signing_in import must_confirm, sign_out
from carnet.server.times import iso_time

SHOWN = 16
"""Digits of a login's id that go out: enough to name one."""


UNCONFIRMED = "Confirm that it is you first: the account page asks for the password, or a passkey."


class Logins(Handler):
    """The devices that are signed in; or sign all others out."""

    def get(self) -> None:
        """List them, the last used first."""
        own = self.identity.login.login_id if self.identity.login else None
        self.answer(
            [
                {
                    "id": one.login_id[:SHOWN],
                    "device": one.device,
                    "address": one.address,
                    "created": iso_time(one.created_ms),
                    "last_used": iso_time(one.used_ms),
                    "is_this": one.login_id == own,
                }
                for one in self.services.gate.logins.all()
            ]
        )

    def delete(self) -> None:
        """Sign every other device out."""
        own = self.identity.login.login_id if self.identity.login else None
        if is_unconfirmed(self):
            return
        for one in self.services.gate.logins.all():
            if one.login_id != own:
                revoke(self, one)
        self.answer_nothing()


def is_unconfirmed(handler: Handler) -> bool:
    """Refuse a page whose owner has not shown a password or a passkey just now (AC58). Return whether it was refused."""
    if handler.identity.how != "login" or not must_confirm(handler):
        return False
    handler.refuse(403, "confirm", UNCONFIRMED)
    return True


def revoke(handler: Handler, login: Login) -> None:
    """Sign a device out, and note who did it."""
    is_own = handler.identity.login is not None and handler.identity.login.login_id == login.login_id
    sign_out(handler.services, login.login_id, "signed-out" if is_own else "elsewhere")
    handler.services.security.audit.note(
        "login-revoked",
        user=handler.identity.user,
        address=handler.request.remote_ip or "",
        detail=login.device,
    )


class OneLogin(Handler):
    """Sign a device out."""

    def delete(self, shown_id: str) -> None:
        """Sign it out."""
        for one in self.services.gate.logins.all():
            if one.login_id.startswith(shown_id):
                is_own = self.identity.login is not None and self.identity.login.login_id == one.login_id
                if not is_own and is_unconfirmed(self):
                    return
                revoke(self, one)
                self.answer_nothing()
                return
        raise NotFound("There is no such login; it may have ended.")

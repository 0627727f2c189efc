"""What a test does to logins behind a server's back, as a command in another process does it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from carnet.clock import SystemClock
from carnet.security.logins import Ending, LoginTable
from carnet.security.owner import owner_name
from carnet.security.state import SecurityState
from carnet.security.totp import STEP_S, code_at


def end_logins(state_folder: Path, why: Ending) -> None:
    """Sign every device out."""
    with closing(LoginTable(state_folder, SystemClock())) as table:
        table.end_all(why)


def forget_confirmations(state_folder: Path) -> None:
    """Let ten minutes pass: everybody is asked who they are again."""
    with closing(LoginTable(state_folder, SystemClock())) as table:
        table.forget_confirmations()


@contextmanager
def set_up_codes(state_folder: Path, secret: str) -> Iterator[None]:
    """Ask for one-time codes while this lasts."""
    clock = SystemClock()
    with closing(SecurityState.open(state_folder, clock)) as state:
        # The step before: the code of this one is for the test.
        step = clock.now_ms() // 1000 // STEP_S - 1
        assert state.factors.set_up(owner_name(), secret, code_at(secret, step))
        try:
            yield
        finally:
            state.factors.remove(owner_name())


def forget_passkeys(state_folder: Path) -> None:
    """Remove every passkey, and what they were needed for."""
    with closing(SecurityState.open(state_folder, SystemClock())) as state:
        for one in state.passkeys.all(owner_name()):
            state.passkeys.remove(owner_name(), one.passkey_id)
        state.factors.require_one(owner_name())

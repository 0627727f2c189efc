"""Guessing takes time and leaves a trace (AC9 to AC11), with a clock that the test moves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar, cast

import pytest

from carnet.lib import passwd
from carnet.security.access import Gate, GateRules
from carnet.security.logins import LoginTable
from carnet.security.state import SecurityState
from carnet.security.throttle import Throttle
from carnet.server.handlers.base import Handler
from carnet.server.judging import Given, judge
from carnet.testing.fake_clock import FakeClock

HASH = passwd("right", "sha1")

T = TypeVar("T")


class Sender:
    """Stands for the handler of one request: what `judge` takes from it."""

    def __init__(self, services: SimpleNamespace, address: str) -> None:
        self.services = services
        self.request = SimpleNamespace(remote_ip=address)

    async def blocking(self, function: Callable[..., T], *arguments: object) -> T:
        return function(*arguments)


class Attacked:
    """A server that somebody tries to get into."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.state = SecurityState.open(folder, self.clock)
        self.logins = LoginTable(folder, self.clock)
        rules = GateRules("ada", "", True, False, frozenset())
        throttle = Throttle(self.state.attempts, self.clock)
        self.services = SimpleNamespace(
            gate=Gate(rules, self.logins, throttle, self.clock, self.state.tokens),
            security=self.state,
            clock=self.clock,
            settings=SimpleNamespace(password=HASH),
            password_hash=HASH,
        )

    async def tries(self, typed: str, address: str = "192.0.2.1") -> int:
        """Type something, and return the status of the answer."""
        sender = cast("Handler", Sender(self.services, address))
        return (await judge(sender, Given(typed))).status

    async def guess(self, count: int, addresses: list[str]) -> float:
        """Guess as fast as it goes until so many guesses were judged; return the seconds that it took."""
        began_s = self.clock.monotonic_s()
        judged = 0
        while judged < count:
            for address in addresses:
                if await self.tries("wrong", address) == 401:
                    judged += 1
            self.clock.advance(0.5)
        return self.clock.monotonic_s() - began_s

    def count(self, event: str) -> int:
        return len([one for one in self.state.audit.latest(1000) if one.event == event])


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[Attacked]:
    one = Attacked(tmp_path)
    yield one
    one.logins.close()
    one.state.close()


async def test_ac9_thirty_wrong_passwords_take_more_than_a_minute_and_stand_in_the_audit(
    attacked: Attacked,
) -> None:
    took_s = await attacked.guess(30, ["192.0.2.1"])

    assert took_s > 60
    assert attacked.count("login-refused") == 30
    assert attacked.count("login-throttled") > 0
    assert {one.address for one in attacked.state.audit.latest(1000)} == {"192.0.2.1"}


async def test_ac10_many_addresses_together_are_no_faster_in_the_end(attacked: Attacked) -> None:
    strangers = [f"198.51.100.{number}" for number in range(40)]

    took_s = await attacked.guess(70, strangers)

    assert took_s > 200  # 30 at once, then one in 6 s


async def test_ac10_the_owner_gets_in_while_strangers_guess(attacked: Attacked) -> None:
    assert await attacked.tries("right", "203.0.113.5") == 200
    await attacked.guess(40, [f"198.51.100.{number}" for number in range(40)])

    assert await attacked.tries("right", "198.51.100.250") == 429
    assert await attacked.tries("right", "203.0.113.5") == 200


async def test_ac10_one_typing_error_costs_nothing(attacked: Attacked) -> None:
    assert await attacked.tries("wrong") == 401
    assert await attacked.tries("right") == 200
    assert await attacked.tries("right") == 200


async def test_ac11_a_restart_helps_nobody(attacked: Attacked) -> None:
    await attacked.guess(5, ["192.0.2.1"])
    attacked.services.gate.throttle = Throttle(attacked.state.attempts, attacked.clock)

    assert await attacked.tries("right") == 429
    attacked.clock.advance(13)
    assert await attacked.tries("right") == 200


async def test_ac28_the_old_hash_is_renewed(attacked: Attacked) -> None:
    assert await attacked.tries("right") == 200

    assert attacked.state.accounts.password_hash("ada", HASH).startswith("argon2:$argon2id$")
    assert attacked.count("password-renewed") == 1

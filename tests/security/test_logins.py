"""Logins: on the server, hashed, listed, ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from carnet.database import database_path
from carnet.security.logins import (
    ENDED_KEPT,
    ENDINGS,
    IDLE_MS,
    LIFE_MS,
    TOUCH_MS,
    UNKNOWN_ENDING,
    LoginTable,
    came_from_form,
    device_label,
)

DAY_MS = 24 * 3600 * 1000


@dataclass
class HandClock:
    """A clock moved by hand."""

    ms: int = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic_s(self) -> float:
        return self.ms / 1000


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def table(tmp_path: Path, clock: HandClock) -> Iterator[LoginTable]:
    table = LoginTable(tmp_path, clock)
    yield table
    table.close()


def sign_in(table: LoginTable, agent: str = "") -> tuple[str, str]:
    secret, login = table.create("ann", user_agent=agent, address="10.0.0.1")
    return secret, login.login_id


def test_ac17_only_a_hash_is_kept(table: LoginTable, tmp_path: Path) -> None:
    secret, login_id = sign_in(table)
    found = table.find(secret)

    assert found is not None
    assert (found.user, found.login_id, found.address) == ("ann", login_id, "10.0.0.1")
    assert len(secret) >= 43  # 256 bits
    for path in tmp_path.iterdir():
        assert secret.encode() not in path.read_bytes()
    assert database_path(tmp_path).stat().st_mode & 0o077 == 0


def test_ac17_what_is_no_secret_opens_nothing(table: LoginTable) -> None:
    secret, login_id = sign_in(table)

    assert [
        table.find(one) for one in ("", login_id, secret[:-1], secret.upper(), "é\udcff", "' OR 1=1 --")
    ] == [None] * 6


def test_ac18_logins_survive_a_restart(tmp_path: Path, clock: HandClock) -> None:
    first = LoginTable(tmp_path, clock)
    secret, _ = sign_in(first)
    first.close()
    second = LoginTable(tmp_path, clock)

    assert second.find(secret) is not None
    second.close()


def test_ac19_two_weeks_without_use_end_a_login(table: LoginTable, clock: HandClock) -> None:
    secret, _ = sign_in(table)
    clock.ms += IDLE_MS
    assert table.find(secret) is not None
    clock.ms += IDLE_MS + 1
    assert table.find(secret) is None
    assert table.all() == []


def test_ac19_thirty_days_end_it_however_much_it_is_used(table: LoginTable, clock: HandClock) -> None:
    secret, _ = sign_in(table)
    for _ in range(30):
        clock.ms += DAY_MS - 1000
        assert table.find(secret) is not None
    clock.ms += LIFE_MS - 30 * (DAY_MS - 1000) + 1
    assert table.find(secret) is None


def test_the_time_of_last_use_is_written_now_and_then(table: LoginTable, clock: HandClock) -> None:
    secret, _ = sign_in(table)
    clock.ms += TOUCH_MS
    table.find(secret)
    assert table.all()[0].used_ms == clock.ms - TOUCH_MS
    clock.ms += 1
    table.find(secret)
    assert table.all()[0].used_ms == clock.ms


def test_ac20_one_the_others_or_all_are_ended(table: LoginTable, clock: HandClock) -> None:
    secrets_and_ids = []
    for _ in range(4):
        clock.ms += 1
        secrets_and_ids.append(sign_in(table))
    (one, one_id), (two, two_id), (three, _), _ = secrets_and_ids

    assert len(table.all()) == 4
    assert (table.end(one_id), table.end(one_id)) == (True, False)
    assert table.find(one) is None
    assert table.end_others(two_id) == 2
    assert (table.find(two) is None, table.find(three)) == (False, None)
    assert table.end_all() == 1
    assert table.find(two) is None


def test_ac38_why_a_login_ended_is_known_to_who_had_it(
    table: LoginTable, tmp_path: Path, clock: HandClock
) -> None:
    (out, out_id), (far, far_id), (changed, _), (kept, kept_id) = (sign_in(table) for _ in range(4))
    table.end(out_id, "signed-out")
    table.end(far_id)
    table.end_others(kept_id, "password")
    clock.ms += IDLE_MS + 1
    assert table.find(kept) is None
    table.close()
    again = LoginTable(tmp_path, clock)

    assert [again.why_secret_ended(one) for one in (out, far, changed, kept, "never one")] == [
        *(ENDINGS[why] for why in ("signed-out", "elsewhere", "password", "too-old")),
        UNKNOWN_ENDING,
    ]
    again.close()


def test_ac38_what_is_known_of_ended_logins_is_bounded(table: LoginTable) -> None:
    first, _ = sign_in(table)
    table.end_all()
    for _ in range(ENDED_KEPT):
        _, login_id = sign_in(table)
        table.end(login_id)

    assert table.why_secret_ended(first) == UNKNOWN_ENDING
    assert table.why_ended(login_id) == ENDINGS["elsewhere"]


def test_a_login_knows_the_form_it_came_from(table: LoginTable) -> None:
    _, login = table.create("ann", user_agent="", address="", form_token="token")
    _, other = table.create("ann", user_agent="", address="")

    assert came_from_form(login, "token")
    assert not came_from_form(login, "")
    assert not came_from_form(other, "")


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36",
            "Chrome on Windows",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.10.1", "curl"),
        ("", "unknown device"),
        ("<script>", "unknown device"),
    ],
)
def test_devices_are_told_in_words(agent: str, label: str) -> None:
    assert device_label(agent) == label

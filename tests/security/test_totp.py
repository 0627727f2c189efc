"""One-time codes, against the numbers in RFC 6238 (AC31)."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from carnet.security.totp import code_at, matching_step, new_secret, setup_url

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_ac31_the_codes_are_those_of_rfc_6238(at_s: int, code: str) -> None:
    assert code_at(RFC_SECRET, at_s // 30) == code
    assert matching_step(RFC_SECRET, code, now_ms=at_s * 1000, last_step=-1) == at_s // 30


@pytest.mark.parametrize(("off_s", "fits"), [(-61, False), (-30, True), (0, True), (30, True), (60, False)])
def test_ac31_one_step_of_difference_is_forgiven(off_s: int, fits: bool) -> None:
    now_s = 3_000_000
    code = code_at(RFC_SECRET, (now_s + off_s) // 30)

    assert (matching_step(RFC_SECRET, code, now_ms=now_s * 1000, last_step=-1) is not None) is fits


def test_ac31_a_code_may_be_typed_with_a_space(  # as apps show it
) -> None:
    assert matching_step(RFC_SECRET, " 287 082 ", now_ms=59_000, last_step=-1) == 1


def test_ac31_a_used_code_is_not_taken_again() -> None:
    assert matching_step(RFC_SECRET, "287082", now_ms=59_000, last_step=1) is None


@pytest.mark.parametrize("code", ["", "28708", "2870822", "é87082", "28708\udcff"])
def test_ac31_what_is_no_code(code: str) -> None:
    assert matching_step(RFC_SECRET, code, now_ms=59_000, last_step=-1) is None


def test_the_address_for_apps() -> None:
    url = urlsplit(setup_url("ABC", user="ada", host="a.example"))

    assert (url.scheme, url.netloc) == ("otpauth", "totp")
    assert parse_qs(url.query)["secret"] == ["ABC"]
    assert len(base64.b32decode(new_secret())) == 20

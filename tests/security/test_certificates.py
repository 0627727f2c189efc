"""Certificates that we make, and what we read from others (TL1 to TL4)."""

import subprocess
from pathlib import Path

import pytest

from carnet.errors import ConfigError
from carnet.security.certificates import (
    ensure_self_signed,
    make_self_signed,
    read_certificate,
    write_pair,
)

NOW_MS = 1_795_000_000_000
DAY_MS = 24 * 3600 * 1000


def made(folder: Path, *names: str, days: int = 365) -> Path:
    path = folder / "pair.pem"
    write_pair(path, make_self_signed(names, now_ms=NOW_MS, days=days))
    return path


def test_tl1_it_is_for_every_name_and_address(tmp_path: Path) -> None:
    names = ("host.example.org", "localhost", "192.0.2.7", "2001:db8::1")

    found = read_certificate(made(tmp_path, *names))

    assert set(found.names) == set(names)
    assert found.is_self_signed
    assert found.not_after_ms == NOW_MS + 365 * DAY_MS
    assert found.days_left(NOW_MS) == 365


def test_tl1_openssl_sees_a_p256_key_for_servers_only(tmp_path: Path) -> None:
    text = subprocess.run(
        ["openssl", "x509", "-in", made(tmp_path, "a.example"), "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for wanted in ("ASN1 OID: prime256v1", "ecdsa-with-SHA256", "CA:FALSE", "TLS Web Server Authentication"):
        assert wanted in text


def test_tl2_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = made(tmp_path / "new", "a.example")

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.parent.iterdir()) == [path]


def test_tl3_the_fingerprint_is_the_one_that_browsers_show(tmp_path: Path) -> None:
    path = made(tmp_path, "a.example")
    said = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.strip().partition("=")[2] == read_certificate(path).sha256


def test_tl4_ours_is_kept_while_it_is_good(tmp_path: Path) -> None:
    path = tmp_path / "pair.pem"
    first = ensure_self_signed(path, ["a.example"], now_ms=NOW_MS)

    assert ensure_self_signed(path, ["a.example"], now_ms=NOW_MS + 300 * DAY_MS) == first


@pytest.mark.parametrize(
    ("names", "later_days"), [(["a.example", "b.example"], 0), (["a.example"], 336), (["a.example"], 400)]
)
def test_tl4_ours_is_made_anew_for_a_new_name_or_before_it_ends(
    tmp_path: Path, names: list[str], later_days: int
) -> None:
    path = tmp_path / "pair.pem"
    first = ensure_self_signed(path, ["a.example"], now_ms=NOW_MS)

    second = ensure_self_signed(path, names, now_ms=NOW_MS + later_days * DAY_MS)

    assert second.sha256 != first.sha256
    assert second.days_left(NOW_MS + later_days * DAY_MS) == 365


def test_names_of_other_scripts_are_spelt_for_machines(tmp_path: Path) -> None:
    assert read_certificate(made(tmp_path, "bücher.example")).names == ("xn--bcher-kva.example",)


def test_a_name_that_is_none() -> None:
    with pytest.raises(ConfigError, match="needs a name"):
        make_self_signed([], now_ms=NOW_MS)


@pytest.mark.parametrize(
    "text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_a_certificate(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.pem"
    path.write_text(text)

    with pytest.raises(ConfigError, match=str(path)):
        read_certificate(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_certificate(tmp_path / "a.pem")

"""TLS as we speak it: real handshakes in memory (TL5 to TL9)."""

import os
import ssl
import subprocess
from pathlib import Path

import pytest

from carnet.errors import ConfigError
from carnet.security.certificates import make_self_signed, write_pair
from carnet.security.tls import BETTER_COMMAND, LOOK_EVERY_S, LiveContext, make_context
from carnet.testing.fake_clock import FakeClock
from tests.conftest import ExpectLog

NOW_MS = 1_795_000_000_000


def pair(path: Path, name: str = "a.example") -> Path:
    write_pair(path, make_self_signed([name], now_ms=NOW_MS))
    return path


def client(**attributes: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


def handshake(server: ssl.SSLContext, browser: ssl.SSLContext) -> ssl.SSLObject:
    """Shake hands in memory and return the browser's end."""
    to_server, to_browser = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(to_server, to_browser, server_side=True)
    ours = browser.wrap_bio(to_browser, to_server)
    waiting = [ours, theirs]
    for _ in range(10):
        for end in tuple(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            return ours
    raise AssertionError("it never ended")


def name_of(end: ssl.SSLObject) -> bytes:
    der = end.getpeercert(binary_form=True)
    assert der is not None
    return der


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tl5_todays_versions_are_spoken(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = make_context(pair(tmp_path / "a.pem"), None)

    end = handshake(context, client(minimum_version=version, maximum_version=version))

    assert end.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[version]
    assert end.selected_alpn_protocol() is None


def test_tl5_older_versions_are_not(tmp_path: Path) -> None:
    context = make_context(pair(tmp_path / "a.pem"), None)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old = client(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")

    with pytest.raises(ssl.SSLError):
        handshake(context, old)


@pytest.mark.parametrize(
    "ciphers", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "AES128-GCM-SHA256"]
)
def test_tl6_suites_without_authenticated_encryption_or_forward_secrecy_are_not(
    tmp_path: Path, ciphers: str
) -> None:
    context = make_context(pair(tmp_path / "a.pem"), None)
    browser = client(maximum_version=ssl.TLSVersion.TLSv1_2)
    browser.set_ciphers(ciphers)

    with pytest.raises(ssl.SSLError):
        handshake(context, browser)


def test_tl6_the_suites_are_mozillas_intermediate_ones(tmp_path: Path) -> None:
    context = make_context(pair(tmp_path / "a.pem"), None)

    assert {one["name"] for one in context.get_ciphers()} == {
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
    }


def can_name(curve: str) -> bool:
    """Some builds of Python (Debian's 3.11.2) can only name the older curves."""
    try:
        client().set_ecdh_curve(curve)
    except (ValueError, ssl.SSLError):
        return False
    return True


@pytest.mark.parametrize(
    ("ours", "theirs", "works"),
    [
        ("X25519", "X25519" if can_name("X25519") else "prime256v1", True),
        ("X25519", "secp521r1", False),
        ("prime256v1", "prime256v1", True),
        ("prime256v1", "secp521r1", False),
    ],
)
def test_tl6_the_curve_is_the_one_that_is_set(tmp_path: Path, ours: str, theirs: str, works: bool) -> None:
    context = make_context(pair(tmp_path / "a.pem"), None, curve=ours)
    browser = client()
    browser.set_ecdh_curve(theirs)

    if works:
        handshake(context, browser)
    else:
        with pytest.raises(ssl.SSLError):
            handshake(context, browser)


def test_tl6_a_curve_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="knows no curve 'oval'"):
        make_context(pair(tmp_path / "a.pem"), None, curve="oval")


def test_tl7_a_renewed_certificate_is_taken_up_and_the_old_link_lives(tmp_path: Path) -> None:
    clock = FakeClock()
    path = pair(tmp_path / "a.pem", "old.example")
    live = LiveContext(path, None, clock)
    old = handshake(live.current(), client())

    pair(path, "new.example")
    clock.advance(LOOK_EVERY_S)
    new = handshake(live.current(), client())

    assert b"new.example" in name_of(new)
    assert b"old.example" in name_of(old)


def test_tl7_files_are_not_looked_at_for_each_connection(tmp_path: Path) -> None:
    clock = FakeClock()
    path = pair(tmp_path / "a.pem")
    live = LiveContext(path, None, clock)
    first = live.current()
    pair(path)

    clock.advance(LOOK_EVERY_S / 2)

    assert live.current() is first


@pytest.mark.parametrize("text", ["", "half a certi", None])
def test_tl8_a_broken_pair_changes_nothing(tmp_path: Path, text: str | None, expect_log: ExpectLog) -> None:
    expect_log("the old one stays", logger="carnet.tls")
    clock = FakeClock()
    path = pair(tmp_path / "a.pem")
    live = LiveContext(path, None, clock)
    first = live.current()
    if text is None:
        path.unlink()
    else:
        path.write_text(text)

    clock.advance(LOOK_EVERY_S)

    assert live.current() is first


def openssl(*arguments: str | os.PathLike[str]) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def test_tl9_the_originals_rsa_1024_is_explained_with_a_command_that_works(tmp_path: Path) -> None:
    path = tmp_path / "mycert.pem"
    openssl(
        "req",
        "-x509",
        "-nodes",
        "-days",
        "365",
        "-newkey",
        "rsa:1024",
        "-subj",
        "/CN=x",
        "-keyout",
        path,
        "-out",
        path,
    )

    with pytest.raises(ConfigError) as caught:
        make_context(path, None)

    assert "too weak to be safe today" in str(caught.value)
    assert "`carnet cert`" in str(caught.value)
    assert BETTER_COMMAND in str(caught.value)


@pytest.mark.slow
def test_tl9_the_command_we_offer_works(tmp_path: Path) -> None:
    words = BETTER_COMMAND.split()[1:]
    subprocess.run(["openssl", *words, "-subj", "/CN=x"], check=True, capture_output=True, cwd=tmp_path)

    handshake(make_context(tmp_path / "mycert.pem", None), client())


def test_tl9_key_and_certificate_apart(tmp_path: Path) -> None:
    both = pair(tmp_path / "a.pem").read_text()
    key, _, certificate = both.partition("-----BEGIN CERTIFICATE-----")
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----" + certificate)

    handshake(make_context(tmp_path / "cert.pem", tmp_path / "key.pem"), client())
    with pytest.raises(ConfigError, match="--keyfile=FILE must name the key"):
        make_context(tmp_path / "cert.pem", None)
    with pytest.raises(ConfigError, match="does not belong to the certificate"):
        make_context(tmp_path / "cert.pem", pair(tmp_path / "other.pem"))
    with pytest.raises(ConfigError, match="keyfile: there is no file"):
        make_context(tmp_path / "cert.pem", tmp_path / "no.pem")


def test_tl9_a_key_with_a_password_is_not_asked_for_on_the_terminal(tmp_path: Path) -> None:
    path = pair(tmp_path / "a.pem")
    openssl("pkey", "-in", path, "-aes128", "-passout", "pass:word", "-out", tmp_path / "key.pem")

    with pytest.raises(ConfigError, match="is encrypted"):
        make_context(path, tmp_path / "key.pem")

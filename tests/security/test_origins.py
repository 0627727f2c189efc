"""Host names and origins: exact, or refused."""

import pytest

from carnet.security.origins import host_name, is_loopback, is_our_host, is_same_origin


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("localhost:8888", "localhost"),
        ("LocalHost", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:8888", "::1"),
        ("[::1]", "::1"),
        ("a.b-c_d.example", "a.b-c_d.example"),
        ("", None),
        ("a@b", None),
        ("a:b", None),
        ("a:1:2", None),
        ("a/b", None),
        ("a b", None),
        ("::1", None),
        ("a:123456", None),
        ("a\n", None),
        ("ａ", None),
    ],
)
def test_ac2_the_name_in_a_host_header(authority: str, name: str | None) -> None:
    assert host_name(authority) == name


@pytest.mark.parametrize(
    "authority", ["localhost", "127.0.0.1:9", "[::1]:9", "mine.example:80", "MINE.example", "10.0.0.5:1"]
)
def test_ac2_our_names(authority: str) -> None:
    assert is_our_host(authority, names={"mine.example"}, local_address="10.0.0.5")


@pytest.mark.parametrize(
    "authority",
    [
        "evil.example",
        "mine.example.evil.example",
        "xmine.example",
        "10.0.0.6",
        "10.0.0.5.evil.example",
        "",
        "mine.example.",
    ],
)
def test_ac2_other_names(authority: str) -> None:
    assert not is_our_host(authority, names={"mine.example"}, local_address="10.0.0.5")


@pytest.mark.parametrize(
    ("origin", "scheme", "authority"),
    [
        ("http://localhost:8888", "http", "localhost:8888"),
        ("http://LOCALHOST:8888", "http", "localhost:8888"),
        ("http://a.example", "http", "a.example"),
        ("http://a.example:80", "http", "a.example"),
        ("https://a.example", "https", "a.example:443"),
        ("https://a.example", "http", "a.example"),  # a proxy in front does TLS
        ("http://[::1]:8888", "http", "[::1]:8888"),
    ],
)
def test_ac4_the_same_origin(origin: str, scheme: str, authority: str) -> None:
    assert is_same_origin(origin, scheme=scheme, authority=authority)


@pytest.mark.parametrize(
    "origin",
    [
        "http://a.example",
        "http://a.example:8889",
        "http://a.example:8888.evil.example",
        "http://evil.example/a.example:8888",
        "http://a.example:8888/",
        "http://a.example:8888@evil.example",
        "http://evil.example?a.example:8888",
        "http://evil.example#a.example:8888",
        "ftp://a.example:8888",
        "file://",
        "null",
        "",
        "a.example:8888",
        "http://xa.example:8888",
        "http://a.example:8888 http://evil.example",
    ],
)
def test_ac4_another_origin(origin: str) -> None:
    assert not is_same_origin(origin, scheme="http", authority="a.example:8888")


def test_ac4_http_is_not_https() -> None:
    assert not is_same_origin("http://a.example", scheme="https", authority="a.example")


def test_loopback_addresses() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1")))
    assert not any(
        map(is_loopback, ("0.0.0.0", "", "*", "::", "10.0.0.1", "localhost.example", "::ffff:10.0.0.1"))
    )

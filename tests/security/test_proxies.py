"""What proxies say, and whom we believe (AC34 to AC36)."""

import pytest

from carnet.errors import ConfigError
from carnet.security.proxies import PRIVATE, Seen, networks, seen_through

TRUSTED = networks(PRIVATE)
FROM_PROXY = Seen("10.0.0.2", "http", "backend:8888")


def through(peer: Seen = FROM_PROXY, **headers: str) -> Seen:
    return seen_through(peer, {name.replace("_", "-"): value for name, value in headers.items()}, TRUSTED)


def test_ac34_a_proxy_of_ours_is_believed() -> None:
    seen = through(X_Forwarded_For="198.51.100.7", X_Forwarded_Proto="https", X_Forwarded_Host="a.example")

    assert seen == Seen("198.51.100.7", "https", "a.example")


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::1", "not an address"])
def test_ac34_anybody_else_is_not(address: str) -> None:
    peer = Seen(address, "http", "a.example")

    assert (
        through(peer, X_Forwarded_For="127.0.0.1", X_Forwarded_Proto="https", X_Forwarded_Host="evil") == peer
    )


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("127.0.0.1, 198.51.100.7", "198.51.100.7"),  # what the client wrote itself is not looked at
        ("203.0.113.1, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.9", "10.0.0.9"),
        ("198.51.100.7, nonsense", "10.0.0.2"),
        ("nonsense, 198.51.100.7", "198.51.100.7"),
        ("", "10.0.0.2"),
        (",,", "10.0.0.2"),
    ],
)
def test_ac35_the_chain_is_read_from_the_right(chain: str, address: str) -> None:
    assert through(X_Forwarded_For=chain).address == address


def test_ac35_x_real_ip_where_there_is_no_chain() -> None:
    assert through(X_Real_Ip="198.51.100.7").address == "198.51.100.7"
    assert through(X_Real_Ip="198.51.100.7", X_Forwarded_For="198.51.100.8").address == "198.51.100.8"


def test_ac36_odd_schemes_change_nothing() -> None:
    assert through(X_Forwarded_Proto="gopher").scheme == "http"
    assert through(X_Forwarded_Proto="http, HTTPS").scheme == "https"
    assert through(X_Scheme="https").scheme == "https"


def test_ac36_a_websockets_own_scheme_means_that_of_its_page() -> None:
    assert through(X_Forwarded_Proto="wss").scheme == "https"
    assert through(Seen("10.0.0.2", "https", "a"), X_Forwarded_Proto="ws").scheme == "http"


def test_a_unix_socket_is_its_owners() -> None:
    assert through(Seen("", "http", "x"), X_Forwarded_For="198.51.100.7").address == "198.51.100.7"


def test_mapped_addresses_are_those_they_map() -> None:
    assert through(Seen("::ffff:10.0.0.2", "http", "x"), X_Forwarded_Proto="https").scheme == "https"


def test_a_name_is_no_network() -> None:
    with pytest.raises(ConfigError, match=r"trusted_proxies: 'proxy\.local'"):
        networks(["proxy.local"])

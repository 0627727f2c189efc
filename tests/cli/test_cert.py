"""`carnet cert`."""

import ssl

from carnet.security.certificates import read_certificate
from carnet.security.tls import make_context
from tests.cli.conftest import Home


def test_it_makes_a_pair_that_works_for_the_names_given(home: Home) -> None:
    done = home.run("cert", "my.pem", "a.example", "192.0.2.1")

    path = home.folder / "my.pem"
    found = read_certificate(path)
    assert done.code == 0
    assert found.names == ("a.example", "192.0.2.1")
    assert found.sha256 in done.out
    assert f"carnet --certfile={path}" in done.out
    assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(make_context(path, None), ssl.SSLContext)


def test_without_names_it_is_for_this_machine(home: Home) -> None:
    home.run("cert")

    assert {"localhost", "127.0.0.1", "::1"} <= set(read_certificate(home.folder / "config/mycert.pem").names)


def test_one_that_is_there_is_replaced_only_when_told_so(home: Home) -> None:
    home.run("cert", "my.pem", "a.example")
    first = (home.folder / "my.pem").read_bytes()

    done = home.run("cert", "my.pem", "a.example")

    assert (done.code, (home.folder / "my.pem").read_bytes()) == (1, first)
    assert "is there already" in done.err
    home.run("cert", "my.pem", "a.example", "--force")
    assert (home.folder / "my.pem").read_bytes() != first


def test_an_option_that_is_not_there(home: Home) -> None:
    assert "There is no option --rsa" in home.run("cert", "--rsa").err

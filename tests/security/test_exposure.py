"""Invariant 8: nothing public without a key and TLS, unless told so in words."""

import itertools

import pytest

from carnet.security.exposure import refusal_to_listen

PUBLIC = ["*", "", "0.0.0.0", "::", "10.0.0.1", "my.example", "192.168.1.2"]
LOCAL = ["127.0.0.1", "localhost", "::1"]


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses(ip: str) -> None:
    for has_tls, has_key, told_so in itertools.product((False, True), repeat=3):
        refusal = refusal_to_listen(ip, has_tls=has_tls, has_key=has_key, told_so=told_so)
        assert bool(refusal) is not (told_so or (has_tls and has_key))
        assert not refusal or "serve_unprotected" in refusal


@pytest.mark.parametrize("ip", LOCAL)
def test_this_machine_only(ip: str) -> None:
    assert refusal_to_listen(ip, has_tls=False, has_key=False, told_so=False) == ""

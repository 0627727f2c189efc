"""Tokens: made, compared, found."""

import pytest

from carnet.security.tokens import equal, new_token, token_of_header


def test_a_token_is_192_random_bits() -> None:
    tokens = {new_token() for _ in range(50)}

    assert len(tokens) == 50
    assert {len(bytes.fromhex(token)) for token in tokens} == {24}


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("token abc", "abc"),
        ("Bearer abc", "abc"),
        ("BEARER   abc ", "abc"),
        ("token", None),
        ("token ", None),
        ("token a b", None),
        ("Basic abc", None),
        ("xtoken abc", None),
        ("", None),
    ],
)
def test_the_header_as_jupyter_reads_it(header: str, token: str | None) -> None:
    assert token_of_header(header) == token


def test_any_text_can_be_compared() -> None:
    assert equal("é\udcff", "é\udcff")
    assert not equal("a", "a ")
    assert not equal("", "a")

"""Passwords: hashed well, old hashes understood, and nothing malformed lets anybody in."""

import pytest

from carnet.errors import ConfigError
from carnet.security.passwords import check_form, check_password, hash_password, is_outdated

#: The hash that the original document prints. Nobody says what password it is of.
ORIGINAL = "sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed"

MALFORMED = [
    "",
    "sha1",
    "sha1:",
    "sha1:salt",
    "sha1:salt:",
    "sha1::9ffede0825894254b2e042ea597d771089e11aed",
    "sha1:bcd259ccf...[your hashed password here]",
    "sha1:67c9e60bb8b6:9ffede",
    "sha1:67c9e60bb8b6:zzzede0825894254b2e042ea597d771089e11aed",
    "argon2:",
    "argon2:$argon2id$v=19$m=65536,t=3,p=4$abc",
    "argon2:nonsense",
    "md6:a:b",
    "secret",
    "é:é:é",
]


@pytest.mark.slow
def test_argon2id_by_the_figures_of_rfc_9106() -> None:
    hashed = hash_password("pass phrase")

    assert hashed.startswith("argon2:$argon2id$v=19$m=65536,t=3,p=4$")
    assert check_password(hashed, "pass phrase")
    assert not check_password(hashed, "pass phrase ")
    assert not is_outdated(hashed)
    check_form(hashed)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_hashes_of_2014(algorithm: str) -> None:
    hashed = hash_password("pässword", algorithm)
    name, salt, digest = hashed.split(":")

    assert (name, len(salt)) == (algorithm, 12)
    assert check_password(hashed, "pässword")
    assert check_password(f"{name}:{salt}:{digest.upper()}", "pässword")
    assert not check_password(hashed, "passwort")
    assert is_outdated(hashed)
    check_form(hashed)


def test_the_hash_of_the_original_document_has_the_right_form() -> None:
    check_form(ORIGINAL)
    assert not check_password(ORIGINAL, "")


def test_a_hash_made_by_the_formula_of_2014() -> None:
    # printf 'secret0123456789ab' | sha1sum
    hashed = "sha1:0123456789ab:b24d56fd692594b6524abeb965bfd9243f2b3b08"

    assert check_password(hashed, "secret")


@pytest.mark.parametrize("hashed", MALFORMED)
def test_a_malformed_hash_matches_nothing_and_stops_the_start(hashed: str) -> None:
    assert not check_password(hashed, "")
    assert not check_password(hashed, "secret")
    with pytest.raises(ConfigError, match="carnet passwd"):
        check_form(hashed)


def test_unknown_algorithms() -> None:
    with pytest.raises(ValueError, match="argon2"):
        hash_password("x", "rot13")

"""The original's password functions, to the letter (S5, S6)."""

import getpass
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from carnet import lib
from carnet.lib.security import IN_HISTORY, PasswordsDiffer, passwd, passwd_check

SOURCE = Path(lib.__file__).parents[2]

ORIGINALS_OWN = "sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed"


class Typist:
    """Types what is given, and remembers what it was asked."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)
        self.asked: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.asked.append(prompt)
        return self.words.pop(0)


def type_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> Typist:
    typist = Typist(*words)
    monkeypatch.setattr(getpass, "getpass", typist)
    return typist


def test_s5_the_names_of_the_original() -> None:
    assert lib.passwd is passwd
    assert lib.passwd_check is passwd_check


def test_s5_it_asks_twice_in_the_words_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    typist = type_in(monkeypatch, "a word", "a word")

    hashed = passwd(algorithm="sha1")

    assert typist.asked == ["Enter password: ", "Verify password: "]
    assert passwd_check(hashed, "a word")


def test_s5_three_tries_and_their_sentences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typist = type_in(monkeypatch, *"abcdef")

    with pytest.raises(PasswordsDiffer, match=r"^No matching passwords found\. Giving up\.$"):
        passwd()

    assert capsys.readouterr().out == "Passwords do not match.\n" * 3
    assert len(typist.asked) == 6


def test_s5_sha1_has_the_form_of_2014() -> None:
    hashed = passwd("secret", algorithm="sha1")

    assert re.fullmatch(r"sha1:[0-9a-f]{12}:[0-9a-f]{40}", hashed)
    assert passwd_check(hashed, "secret")
    assert not passwd_check(hashed, "Secret")


@pytest.mark.slow
def test_s5_the_default_is_argon2id_by_rfc_9106() -> None:
    hashed = passwd("secret")

    assert hashed.startswith("argon2:$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwd_check(hashed, "secret")
    assert not passwd_check(hashed, "")


@pytest.mark.parametrize(
    "hashed",
    [
        ORIGINALS_OWN,
        "",
        "sha1",
        "sha1:",
        "sha1:::",
        "sha1:é:é",
        "argon2:",
        "argon2:$x",
        "md6:a:b",
        ":",
        "a:b:c:d",
    ],
)
def test_s5_the_originals_hash_and_broken_ones_are_only_wrong(hashed: str) -> None:
    assert not passwd_check(hashed, "not the password")


def test_s5_an_algorithm_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="Use argon2"):
        passwd("secret", algorithm="rot13")


def test_s6_a_string_argument_outside_ipython_is_fine() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert passwd_check(passwd("secret", "sha1"), "secret")


@pytest.mark.slow
def test_s6_inside_ipython_it_warns_of_the_history(tmp_path: Path) -> None:
    program = "from carnet.lib import passwd; print(passwd('secret', 'sha1'))"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "--no-banner", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "IPYTHONDIR": str(tmp_path)},
    )

    assert IN_HISTORY in done.stderr
    assert re.search(r"sha1:[0-9a-f]{12}:[0-9a-f]{40}", done.stdout)

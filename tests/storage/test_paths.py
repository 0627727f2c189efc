"""ST1 to ST4: which paths are paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.errors import InvalidPath
from carnet.ids import NotebookPath
from carnet.storage.paths import (
    ROOT,
    fitting_name,
    folder_of,
    is_below,
    join_path,
    name_of,
    normalise_path,
    parts_of,
    split_suffix,
)
from carnet.testing.notebook_manager import ODD_NAMES

REFUSED = {
    "absolute": "/etc/passwd",
    "only a slash": "/",
    "two slashes (UNC, //host)": "//host/share",
    "trailing slash": "a/",
    "double slash": "a//b",
    "parent": "..",
    "parent first": "../a",
    "parent inside": "a/../b",
    "parent last": "a/..",
    "this folder": ".",
    "this folder inside": "a/./b",
    "NUL": "a\0b",
    "line feed": "a\nb",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "escape": "\x1b[2J",
    "delete": "a\x7f",
    "backslash": "a\\b",
    "backslash parent": "..\\..\\windows",
    "UNC": "\\\\host\\share",
    "half a surrogate pair": "a\udcff",
    "our temporary file": ".~carnet-abc.tmp",
    "our temporary file, deep": "a/.~carnet-",
    "a name too long": "n" * 256,
    "a name too long in bytes": "é" * 128,
    "a path too long": "/".join(["d" * 100] * 41),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_st2_what_is_not_a_path_is_refused_in_one_sentence(raw: str) -> None:
    with pytest.raises(InvalidPath) as caught:
        normalise_path(raw)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isascii()
    assert sentence.isprintable()
    assert len(sentence) < 400


@pytest.mark.parametrize(
    "raw",
    [
        *ODD_NAMES,
        "a/b/c.ipynb",
        "%2e%2e/%2f",
        "..a/a..",
        "~/x",
        "C:/x",
        "n" * 255,
        "é" * 127,
        ".hidden/.x",
    ],
    ids=lambda raw: ascii(raw)[:20],
)
def test_st1_a_path_is_taken_exactly_as_it_is(raw: str) -> None:
    assert normalise_path(raw) == raw


def test_st3_the_root_is_the_empty_path() -> None:
    assert normalise_path("") == ROOT
    assert parts_of(ROOT) == []
    assert (folder_of(ROOT), name_of(ROOT)) == ("", "")


@given(st.text(st.characters() | st.sampled_from("/.\\\0 ~"), max_size=40))
def test_st1_it_accepts_or_refuses_and_never_fails_otherwise(raw: str) -> None:
    try:
        path = normalise_path(raw)
    except InvalidPath:
        return
    assert path == raw
    assert normalise_path(path) == path
    assert all(part not in ("", ".", "..") and "\0" not in part for part in parts_of(path))
    assert join_path(folder_of(path), name_of(path)) == path if path else True


def test_st4_below_is_part_by_part() -> None:
    a = NotebookPath("srv/nb")
    assert [is_below(NotebookPath(p), a) for p in ("srv/nb", "srv/nb/x", "srv/nb-private", "srv", "")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert is_below(a, ROOT)


def test_join_judges_the_name() -> None:
    assert join_path(ROOT, "a") == "a"
    assert join_path(NotebookPath("a"), "b") == "a/b"
    with pytest.raises(InvalidPath):
        join_path(NotebookPath("a"), "..")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.ipynb", ("a", ".ipynb")),
        ("a.b.ipynb", ("a.b", ".ipynb")),
        ("a.tar.gz", ("a", ".tar.gz")),
        ("a.csv", ("a", ".csv")),
        ("noext", ("noext", "")),
        (".bashrc", (".bashrc", "")),
        ("..x", ("..x", "")),
        (".ipynb", (".ipynb", "")),
        (".config.json", (".config", ".json")),
    ],
)
def test_split_suffix(name: str, parts: tuple[str, str]) -> None:
    assert split_suffix(name) == parts


@pytest.mark.parametrize(
    ("stem", "mark", "suffix", "name"),
    [
        ("a", "-Copy1", ".txt", "a-Copy1.txt"),
        ("x" * 255, "-Copy1", "", "x" * 249 + "-Copy1"),
        ("日" * 84, "-Copy12", ".py", "日" * 81 + "-Copy12.py"),
        ("😀" * 63, "1", ".ipynb", "😀" * 62 + "1.ipynb"),
        ("y", "-Copy1", "." + "z" * 253, "y-Copy1." + "z" * 247),
    ],
)
def test_st20_a_free_name_is_cut_to_fit(stem: str, mark: str, suffix: str, name: str) -> None:
    assert fitting_name(stem, mark, suffix) == name
    assert normalise_path(name) == name

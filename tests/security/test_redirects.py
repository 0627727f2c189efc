"""Where a login may lead: below the base URL, or home. The corpus of seven advisories, and more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnet.security.redirects import next_of, safe_next

EVIL = [
    "",
    "//evil.example",
    "///evil.example/a",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "http://evil.example",
    "http:evil.example",
    "http:///evil.example",
    "https://mine.example@evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/a//evil.example",
    "/a/..//evil.example",
    "/a/../..",
    "/a/%2e%2e/b",
    "/a/.%2E/b",
    "/a/./b",
    "/a?next=//evil.example",
    "/a#b",
    "/a;b",
    "/a@evil.example",
    "/a:b",
    "/a\nb",
    "/a\r\nSet-Cookie: x=y",
    "/a\x00",
    "/a b",
    "/é",
    "/\u2215evil",
    "%2F%2Fevil.example",
    " /a",
    "a/b",
    ".",
    "/*",
]


@pytest.mark.parametrize("wanted", EVIL)
def test_ac12_what_is_not_certainly_ours_leads_home(wanted: str) -> None:
    assert safe_next(wanted, "/") == "/"


@pytest.mark.parametrize(
    "wanted", ["/", "/tree", "/tree/a%20b/c-d_e~f.ipynb", "/notebooks/%C3%A9.ipynb", "/tree/...", "/%2F%2Fx"]
)
def test_ac12_our_paths(wanted: str) -> None:
    assert safe_next(wanted, "/") == wanted


def test_ac12_only_below_the_base_url() -> None:
    assert safe_next("/base/tree", "/base/") == "/base/tree"
    for wanted in ("/other", "/base", "/basement/x", "/", "/BASE/x"):
        assert safe_next(wanted, "/base/") == "/base/"


@given(st.text())
def test_ac12_every_path_of_ours_comes_back(name: str) -> None:
    path = "/tree/" + "/".join(part for part in name.split("/") if part not in {"", ".", ".."})
    try:
        encoded = next_of(path)
    except UnicodeEncodeError:  # half a surrogate pair is in no address
        return
    assert safe_next(encoded, "/") == encoded

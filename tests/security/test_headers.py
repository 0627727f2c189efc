"""The guarding headers, set by set."""

import pytest

from carnet.security import headers
from carnet.security.headers import HSTS, hsts

SETS = {
    "page": headers.page("N", report_to="/r"),
    "plain": headers.plain_page("N"),
    "api": headers.api(),
    "static": headers.static(),
    "file": headers.user_file("image/png"),
    "pdf": headers.user_file("application/pdf"),
    "frame": headers.output_frame(remote=False),
    "remote frame": headers.output_frame(remote=True),
    "drawing frame": headers.drawing_frame("H", remote=False),
    "remote drawing frame": headers.drawing_frame("H", remote=True),
}


@pytest.mark.parametrize("name", SETS)
def test_ac13_every_response_has_these(name: str) -> None:
    found = SETS[name]

    assert found["X-Content-Type-Options"] == "nosniff"
    # With a form browsers say `Origin: null` under `no-referrer`, as they do for strangers.
    assert found["Referrer-Policy"] == ("same-origin" if name == "plain" else "no-referrer")
    assert found["Cross-Origin-Resource-Policy"] == "same-origin"
    assert found["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "default-src 'none'" in found["Content-Security-Policy"]
    assert "allow-same-origin" not in found["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["page", "plain"])
def test_ac14_no_inline_script_and_no_frame_around_our_pages(name: str) -> None:
    policy = dict(part.partition(" ")[::2] for part in SETS[name]["Content-Security-Policy"].split("; "))

    assert "'unsafe-inline'" not in policy.get("script-src", "") + policy["style-src"]
    assert "'unsafe-eval'" not in policy.get("script-src", "")
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "http" not in SETS[name]["Content-Security-Policy"], "nothing of the page comes from another host"


@pytest.mark.parametrize(
    ("host", "binds"),
    [
        ("a.example", True),
        ("a.example:8443", False),
        ("localhost", False),
        ("me.localhost", False),
        ("desk.local", False),
        ("192.0.2.7", False),
        ("[2001:db8::1]", False),
        ("not a host/", False),
    ],
)
def test_tl12_only_a_name_of_ones_own_on_the_default_port_is_bound_to_https(host: str, binds: bool) -> None:
    assert hsts(host) == (HSTS if binds else {})


def test_ac15_data_is_not_kept() -> None:
    assert SETS["api"]["Cache-Control"] == SETS["plain"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["file", "frame", "remote frame", "drawing frame", "remote drawing frame", "api", "static"]
)
def test_ac16_what_is_not_a_page_has_no_origin(name: str) -> None:
    parts = SETS[name]["Content-Security-Policy"].split("; ")
    sandbox = next(part for part in parts if part.startswith("sandbox"))

    assert sandbox == ("sandbox allow-scripts" if "frame" in name else "sandbox")


def test_ac16_the_frame_reaches_no_address_unless_the_reader_allowed_it() -> None:
    assert "http" not in SETS["frame"]["Content-Security-Policy"]
    assert "https:" in SETS["remote frame"]["Content-Security-Policy"]


def test_xs24_a_drawing_runs_its_own_script_and_what_it_is_handed_whoever_allowed_what() -> None:
    for name in ("drawing frame", "remote drawing frame"):
        policy = dict(part.partition(" ")[::2] for part in SETS[name]["Content-Security-Policy"].split("; "))
        assert policy["script-src"] == "'sha256-H' blob:"
        assert policy["worker-src"] == "blob:"
        assert policy["frame-src"] == "'none'"
    assert "http" not in SETS["drawing frame"]["Content-Security-Policy"]
    assert "https:" in SETS["remote drawing frame"]["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("media_type", "shown"),
    [
        ("text/html", None),
        ("TEXT/HTML; charset=x", None),
        ("application/xhtml+xml", None),
        ("application/octet-stream", None),
        ("application/x-shockwave-flash", None),
        ("image/svg+xml", "image/svg+xml"),
        ("image/png", "image/png"),
        ("application/pdf", "application/pdf"),
        ("text/css", "text/plain; charset=utf-8"),
        ("text/xml", "text/plain; charset=utf-8"),
        ("application/javascript", "text/plain; charset=utf-8"),
        ("application/x-ipynb+json", "text/plain; charset=utf-8"),
        ("audio/ogg", "audio/ogg"),
        ("", None),
    ],
)
def test_ac16_types_that_may_be_shown(media_type: str, shown: str | None) -> None:
    assert headers.shown_type(media_type) == shown

"""Which origins are allowed, and what browsers are told (AC40, AC42, AC43)."""

import re

import pytest

from carnet.security.cross_origin import HEADERS, METHODS, CrossOrigin

LAB = "https://lab.example.org"


@pytest.mark.parametrize(
    ("rules", "origin", "allowed"),
    [
        (CrossOrigin(), LAB, False),
        (CrossOrigin(LAB), LAB, True),
        (CrossOrigin(LAB), f"{LAB}.evil", False),
        (CrossOrigin(LAB), LAB.upper(), False),
        (CrossOrigin("*"), "https://any.where", True),
        (CrossOrigin("*"), "", False),
        (CrossOrigin("*"), None, False),
        (CrossOrigin(pattern=re.compile(r"https://[a-z]+\.example\.org$")), LAB, True),
        (CrossOrigin(pattern=re.compile(r"https://[a-z]+\.example\.org$")), f"{LAB}.evil", False),
        (CrossOrigin(pattern=re.compile(r"https://[a-z]+\.example\.org")), LAB, True),
        (CrossOrigin(pattern=re.compile(r"https://[a-z]+\.example\.org")), f"{LAB}.evil", False),
        (CrossOrigin(pattern=re.compile(r"lab")), LAB, False),
        (CrossOrigin("https://other", re.compile(r"https://lab")), LAB, False),
    ],
)
def test_ac40_who_is_allowed(rules: CrossOrigin, origin: str | None, allowed: bool) -> None:
    assert rules.allows(origin) is allowed
    assert bool(rules.preflight(origin)) is allowed
    assert bool(rules.response(origin, has_token=False)) is allowed


def test_ac42_a_response_names_the_origin() -> None:
    expose = {"Access-Control-Expose-Headers": "Location"}
    named = {"Access-Control-Allow-Origin": LAB, "Vary": "Origin", **expose}
    assert CrossOrigin(LAB).response(LAB, has_token=False) == named
    assert CrossOrigin().response(LAB, has_token=True) == named
    assert CrossOrigin().response(None, has_token=True) == {}
    anybody = {"Access-Control-Allow-Origin": "*", "Vary": "Origin", **expose}
    assert CrossOrigin("*").response(LAB, has_token=False) == anybody
    with_cookies = {**named, "Access-Control-Allow-Credentials": "true"}
    assert CrossOrigin("*", credentials=True).response(LAB, has_token=False) == with_cookies


def test_ac43_a_preflight() -> None:
    found = CrossOrigin(LAB).preflight(LAB)
    assert (
        found["Access-Control-Allow-Headers"] == HEADERS == "accept, content-type, authorization, x-xsrftoken"
    )
    assert found["Access-Control-Allow-Methods"] == METHODS

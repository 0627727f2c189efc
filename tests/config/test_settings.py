"""The table of settings: kinds, text, and values that cannot be."""

import pytest

from carnet.config.settings import NAMES, Settings, checked, help_of, kind_of, normalised_base_url, parse
from carnet.errors import ConfigError


def test_every_setting_has_a_kind_and_a_sentence() -> None:
    for name in NAMES:
        assert kind_of(name) in {str, int, float, bool, list, dict}, name
        assert help_of(name).endswith("."), name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "9999", 9999),
        ("autosave_delay_s", "2", 2.0),
        ("open_browser", "False", False),
        ("open_browser", "yes", True),
        ("ip", "", ""),
        ("token", "", ""),
        ("local_hostnames", "['a', 'b']", ["a", "b"]),
        ("local_hostnames", "a,b", ["a", "b"]),
        ("webapp_settings", "{'a': 1}", {"a": 1}),
    ],
)
def test_text_becomes_a_value(name: str, text: str, value: object) -> None:
    assert parse(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("port", "x", "a whole number"),
        ("port", "1.5", "a whole number"),
        ("port", "", "a whole number"),
        ("open_browser", "maybe", "True or False"),
        ("autosave_delay_s", "fast", "a number"),
        ("webapp_settings", "[]", "a dictionary"),
        ("webapp_settings", "{", "a dictionary"),
    ],
)
def test_a_wrong_kind_names_key_value_and_kind(name: str, text: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(name, text)
    assert str(caught.value) == f"{name}: {wanted} is wanted, but it is {text!r}."


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("/", "/"),
        ("", "/"),
        ("ipython", "/ipython/"),
        ("/ipython/", "/ipython/"),
        ("//ipython//a/", "/ipython/a/"),
        ("/a b/é/", "/a%20b/%C3%A9/"),
        ("/user/ann@example.org/", "/user/ann@example.org/"),
    ],
)
def test_s24_a_base_url_with_or_without_slashes(given: str, normal: str) -> None:
    assert normalised_base_url(given) == normal
    assert checked(Settings(base_url=given)).base_url == normal


@pytest.mark.parametrize("given", ["/a/../b", "/./", "http://a/b", "/a?b", "/a#b", "/a\\b"])
def test_s24_what_is_no_path(given: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        normalised_base_url(given)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(port=70_000),
        Settings(port=-1),
        Settings(port_retries=-1),
        Settings(autosave_delay_s=-1),
        Settings(keyfile="key.pem"),
        Settings(log_level="LOUD"),
        Settings(max_body_bytes=10),
    ],
)
def test_values_that_cannot_be_used(settings: Settings) -> None:
    with pytest.raises(ConfigError):
        checked(settings)

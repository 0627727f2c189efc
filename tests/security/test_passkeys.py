"""Passkeys: made, shown, and everything that is refused."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnet.database import database_path
from carnet.errors import NotFound, Refused
from carnet.security.challenges import CHALLENGE_MS, TOO_LATE
from carnet.security.passkeys import NOT_KNOWN, SHORT_ID, WENT_BACK, Shown, Site, site_of, why_no_site
from carnet.security.state import SecurityState
from carnet.testing.fake_clock import FakeClock
from tests.support.authenticator import Authenticator, decoded, encoded

HERE = Site("nb.example", "https", "nb.example:9999")
ORIGIN = "https://nb.example:9999"
USER = "ada"
BOUND = "the token of a form"


class Desk:
    """A server's passkeys, and a device with one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.state = SecurityState.open(folder, self.clock)
        self.passkeys = self.state.passkeys
        self.device = Authenticator(ORIGIN, HERE.rp_id)

    def add(self, device: Authenticator | None = None, name: str = "Laptop") -> None:
        device = device or self.device
        options = self.passkeys.creation_options(USER, HERE, BOUND)
        self.passkeys.add(USER, name, device.make(options), site=HERE, bound=BOUND)

    def show(self, device: Authenticator | None = None) -> Shown:
        options = self.passkeys.request_options(USER, HERE, BOUND)
        return self.check((device or self.device).show(options))

    def check(self, answer: str, *, site: Site = HERE, bound: str = BOUND, user: str = USER) -> Shown:
        return self.passkeys.check(user, answer, site=site, bound=bound)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.state.close()


def test_ac50_a_passkey_is_made_shown_listed_and_removed(desk: Desk) -> None:
    desk.add()
    made_ms = desk.clock.now_ms()
    desk.clock.advance(10)

    assert desk.show() == Shown("Laptop", is_verified=True)
    (listed,) = desk.passkeys.all(USER)
    assert (listed.name, listed.rp_id, listed.stands_alone) == ("Laptop", "nb.example", True)
    assert (listed.created_ms, listed.used_ms) == (made_ms, desk.clock.now_ms())
    assert desk.passkeys.has_any(USER, "nb.example")
    assert not desk.passkeys.has_any(USER, "other.example")
    desk.passkeys.remove(USER, "Laptop")
    with pytest.raises(Refused, match=NOT_KNOWN):
        desk.show()


def test_ac50_it_survives_a_restart_and_what_is_kept_opens_nothing(desk: Desk) -> None:
    desk.add()
    again = SecurityState.open(desk.folder, desk.clock)
    answer = desk.device.show(again.passkeys.request_options(USER, HERE, BOUND))

    assert again.passkeys.check(USER, answer, site=HERE, bound=BOUND).name == "Laptop"
    again.close()
    private = desk.device.key.private_numbers().private_value.to_bytes(32, "big")
    for path in desk.folder.iterdir():
        assert private not in path.read_bytes()
    assert database_path(desk.folder).stat().st_mode & 0o077 == 0


def test_ac50_a_stranger_learns_nothing_of_the_keys(desk: Desk) -> None:
    desk.add()
    options = desk.passkeys.request_options(USER, HERE, BOUND)

    assert options["allowCredentials"] == []
    assert USER not in json.dumps(options)
    made = desk.passkeys.creation_options(USER, HERE, BOUND)
    assert [one["id"] for one in made["excludeCredentials"]] == [encoded(desk.device.credential_id)]
    assert len(decoded(made["user"]["id"])) == 32


def lie(change: Callable[[Authenticator], None]) -> Callable[[Desk], str]:
    """An answer of a device that was changed like this."""

    def answer(desk: Desk) -> str:
        change(desk.device)
        return desk.device.show(desk.passkeys.request_options(USER, HERE, BOUND))

    return answer


def with_origin(origin: str) -> Callable[[Desk], str]:
    return lie(lambda device: setattr(device, "origin", origin))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(with_origin("https://evil.example"), NOT_KNOWN, id="another site"),
        pytest.param(with_origin("https://nb.example"), NOT_KNOWN, id="another port"),
        pytest.param(with_origin("http://nb.example:9999"), NOT_KNOWN, id="not encrypted"),
        pytest.param(with_origin("https://sub.nb.example:9999"), NOT_KNOWN, id="a name below"),
        pytest.param(
            with_origin("https://nb.example:9999.evil.example"), NOT_KNOWN, id="a name that begins so"
        ),
        pytest.param(with_origin("null"), NOT_KNOWN, id="no origin"),
        pytest.param(
            lie(lambda device: setattr(device, "rp_id", "evil.example")), NOT_KNOWN, id="another name"
        ),
        pytest.param(lie(lambda device: setattr(device, "cross_origin", True)), NOT_KNOWN, id="in a frame"),
        pytest.param(lie(lambda device: setattr(device, "present", False)), NOT_KNOWN, id="nobody there"),
        pytest.param(
            lie(lambda device: setattr(device, "key", Authenticator("", "").key)), NOT_KNOWN, id="another key"
        ),
        pytest.param(
            lie(lambda device: setattr(device, "credential_id", b"x" * 32)),
            NOT_KNOWN,
            id="another credential",
        ),
        pytest.param(
            lie(lambda device: setattr(device, "user_handle", b"somebody else")),
            NOT_KNOWN,
            id="of somebody else",
        ),
        pytest.param(
            lambda desk: desk.device.show({"challenge": encoded(b"x" * 56)}),
            TOO_LATE,
            id="a challenge of its own",
        ),
        pytest.param(
            lambda desk: desk.device.show(desk.passkeys.creation_options(USER, HERE, BOUND)),
            TOO_LATE,
            id="a challenge for something else",
        ),
        pytest.param(
            lambda desk: desk.device.show(desk.passkeys.request_options(USER, HERE, "another form")),
            TOO_LATE,
            id="a challenge of another browser",
        ),
        pytest.param(
            lambda desk: desk.device.show(
                desk.passkeys.request_options(USER, HERE._replace(rp_id="other.example"), BOUND)
            ),
            TOO_LATE,
            id="a challenge of another name",
        ),
        pytest.param(
            lambda desk: desk.device.show(
                desk.passkeys.request_options(USER, HERE, BOUND), signature=b"x" * 70
            ),
            NOT_KNOWN,
            id="a wrong signature",
        ),
        pytest.param(
            lambda desk: desk.device.show(
                desk.passkeys.request_options(USER, HERE, BOUND), authenticatorData=b"x"
            ),
            NOT_KNOWN,
            id="cut off",
        ),
    ],
)
def test_ac52_an_answer_that_is_refused(desk: Desk, answer: Callable[[Desk], str], words: str) -> None:
    desk.add()

    with pytest.raises(Refused, match=words):
        desk.check(answer(desk))

    (listed,) = desk.passkeys.all(USER)
    assert listed.used_ms == 0


def test_ac51_an_answer_is_taken_once_and_not_for_long(desk: Desk) -> None:
    desk.add()
    answer = desk.device.show(desk.passkeys.request_options(USER, HERE, BOUND))
    assert desk.check(answer).name == "Laptop"
    with pytest.raises(Refused, match=TOO_LATE):
        desk.check(answer)

    late = desk.device.show(desk.passkeys.request_options(USER, HERE, BOUND))
    desk.clock.advance(CHALLENGE_MS / 1000 + 1)
    with pytest.raises(Refused, match=TOO_LATE):
        desk.check(late)


def test_ac51_a_wrong_answer_uses_the_challenge_up_too(desk: Desk) -> None:
    desk.add()
    options = desk.passkeys.request_options(USER, HERE, BOUND)
    wrong, right = desk.device.show(options, signature=b"no"), desk.device.show(options)

    for answer, words in ((wrong, NOT_KNOWN), (right, TOO_LATE)):
        with pytest.raises(Refused, match=words):
            desk.check(answer)


def test_ac53_a_count_that_goes_back_or_stands_still_is_a_copy(desk: Desk) -> None:
    desk.add()
    copy = replace(desk.device)
    desk.show()
    desk.show()

    with pytest.raises(Refused, match=WENT_BACK):
        desk.show(copy)
    copy.counts = False
    with pytest.raises(Refused, match=WENT_BACK):
        desk.show(copy)
    assert desk.show().name == "Laptop"


def test_ac53_a_passkey_that_never_counts_is_taken(desk: Desk) -> None:
    desk.device.counts = False
    desk.add()

    assert [desk.show().name for _ in range(3)] == ["Laptop"] * 3


def test_ac54_whether_the_device_made_sure_who_holds_it_is_told(desk: Desk) -> None:
    desk.device.verifies = False
    desk.add()

    assert desk.show() == Shown("Laptop", is_verified=False)
    assert [one.stands_alone for one in desk.passkeys.all(USER)] == [False]


def test_ac50_a_key_that_must_be_named_to_be_found_is_named(desk: Desk) -> None:
    desk.add()
    desk.add(Authenticator(ORIGIN, HERE.rp_id, verifies=False), "Key")
    named = desk.passkeys.request_options(USER, HERE, BOUND)["allowCredentials"]

    assert len(named) == 2
    assert (
        desk.passkeys.request_options(USER, HERE._replace(rp_id="other.example"), BOUND)["allowCredentials"]
        == []
    )


def test_ac50_so_is_one_that_the_device_does_not_keep(desk: Desk) -> None:
    options = desk.passkeys.creation_options(USER, HERE, BOUND)
    answer = json.loads(desk.device.make(options)) | {"clientExtensionResults": {"credProps": {"rk": False}}}
    made = desk.passkeys.add(USER, "Key", json.dumps(answer), site=HERE, bound=BOUND)

    assert not made.stands_alone
    assert desk.show() == Shown("Key", is_verified=True)


def test_a_passkey_is_of_one_person_and_one_name(desk: Desk) -> None:
    desk.add()
    options = desk.passkeys.request_options(USER, HERE, BOUND)
    with pytest.raises(Refused, match=NOT_KNOWN):
        desk.check(desk.device.show(options), user="eve")
    elsewhere = Site("other.example", "https", "other.example")
    device = replace(desk.device, origin="https://other.example", rp_id="other.example")
    with pytest.raises(Refused, match=NOT_KNOWN):
        desk.check(device.show(desk.passkeys.request_options(USER, elsewhere, BOUND)), site=elsewhere)
    assert desk.passkeys.all("eve") == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_a_name_that_cannot_be_used(desk: Desk, name: str) -> None:
    with pytest.raises(Refused, match="1 to 60 characters"):
        desk.add(name=name)


def test_ac52_a_new_passkey_is_checked_as_strictly(desk: Desk) -> None:
    for change in (
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"cross_origin": True},
        {"present": False},
    ):
        with pytest.raises(Refused, match=NOT_KNOWN):
            desk.add(replace(desk.device, **change))
    asked = desk.passkeys.creation_options(USER, HERE, BOUND)
    answer = desk.device.make(asked)
    with pytest.raises(Refused, match=TOO_LATE):
        desk.passkeys.add(USER, "a", answer, site=HERE, bound="another")
    desk.passkeys.add(USER, "a", answer, site=HERE, bound=BOUND)
    with pytest.raises(Refused, match=TOO_LATE):
        desk.passkeys.add(USER, "a", answer, site=HERE, bound=BOUND)
    with pytest.raises(Refused, match="here already"):
        desk.add()
    assert len(desk.passkeys.all(USER)) == 1


def test_removing_names_one(desk: Desk) -> None:
    for name in ("Key", "Key", "Phone"):
        desk.add(Authenticator(ORIGIN, HERE.rp_id), name)
    first, second, _ = sorted(desk.passkeys.all(USER), key=lambda one: one.name)

    with pytest.raises(Refused, match="There are 2 passkeys named 'Key'") as refused:
        desk.passkeys.remove(USER, "Key")
    assert first.passkey_id[:SHORT_ID] in str(refused.value)
    assert desk.passkeys.remove(USER, first.passkey_id[:SHORT_ID]) == first
    assert desk.passkeys.remove(USER, "Key") == second
    with pytest.raises(NotFound, match="no passkey 'Key'"):
        desk.passkeys.remove(USER, "Key")
    with pytest.raises(NotFound):
        desk.passkeys.remove("eve", "Phone")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=80).map(encoded),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(answer=st.text() | JSON.map(json.dumps))
@settings(max_examples=200, deadline=None)
def test_ac52_whatever_a_stranger_sends_is_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, answer: str
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    try:
        with pytest.raises(Refused):
            desk.check(answer)
        with pytest.raises(Refused):
            desk.passkeys.add(USER, "a", answer, site=HERE, bound=BOUND)
    finally:
        desk.state.close()


@given(noise=st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_ac52_so_is_what_only_begins_well(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    try:
        options = desk.passkeys.creation_options(USER, HERE, BOUND)
        answer = json.loads(desk.device.make(options))
        answer["response"]["attestationObject"] = encoded(noise)
        with pytest.raises(Refused):
            desk.passkeys.add(USER, "a", json.dumps(answer), site=HERE, bound=BOUND)
        # Nested so deep that a parser that calls itself gives up.
        answer["response"]["attestationObject"] = encoded(b"\x81" * 5000)
        answer["response"]["clientDataJSON"] = json.loads(
            desk.device.make(desk.passkeys.creation_options(USER, HERE, BOUND))
        )["response"]["clientDataJSON"]
        with pytest.raises(Refused):
            desk.passkeys.add(USER, "a", json.dumps(answer), site=HERE, bound=BOUND)
    finally:
        desk.state.close()


@pytest.mark.parametrize(
    ("scheme", "authority", "rp_id"),
    [
        ("https", "nb.example", "nb.example"),
        ("https", "NB.Example:9999", "nb.example"),
        ("http", "localhost:8888", "localhost"),
        ("http", "nb.localhost:8888", "nb.localhost"),
        ("http", "nb.example:8888", None),
        ("http", "127.0.0.1:8888", None),
        ("https", "192.0.2.7", None),
        ("https", "[2001:db8::1]:9999", None),
        ("https", "127.1", None),
        ("https", "", None),
    ],
)
def test_ac50_where_there_can_be_passkeys(scheme: str, authority: str, rp_id: str | None) -> None:
    site = site_of(scheme, authority)

    assert (site.rp_id if site else None) == rp_id


@pytest.mark.parametrize(
    ("scheme", "authority", "words"),
    [
        ("http", "127.0.0.1:8888", "Open http://localhost:8888 in its place."),
        ("https", "[::1]:9999", "Open https://localhost:9999 in its place."),
        ("https", "192.0.2.7:9999", "this is an address. Open this server by its name"),
        ("http", "nb.example:8888", "https only"),
    ],
)
def test_ac50_why_there_are_none(scheme: str, authority: str, words: str) -> None:
    assert words in why_no_site(scheme, authority)

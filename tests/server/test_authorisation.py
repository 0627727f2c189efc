"""Everybody at every route, and every wish of a tab with every token: what happens is what docs/specs/authorisation.md says (AZ1)."""

import http.client
import json
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import msgspec
import pytest
from tornado.websocket import WebSocketClientConnection

from carnet.clock import SystemClock
from carnet.core.session.intents import IntentBody
from carnet.core.wire.link import (
    PROTOCOL,
    Answer,
    Ask,
    Attach,
    Follow,
    Hello,
    Intend,
    NoTerminal,
    Ping,
    Pong,
    Question,
    Refused,
    Snapshot,
    ToBrowser,
)
from carnet.ids import ClientId, NotebookPath
from carnet.security.access import SAFE_METHODS
from carnet.security.scopes import ALL, Scope, parse_scopes
from carnet.security.state import SecurityState
from carnet.server.routes import ROUTES, Route
from carnet.testing.fake_clock import FakeClock
from tests.server.authorisation import Row, what_tabs_say, written_needs, written_rows
from tests.server.handlers.test_link import answer, encode, linked
from tests.server.handlers.test_link_http import Line, up
from tests.server.serving import FAULT_S, Browser, Server, serve
from tests.support.files import code_notebook, write_file

REACHED = "reached"
LEADS_TO_LOGIN = "leads to login"
MONTH_MS = 30 * 24 * 3600 * 1000

#: A visit that is let in would end the server; tests/api/test_server_itself.py shows that it does.
ENDS_THE_SERVER = {"api/shutdown"}

ROWS = written_rows()


# ---- routes


@dataclass(frozen=True)
class Visit:
    """One way to ask, and what it must come to."""

    who: str
    headers: Mapping[str, str]
    wanted: str
    query: str = ""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("closed")) as running:
        yield running


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("open"), token="") as running:
        yield running


@pytest.fixture(scope="module")
def named(closed: Server) -> dict[str, str]:
    """Named tokens: one of each scope, one that expired, one that was revoked."""
    long_ago = FakeClock(now_ms=SystemClock().now_ms() - MONTH_MS)
    state = SecurityState.open(closed.state_folder, SystemClock())
    made = {
        scope.value: state.tokens.create(scope.value, user="ada", scopes=parse_scopes([scope.value]))[0]
        for scope in Scope
    }
    made["revoked"] = state.tokens.create("revoked", user="ada", scopes=ALL)[0]
    state.tokens.revoke("revoked")
    state.close()
    past = SecurityState.open(closed.state_folder, long_ago)
    made["expired"] = past.tokens.create("expired", user="ada", scopes=ALL, expires_ms=long_ago.now_ms() + 1)[
        0
    ]
    past.close()
    return made


def visits(server: Server, row: Row, method: str, named: Mapping[str, str]) -> Iterator[Visit]:
    """Yield every way to ask, each with a login of its own: some routes end logins."""
    own = f"http://127.0.0.1:{server.port}"
    for_anyone = row.who == "anyone"
    is_look = method in SAFE_METHODS
    is_form = row.kind == "form"
    needs = row.look if is_look else row.change
    refused = "403 login"
    if row.kind == "page" or (is_form and is_look):
        refused = LEADS_TO_LOGIN
    nobody = REACHED if for_anyone else refused

    yield Visit("nobody", {}, nobody)
    yield Visit("nobody, from our own page", {"Origin": own, "Sec-Fetch-Site": "same-origin"}, nobody)
    for word in ("expired", "revoked"):
        yield Visit(f"a token that is {word}", bearer(named[word]), nobody)
    for wrong in ("0" * 48, "", "carnet_", "carnet_a_b", named["admin"][:-1], f"{named['admin']} x", "\xe9"):
        yield Visit(f"the wrong token {wrong[:12]!r}", bearer(wrong), nobody)
    yield Visit("a token as a password", {"Authorization": f"Basic {server.token}"}, nobody)
    yield Visit("a made-up cookie", {"Cookie": f"{server.cookie_name}={'0' * 43}; _xsrf=x"}, nobody)

    yield Visit("the server's token", bearer(server.token), REACHED)
    in_url = REACHED if is_look else nobody
    yield Visit("the server's token in the address", {}, in_url, query=f"?token={server.token}")
    yield Visit("the server's token, wrong Host", bearer(server.token) | {"Host": "evil.example"}, "403 host")
    for scope in Scope:
        may = for_anyone or Scope(needs) in parse_scopes([scope.value])
        yield Visit(f"a {scope.value} token", bearer(named[scope.value]), REACHED if may else "403 scope")

    def login(**more: str) -> dict[str, str]:
        browser = server.sign_in()
        return cookie(browser) | {name.replace("_", "-"): value for name, value in more.items()}

    def with_xsrf(**more: str) -> dict[str, str]:
        browser = server.sign_in()
        named_headers = {name.replace("_", "-"): value for name, value in more.items()}
        return cookie(browser) | {"X-XSRFToken": browser.xsrf} | named_headers

    yield Visit("a login", with_xsrf(Origin=own, Sec_Fetch_Site="same-origin"), REACHED)
    unprotected = REACHED if is_look or is_form or for_anyone or row.kind == "report" else "403 xsrf"
    yield Visit("a login without XSRF token", login(Origin=own), unprotected)
    yield Visit("a login with a wrong XSRF token", login(X_XSRFToken="0" * 64), unprotected)
    yield Visit("a login with another's XSRF token", login(X_XSRFToken=server.sign_in().xsrf), unprotected)
    for host in ("evil.example", f"127.0.0.1.evil.example:{server.port}", "1.2.3.4", ""):
        yield Visit(f"a login, Host {host!r}", with_xsrf(Host=host), "403 host")
    for origin in (
        "http://evil.example",
        f"http://localhost:{server.port}",
        f"{own}.evil.example",
        "null",
        "",
    ):
        yield Visit(f"a login, Origin {origin!r}", with_xsrf(Origin=origin), "403 origin")
    for site in ("cross-site", "same-site", "nonsense"):
        hidden = with_xsrf(Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="script")
        yield Visit(f"a login, loaded {site}", hidden, "403 origin")
    framed = with_xsrf(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe")
    yield Visit("a login, framed by another site", framed, "403 origin")
    may_link = is_look and row.kind in {"page", "file", "form"}
    link = with_xsrf(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    yield Visit("a login, following a link", link, REACHED if may_link else "403 origin")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookie(browser: Browser) -> dict[str, str]:
    return {"Cookie": f"{browser.server.cookie_name}={browser.secret}; _xsrf={browser.xsrf}"}


def outcome(server: Server, method: str, address: str, headers: Mapping[str, str]) -> str:
    """Ask, and return what it came to; nothing of a long answer is read."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=FAULT_S)
    with closing(connection):
        # A list where an object is wanted: the handler is reached, and does nothing.
        body = b"[]" if method in {"POST", "PUT", "PATCH"} else None
        connection.putrequest(method, server.base + address, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        if body is not None:
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        if response.status == 302 and "/login?next=" in (response.headers["Location"] or ""):
            return LEADS_TO_LOGIN
        if response.status != 403:
            return REACHED
        return f"403 {_why(response.read())}"


#: What a page says of a refusal.
SENTENCES = {
    "does not answer to the name": "host",
    "Another site asked for this": "origin",
    "Sign in first": "login",
    "This token may": "scope",
    "XSRF token is missing": "xsrf",
}


def _why(body: bytes) -> str:
    try:
        return str(json.loads(body)["reason"])
    except ValueError:
        found = [why for sentence, why in SENTENCES.items() if sentence in body.decode()]
        return found[0] if found else ""


def as_wanted(found: str, wanted: str, *, form: bool, head: bool) -> bool:
    """Compare. A form's handler says 403 too, to who sends no XSRF token; a HEAD has no body that says why."""
    if form and wanted == REACHED and found == "403 ":
        return True
    return found == (wanted[:3] + " " if head and wanted.startswith("403") else wanted)


every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.pattern[:40] or "home")


@every_route
def test_az1_everybody_at_every_route(closed: Server, named: dict[str, str], route: Route) -> None:
    row = ROWS[route.pattern]
    wrong = []
    for method in route.methods.split():
        for visit in visits(closed, row, method, named):
            if row.pattern in ENDS_THE_SERVER and visit.wanted == REACHED:
                continue
            found = outcome(closed, method, row.example + visit.query, visit.headers)
            if not as_wanted(found, visit.wanted, form=row.kind == "form", head=method == "HEAD"):
                wrong.append(f"{method} {row.example}, {visit.who}: {found}, not {visit.wanted}")
    assert wrong == []


@every_route
def test_az1_a_server_that_asks_for_nothing(open_to_all: Server, route: Route) -> None:
    row = ROWS[route.pattern]
    own = f"http://127.0.0.1:{open_to_all.port}"
    wrong = []
    for method in route.methods.split():
        is_look = method in SAFE_METHODS
        bare = REACHED if is_look or row.who == "anyone" or row.kind in {"form", "report"} else "403 xsrf"
        for who, headers, wanted in (
            ("nobody", {}, bare),
            ("our own page", {"Origin": own, "Sec-Fetch-Site": "same-origin"}, bare),
            ("a foreign page", {"Origin": "http://evil.example"}, "403 origin"),
            (
                "a foreign page's script",
                {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
                "403 origin",
            ),
            ("another name", {"Host": "evil.example"}, "403 host"),
        ):
            if row.pattern in ENDS_THE_SERVER and wanted == REACHED:
                continue
            found = outcome(open_to_all, method, row.example, headers)
            if not as_wanted(found, wanted, form=row.kind == "form", head=method == "HEAD"):
                wrong.append(f"{method} {row.example}, {who}: {found}, not {wanted}")
    assert wrong == []


# ---- the link


def example_of(wanted: object) -> object:
    """Return some value of a type: the smallest that the decoder takes."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        hints = typing.get_type_hints(wanted)
        return wanted(
            **{
                field.name: example_of(hints[field.name])
                for field in msgspec.structs.fields(wanted)
                if field.required
            }
        )
    if origin in {typing.Union, types.UnionType}:
        return None if type(None) in arguments else example_of(arguments[0])
    if origin is tuple or wanted is tuple:
        return ()
    if origin in {dict, Mapping} or wanted is dict:
        return {}
    if origin is list or wanted is list:
        return []
    if origin is typing.Literal:
        return arguments[0]
    plain = getattr(wanted, "__supertype__", wanted)
    return plain() if plain in {str, int, bool, float} else None


class Tab:
    """One link that follows one notebook, and says one thing."""

    def __init__(self, line: WebSocketClientConnection) -> None:
        self._line = line

    async def follow(self, path: str) -> None:
        for frame in (
            Hello(protocol=PROTOCOL, client_id=ClientId("tab")),
            Follow(follow=1, path=NotebookPath(path)),
        ):
            await self._line.write_message(encode(frame), binary=True)
        while not isinstance(await answer(self._line), Snapshot):
            pass

    async def says(self, body: object) -> str:
        """Say it, and return why it may not be; empty: it may. A refusal comes before the answer to a ping (LK3)."""
        frame: object
        if isinstance(body, Attach):
            frame = body
        elif isinstance(body, Question):
            frame = Ask(follow=1, ask=1, question=body)
        else:
            frame = Intend(
                follow=1, client_id=ClientId("tab"), number=1, body=typing.cast("IntentBody", body)
            )
        await self._line.write_message(encode(frame), binary=True)
        await self._line.write_message(encode(Ping(sent_ms=1)), binary=True)
        found, said = "", typing.cast("ToBrowser | None", None)
        while not isinstance(said, Pong):
            said = await answer(self._line)
            if isinstance(said, Refused):
                found = said.message
            elif isinstance(said, Answer):
                found = said.error
            elif isinstance(said, NoTerminal):
                found = said.message
        return found


@pytest.mark.parametrize("name", sorted(what_tabs_say()))
async def test_az1_a_tab_may_say_what_its_token_lets_it(
    closed: Server, named: dict[str, str], name: str
) -> None:
    needs = Scope(written_needs()[name])
    closed.notebook_dir.mkdir(exist_ok=True)
    for scope in Scope:
        path = f"{name.replace(' ', '-')}-{scope.value}.ipynb"
        write_file(closed.notebook_dir / path, code_notebook(["1"]))
        async with linked(closed, **bearer(named[scope.value])) as line:
            tab = Tab(line)
            await tab.follow(path)
            said = await tab.says(example_of(what_tabs_say()[name]))
        may = needs in parse_scopes([scope.value])
        assert ("This token may" in said) is not may, f"a {scope.value} token: {said or 'nothing said'}"


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
def test_az1_requests_carry_no_more_than_a_socket(
    closed: Server, named: dict[str, str], scope: Scope
) -> None:
    """The same table, said over a link that ordinary requests carry, all in one breath."""
    closed.notebook_dir.mkdir(exist_ok=True)
    write_file(closed.notebook_dir / f"carried-{scope.value}.ipynb", code_notebook(["1"]))
    line = Line(closed, bearer(named[scope.value]))
    path = NotebookPath(f"carried-{scope.value}.ipynb")
    frames: list[object] = [
        Hello(protocol=PROTOCOL, client_id=ClientId("tab")),
        Follow(follow=1, path=path),
    ]
    wishes = {name: example_of(kind) for name, kind in what_tabs_say().items()}
    numbers: dict[int, str] = {}
    for number, (name, body) in enumerate(wishes.items(), 1):
        numbers[number] = name
        if isinstance(body, Question):
            frames.append(Ask(follow=1, ask=number, question=body))
        elif name.startswith("intent "):
            wanted = typing.cast("IntentBody", body)
            frames.append(Intend(follow=1, client_id=ClientId("tab"), number=number, body=wanted))
    assert line.post(up(*frames, Ping(sent_ms=1))).status == 204
    said: list[ToBrowser] = []
    while not any(isinstance(one, Pong) for one in said):
        said += line.poll()

    refused = {
        numbers[one.number] for one in said if isinstance(one, Refused) and "This token" in one.message
    }
    refused |= {numbers[one.ask] for one in said if isinstance(one, Answer) and "This token" in one.error}
    may = parse_scopes([scope.value])
    spoken = {name for name in wishes if name.startswith(("intent ", "question "))}
    assert refused == {name for name in spoken if Scope(written_needs()[name]) not in may}
    line.server.ask("DELETE", line.address, headers=line.headers)


def test_az1_a_carrier_serves_who_made_it_and_nobody_else(closed: Server, named: dict[str, str]) -> None:
    browser, other = closed.sign_in(), closed.sign_in()
    own = {"Origin": f"http://127.0.0.1:{closed.port}"}
    line = Line(closed, cookie(browser) | own | {"X-XSRFToken": browser.xsrf})
    for who, headers in (
        ("another login", cookie(other) | own | {"X-XSRFToken": other.xsrf}),
        ("an admin's token", bearer(named["admin"])),
        ("the server's token", bearer(closed.token)),
        ("nobody", {}),
        ("the same login, from another page", {**line.headers, "Origin": "http://evil.example"}),
    ):
        for method, address in (
            ("POST", f"{line.address}?number=1&has=0"),
            ("GET", f"{line.address}/poll?after=0&hold=0"),
            ("GET", f"{line.address}/stream?after=0"),
            ("DELETE", line.address),
        ):
            body = up(Ping(sent_ms=1)) if method == "POST" else None
            got = closed.ask(method, address, body, headers)
            assert got.status in {403, 404, 410}, (who, method, address, got.status)
    assert line.post(up(Ping(sent_ms=1))).status == 204, "and it is still there"

"""Files of strangers, opened alone in a real browser, and names made to act: nothing runs, nothing is reached."""

import re

import pytest
from playwright.sync_api import Error, expect

from tests.browser.visits import Visits
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Writes through the API with the reader's cookie, if it ever runs where it could.
ACT = (
    "fetch('/api/contents/pwned.txt',{method:'PUT',headers:{'X-XSRFToken':(document.cookie.match(/_xsrf=([^;]+)/)||[])[1]},"
    "body:JSON.stringify({type:'file',format:'text',content:'x'})});document.title='pwned';top.document.title='pwned'"
)

FILES = {
    "script.html": f'<!doctype html><title>quiet</title><script>{ACT}</script><img src=x onerror="{ACT}">',
    "picture.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><script>{ACT}</script><circle r="9" onload="{ACT}"/></svg>',
    "page.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><head><script>{ACT}</script></head></html>',
    "styled.xml": '<?xml-stylesheet type="text/xsl" href="#x"?><x/>',
    "frame.svg": '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" '
    'src="/api/contents"/></foreignObject></svg>',
    "polyglot.txt": f"<script>{ACT}</script>",
    "data.json": f'{{"a": "<script>{ACT}</script>"}}',
    "code.js": ACT,
    "no-ending": f"<!doctype html><script>{ACT}</script>",
    "refresh.htm": '<meta http-equiv="refresh" content="0;url=/logout">',
}

#: Names that were once enough to run a program in somebody's notebook server.
NAMES = (
    "<img src=x onerror=document.title='pwned'>.txt",
    "\"onmouseover=document.title='pwned' x=\".txt",
    "javascript:document.title='pwned'.txt",
    "{{constructor.constructor('document.title=1')()}}.txt",
    "a&lt;script&gt;.txt",
)


def test_a_file_opened_alone_cannot_act(visits: Visits, server: CarnetServer) -> None:
    visits.announce(
        "sandbox|Content.Security.Policy|Refused|Blocked|ERR_ABORTED|violates|XSLT|Download|XML|NotSameOrigin"
    )
    for name, text in FILES.items():
        (server.notebooks / name).write_text(text)
    profile = visits.profile()
    for name in FILES:
        page = profile.new_page()
        try:
            page.goto(f"{server.url}files/{name}")
        except Error as error:
            if "Download is starting" not in error.message:
                raise
        else:
            page.wait_for_load_state()
            assert page.title() != "pwned", name
            assert page.evaluate("self.origin") == "null" or page.url.startswith(server.url), name
        page.close()

    assert not (server.notebooks / "pwned.txt").exists()
    assert server.request("GET", "/api/me")[0] == 200


def test_names_are_only_names(visits: Visits, server: CarnetServer) -> None:
    folder = server.notebooks / "names"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text("x")

    page = visits.page("tree/names")

    for name in NAMES:
        row = page.get_by_text(name, exact=True).first
        expect(row).to_be_visible()
        row.hover()
    assert page.title() != "pwned"


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
    ],
)
def test_after_a_login_the_browser_stays_here(visits: Visits, server: CarnetServer, wanted: str) -> None:
    visits.announce("404")  # what is a path of ours may lead to nothing
    page = visits.profile(is_signed_in=False).new_page()
    page.goto(f"{server.url}login")
    page.evaluate("wanted => { document.querySelector('[name=next]').value = wanted }", wanted)
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page).not_to_have_url(re.compile("/login"))
    assert page.url.startswith(server.url)


def test_the_account_page_works_without_a_script(visits: Visits, server: CarnetServer) -> None:
    page = visits.page("account")
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()

    page.get_by_text("Make a token").click()
    page.get_by_label("Name").fill("<b>nightly</b>")
    page.get_by_role("button", name="Make it").click()

    expect(page.get_by_text("It is not shown again.")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="<b>nightly</b>")).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    expect(page.get_by_text("<b>nightly</b>")).to_have_count(0)

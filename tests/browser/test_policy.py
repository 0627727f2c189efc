"""The policy of our pages in a real browser: what it forbids does not happen, and is reported."""

import pytest
from playwright.sync_api import Page

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Ways in which a string becomes a document or a program. Each gives what was thrown, or nothing.
SINKS = {
    "innerHTML": "document.createElement('div').innerHTML = '<b>x</b>'",
    "outerHTML": "document.body.firstElementChild.outerHTML = '<b>x</b>'",
    "insertAdjacentHTML": "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
    "write": "document.write('<b>x</b>')",
    "srcdoc": "document.createElement('iframe').srcdoc = '<b>x</b>'",
    "DOMParser": "new DOMParser().parseFromString('<b>x</b>', 'text/html')",
    "fragment": "document.createRange().createContextualFragment('<b>x</b>')",
    "eval": "eval('1')",
    "Function": "new Function('return 1')()",
    "setTimeout": "setTimeout('window.ran = 1')",
    "script": "document.createElement('script').text = 'window.ran = 1'",
    "script address": "document.createElement('script').src = '/static/x.js'",
    "worker": "new Worker('/static/x.js')",
    "handler": "document.body.setAttribute('onclick', 'window.ran = 1')",
    "policy": "trustedTypes.createPolicy('another', {createHTML: text => text})",
}

#: In a task of the page's own: what a debugger evaluates may evaluate.
TRY = """() => new Promise(done => setTimeout(() => done(Object.fromEntries(
    Object.entries(window.sinks).map(([name, act]) => {
        try { act(); return [name, "nothing"]; } catch (error) { return [name, error.name]; }
    })))))"""


RICH = """from IPython.display import *
display(Markdown('**bold** $x^2$ and <b>html</b>'), Latex(r'$\\frac{1}{2}$'))
display(HTML('<style>p{color:red}</style><p>plain</p>'), HTML('<p onclick="1">active</p>'))"""


def thrown(page: Page) -> dict[str, str]:
    body = ",".join(f"{name!r}: () => {{ {code} }}" for name, code in SINKS.items())
    page.evaluate(f"() => {{ window.sinks = {{{body}}} }}")
    found: dict[str, str] = page.evaluate(TRY)
    return found


def test_ac14_no_string_becomes_a_document_or_a_program(visits: Visits, server: CarnetServer) -> None:
    visits.announce("Trusted|trusted|Content.Security.Policy|Refused|violates")
    server.write("policy.ipynb", ["1"])
    page = visits.notebook("policy.ipynb").page

    found = thrown(page)

    assert {name: how for name, how in found.items() if how not in {"TypeError", "EvalError"}} == {}
    assert page.evaluate("window.ran") is None
    server.wait_said("a page broke its content security policy: 'require-trusted-types-for'")


def test_ac14_our_own_policies_serve_what_outputs_need(visits: Visits, server: CarnetServer) -> None:
    """Markdown, mathematics, HTML with a style sheet, and active HTML: all without one report."""
    server.write("rich.ipynb", [RICH])
    notebook = visits.notebook("rich.ipynb")
    notebook.run(1)

    notebook.says(1, "bold")
    page = notebook.page
    page.locator(".outputs mjx-container").nth(1).wait_for(state="attached")
    page.locator(".outputs mjx-assistive-mml math mfrac").first.wait_for(state="attached")
    page.frame_locator(".output-frame").get_by_text("active").wait_for()
    assert not [line for line in server.said if "security policy: 'script-src" in line]

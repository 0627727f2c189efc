"""Advice for proxies is only what a tested configuration holds."""

import re

import pytest

from carnet.doctor.advice import LINES, PROXIES, WHY, Fault, lines_for, proxy_of
from tests.server.serving import ROOT

FILES = {
    "nginx": "nginx.conf",
    "apache": "apache.conf",
    "caddy": "Caddyfile",
    "traefik": "carnet.yml",
    "haproxy": "haproxy.cfg",
}


@pytest.mark.parametrize("proxy", FILES)
def test_dr5_every_line_of_advice_stands_in_a_configuration_that_is_run(proxy: str) -> None:
    text = (ROOT / "docs" / "howto" / "proxies" / FILES[proxy]).read_text()
    documented = {" ".join(line.split()) for line in text.splitlines()}
    for fault, lines in LINES[proxy].items():
        advised = [" ".join(line.split()) for line in lines.splitlines() if not line.startswith("#")]
        assert [line for line in advised if line not in documented] == [], fault


def test_every_fault_is_explained_and_every_proxy_named() -> None:
    assert set(WHY) == set(Fault)
    assert set(PROXIES) == set(LINES) == set(FILES)
    assert all(re.search(r"\.$", why) for why in WHY.values())
    assert lines_for(Fault.BLOCKED) == lines_for(Fault.WEBSOCKET)


def test_a_proxy_is_known_by_what_it_calls_itself() -> None:
    assert proxy_of("nginx/1.27.1") == "nginx"
    assert proxy_of("Apache/2.4.66 (Debian)") == "apache"
    assert proxy_of("Caddy") == "caddy"
    assert proxy_of("TornadoServer/6") is None

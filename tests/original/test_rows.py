"""The document's sentences that no code block shows: each does what it says (S3 to S26)."""

import hashlib
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from carnet.config.settings import NAMES
from carnet.lib import passwd
from carnet.storage.files import FileNotebookManager
from tests.api.test_plain_runs import outputs, submit, until
from tests.original import blocks
from tests.original.test_document import as_carnet, ask, config, running
from tests.server.serving import clean_environment, run_cli, serve

pytestmark = pytest.mark.slow


def first_certificate(port: int) -> str:
    """Return the SHA-256 fingerprint that browsers show."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return ":".join(re.findall("..", hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()))


def test_s3_the_next_free_port_where_nobody_named_one(tmp_path: Path) -> None:
    with running(as_carnet("ipython notebook"), tmp_path) as first:
        (tmp_path / "other").mkdir()
        with running([*as_carnet("ipython notebook"), "other"], tmp_path) as second:
            assert second.port > first.port
            assert ask(second.port, "/api", tls=False)[0] == 200


def test_s9_certificate_and_key_may_be_apart(tmp_path: Path) -> None:
    made = blocks.OPENSSL_COMMAND.replace("rsa:1024", "rsa:2048").replace(
        "-keyout mycert.pem", "-keyout key.pem"
    )
    made = made.replace("-out mycert.pem", "-out cert.pem")
    subprocess.run([*made.split(), "-subj", "/CN=x"], cwd=tmp_path, capture_output=True, check=True)
    command = "ipython notebook --certfile=cert.pem --keyfile=key.pem"

    with running(as_carnet(command), tmp_path) as server:
        assert ask(server.port, "/api", tls=True)[0] == 200
        assert (
            first_certificate(server.port) in server.said()
        )  # S11: to be compared with what the browser shows


@pytest.mark.parametrize("ip", ["*", ""])
def test_s18_every_address_and_one_that_can_be_reached_is_shown(tmp_path: Path, ip: str) -> None:
    config(tmp_path, f"c.NotebookApp.ip = {ip!r}\nc.NotebookApp.password = u'{passwd('a word', 'sha1')}'\n")

    with running(as_carnet("ipython notebook"), tmp_path) as server:
        host = urlsplit(server.url).hostname
        assert host not in {None, "*", "", "0.0.0.0", "::", "localhost"}
        assert ask(server.port, "/login", tls=True, host=str(host))[0] == 200
        assert ask(server.port, "/login", tls=True)[0] == 200
        if socket.has_ipv6:
            assert ask(server.port, "/login", tls=True, host="::1")[0] == 200


def test_s14_s15_the_file_of_a_profile_has_all_settings_commented_out(tmp_path: Path) -> None:
    made = run_cli(tmp_path, *as_carnet(blocks.PROFILE_COMMAND)[3:])
    path = tmp_path / "ipython" / "profile_nbserver" / "ipython_notebook_config.py"
    text = path.read_text()

    assert str(path) in made.stdout
    assert path.stat().st_mode & 0o777 == 0o600
    expected = {f"NotebookApp.{name}" for name in NAMES}
    for name in FileNotebookManager.class_traits(config=True):
        own = "NotebookManager" if name == "allow_hidden" else "FileNotebookManager"
        expected.add(f"{own}.{name}")
    assert expected - set(re.findall(r"^# c\.(\w+\.\w+) = ", text, re.MULTILINE)) == set()
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == ["c = get_config()"]
    for name in NAMES:  # help, default and value stand together
        assert re.search(
            rf"^## .+(\n#  .+)*\n#  Default: .+\n# c\.NotebookApp\.{name} = ", text, re.MULTILINE
        ), name
    # Uncommented as it is, it changes nothing and says nothing.
    path.write_text(
        re.sub(r"^# (c\.NotebookApp\.(?!port\b|notebook_dir)\w+ = )", r"\1", text, flags=re.MULTILINE)
    )
    assert run_cli(tmp_path, "config", "--profile=nbserver").returncode == 0


def test_s16_s22_kernels_get_the_profile_and_what_the_servers_file_says_for_them(tmp_path: Path) -> None:
    path = config(tmp_path, "c.InteractiveShellApp.exec_lines = ['from_server = 1']\n", "nbserver")
    path.with_name("ipython_kernel_config.py").write_text(
        "c.InteractiveShell.ast_node_interactivity = 'all'\n"
    )
    (path.parent / "startup").mkdir()
    (path.parent / "startup" / "0.py").write_text("from_profile = 2\n")

    with serve(tmp_path, "--profile=nbserver") as server:
        kernel = server.api("POST", "api/kernels", {"name": "python3"}).json()["id"]
        answer = until(server, submit(server, kernel, code="from_server\nfrom_profile"))

    shown = [one["data"]["text/plain"] for one in outputs(answer)]
    assert shown == ["1", "2"]


def test_s20_s21_mistakes_in_the_profile_end_the_start(tmp_path: Path) -> None:
    config(tmp_path, "c.NotebookApp.port = '9999'\n", "nbserver")

    done = run_cli(tmp_path, "notebook", "--profile=nbserver", "--no-browser")

    assert done.returncode == 1
    assert done.stderr.endswith("line 1: NotebookApp.port cannot be '9999': expected an int, not the str '9999'. "
                                "The line is: c.NotebookApp.port = '9999'\n")  # fmt: skip


@pytest.mark.parametrize("base", ["ipython", "/ipython", "ipython/"])
def test_s24_slashes_may_be_left_out(tmp_path: Path, base: str) -> None:
    with running([*as_carnet("ipython notebook"), f"--base-url={base}"], tmp_path) as server:
        assert urlsplit(server.url).path == "/ipython/"
        assert ask(server.port, "/ipython/api", tls=False)[0] == 200


def test_list_as_json_is_a_line_for_each_server(tmp_path: Path) -> None:
    with running(as_carnet("ipython notebook"), tmp_path) as server:
        done = subprocess.run(
            [sys.executable, "-m", "carnet", "list", "--json"],
            capture_output=True,
            text=True,
            check=True,
            env=clean_environment(tmp_path) | {"CARNET_STATE_DIR": str(tmp_path / "state")},
        )

        assert f'"port": {server.port}' in done.stdout
        assert "token" not in done.stdout

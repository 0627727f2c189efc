"""The document that Carnet comes from, run: each of its code blocks does what its sentences say (S1 to S26).

`ipython` is replaced by `carnet`, and the reader's own values stand where the
document says that they go; nothing else is changed.
"""

import contextlib
import http.client
import os
import pty
import re
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from carnet.core.notebook.model import DisplayData
from carnet.lib import passwd, passwd_check
from tests.original import blocks
from tests.server.serving import clean_environment
from tests.support.server import CarnetServer

pytestmark = pytest.mark.slow

START_S = 60.0


def as_carnet(command: str) -> list[str]:
    """Return a command line of the document with its first word replaced."""
    program, *words = command.split()
    assert program == "ipython"
    return [sys.executable, "-m", "carnet", *words]


@dataclass
class Started:
    """A server that the document's command started."""

    process: "subprocess.Popen[str]"
    url: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        found = re.match(r"https?://[^/]+?:(\d+)/", self.url)
        assert found is not None
        return int(found[1])

    def said(self) -> str:
        return "".join(self.lines)


@contextlib.contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[Started]:
    """Run a command in a folder, wait for the address it prints, and end it after."""
    process = subprocess.Popen(
        [*command, "--no-browser"] if "open_browser" not in _config_of(folder) else command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=clean_environment(folder) | {"CARNET_STATE_DIR": str(folder / "state")},
    )
    started = Started(process)
    came = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            started.lines.append(line)
            if line.startswith("    http") and not started.url:
                started.url = line.strip()
                came.set()
        came.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert came.wait(START_S), started.said()
        assert started.url, started.said()
        yield started
    finally:
        process.terminate()
        process.wait(30)
        reader.join(10)
        assert process.stderr is not None
        process.stderr.close()


def _config_of(folder: Path) -> str:
    return "".join(path.read_text() for path in (folder / "ipython").rglob("ipython_notebook_config.py"))


def refused(command: Sequence[str], folder: Path) -> str:
    """Run a command that must not start a server, and return what it said."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean_environment(folder) | {"CARNET_STATE_DIR": str(folder / "state")},
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


def config(folder: Path, text: str, profile: str = "default") -> Path:
    """Put a block into the configuration file of a profile, unchanged but for its indentation in the document."""
    path = folder / "ipython" / f"profile_{profile}" / "ipython_notebook_config.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def free_port() -> int:
    with socket.create_server(("", 0)) as one:
        port: int = one.getsockname()[1]
    return port


def ask(
    port: int, path: str, *, tls: bool, body: str | None = None, host: str = "127.0.0.1", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send one request and return status, headers and body. The certificate is signed by itself: it is not checked."""
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, context=context, timeout=20
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", path, body, named)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.headers, data


def sign_in(port: int, password: str, *, tls: bool, base: str = "/") -> dict[str, str]:
    """Sign in by the form, as a browser does; return the headers of the signed-in browser, or none."""
    _, headers, page = ask(port, f"{base}login", tls=tls)
    form = re.search(rb'name="_xsrf" value="([^"]+)"', page)
    assert form is not None
    assert page.count(b'type="password"') == 1
    token = form[1].decode()
    status, headers, _ = ask(
        port,
        f"{base}login",
        tls=tls,
        body=urlencode({"password": password, "_xsrf": token}),
        Cookie=f"_xsrf={token}",
        Content_Type="application/x-www-form-urlencoded",
    )
    cookies = [one.partition(";")[0] for one in headers.get_all("Set-Cookie") or ()]
    return {"Cookie": "; ".join(cookies)} if status == 302 else {}


# -- "By default, a notebook server runs on http://127.0.0.1:8888/ and is accessible only from localhost"


def test_s3_the_default_address(tmp_path: Path) -> None:
    with running(as_carnet("ipython notebook"), tmp_path) as server:
        assert re.match(
            r"http://127\.0\.0\.1:(88[89]\d|89\d\d)/", server.url
        )  # 8888, or the next that is free
        assert ask(server.port, "/api", tls=False)[0] == 200
        assert ask(server.port, "/api", tls=False, Host="your.host.com")[0] == 403
        for address in {
            info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        }:
            if not str(address).startswith("127."):
                with pytest.raises(ConnectionRefusedError):
                    ask(server.port, "/api", tls=False, host=str(address))


# -- "You can prepare a hashed password using the function passwd"


def test_s5_the_session_that_makes_a_hash(tmp_path: Path) -> None:
    program = "\n".join(
        (blocks.PASSWD_SESSION[0].replace("IPython", "carnet"), f"print('Out', {blocks.PASSWD_SESSION[1]})")
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean_environment(tmp_path),
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    for prompt in blocks.PROMPTS:
        while not shown.endswith(prompt):
            shown += os.read(ours, 1024).decode()
        os.write(ours, b"a password\n")
    with contextlib.suppress(OSError):  # Linux says so at the end of a terminal
        while data := os.read(ours, 1024):
            shown += data.decode()
    process.wait(20)
    os.close(ours)

    assert "a password" not in shown
    found = re.search(r"Out (\S+)", shown)
    assert found is not None
    assert passwd_check(found[1], "a password")


def test_s5_the_hash_that_is_shown_has_the_form_that_is_understood() -> None:
    made = passwd("a password", algorithm="sha1")

    assert [len(part) for part in made.split(":")] == [len(part) for part in blocks.SHOWN_HASH.split(":")]


# -- "You can then add this to your ipython_notebook_config.py"


def test_s7_the_block_as_it_is_printed_stops_with_file_line_and_text(tmp_path: Path) -> None:
    path = config(tmp_path, blocks.PASSWORD_CONFIG)

    said = refused(as_carnet("ipython notebook"), tmp_path)

    assert (
        said
        == f"carnet: {path}, line 3: invalid syntax: c.NotebookApp.password =  (the value has to begin on the same line)\n"
    )


def test_s4_the_block_on_one_line_protects_the_server(tmp_path: Path) -> None:
    text = blocks.PASSWORD_CONFIG.replace("= \n    u'", "= u'").replace(
        blocks.SHOWN_HASH, passwd("a password", "sha1")
    )
    config(tmp_path, text)

    with running(as_carnet("ipython notebook"), tmp_path) as server:
        assert "token" not in server.url
        assert ask(server.port, "/api/contents", tls=False)[0] == 403
        assert sign_in(server.port, "another", tls=False) == {}
        assert (
            ask(server.port, "/api/contents", tls=False, **sign_in(server.port, "a password", tls=False))[0]
            == 200
        )


def test_s5_the_documents_own_hash_is_accepted_and_lets_nobody_in_by_accident(tmp_path: Path) -> None:
    config(tmp_path, blocks.PASSWORD_CONFIG.replace("= \n    u'", "= u'"))

    with running(as_carnet("ipython notebook"), tmp_path) as server:
        assert sign_in(server.port, "", tls=False) == {}


# -- "You can start the notebook to communicate via a secure protocol mode using a self-signed certificate"


def test_s10_the_weak_key_gets_one_sentence_and_its_command_works(tmp_path: Path) -> None:
    subject = ["-subj", "/CN=your.host.com"]  # what openssl asks for on the terminal
    subprocess.run([*blocks.OPENSSL_COMMAND.split(), *subject], cwd=tmp_path, capture_output=True, check=True)

    said = refused(as_carnet(blocks.CERTFILE_COMMAND), tmp_path)

    assert said.count("\n") == 1
    assert "too weak" in said
    command = re.search(r"openssl req .*mycert\.pem -out mycert\.pem", said)
    assert command is not None
    subprocess.run([*command[0].split(), *subject], cwd=tmp_path, capture_output=True, check=True)
    with running(as_carnet(blocks.CERTFILE_COMMAND), tmp_path) as server:
        assert server.url.startswith("https://")
        assert ask(server.port, "/api", tls=True)[0] == 200


# -- "you will need to access the notebook server over https://, not over plain http://"


def test_s12_who_comes_over_plain_http_is_sent_to_https(tmp_path: Path) -> None:
    make_certificate(tmp_path / "mycert.pem")

    with running(as_carnet(blocks.CERTFILE_COMMAND), tmp_path) as server:
        status, headers, body = ask(server.port, "/tree", tls=False)

    assert (status, headers["Location"]) == (308, f"https://127.0.0.1:{server.port}/tree")
    assert b"https" in body
    assert "http://" not in server.said()


def make_certificate(path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "carnet", "cert", str(path), "your.host.com"],
        env=clean_environment(path.parent),
        capture_output=True,
        check=True,
    )


# -- "Running a public notebook server"


def test_s14_to_s22_a_public_server(tmp_path: Path) -> None:
    subprocess.run(
        as_carnet(blocks.PROFILE_COMMAND),
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        check=True,
    )
    path = tmp_path / "ipython" / "profile_nbserver" / "ipython_notebook_config.py"
    assert "# c.NotebookApp.certfile = ''" in path.read_text()
    certificate, port = tmp_path / "mycert.pem", free_port()
    make_certificate(certificate)
    text = (
        blocks.PUBLIC_CONFIG.replace("/absolute/path/to/your/certificate/mycert.pem", str(certificate))
        .replace("sha1:bcd259ccf...[your hashed password here]", passwd("a password", "sha1"))
        .replace("9999", str(port))
    )
    path.write_text(path.read_text() + textwrap.dedent(text))

    with running(as_carnet(blocks.PUBLIC_COMMAND), tmp_path) as server:
        assert server.url.startswith("https://")
        assert server.port == port
        assert "*" not in server.url
        own = f"your.host.com:{port}"
        assert ask(port, "/", tls=True, Host=own)[0] == 302
        browser = sign_in(port, "a password", tls=True)
        assert ask(port, "/tree", tls=True, **browser)[0] in {
            200,
            503,
        }  # 503: this checkout has no built page
        assert ask(port, "/api/contents", tls=True, **browser)[0] == 200
        assert ask(port, "/api/contents", tls=True)[0] == 403

    with socket.create_server(("127.0.0.1", port)):  # a fixed port that is taken is an error
        said = refused(as_carnet(blocks.PUBLIC_COMMAND), tmp_path)
    assert f"Port {port} is in use already" in said


def test_s20_the_placeholder_is_refused(tmp_path: Path) -> None:
    certificate = tmp_path / "mycert.pem"
    make_certificate(certificate)
    text = blocks.PUBLIC_CONFIG.replace("/absolute/path/to/your/certificate/mycert.pem", str(certificate))
    path = config(tmp_path, text, "nbserver")

    said = refused(as_carnet(blocks.PUBLIC_COMMAND), tmp_path)

    assert said.startswith(f"carnet: {path}, line 10: password: this is not the hash of a password")
    assert "carnet passwd" in said


def test_s17_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    config(
        tmp_path,
        blocks.PUBLIC_CONFIG.replace("sha1:bcd259ccf...[your hashed password here]", passwd("a", "sha1")),
        "nbserver",
    )

    said = refused(as_carnet(blocks.PUBLIC_COMMAND), tmp_path)

    assert "there is no file /absolute/path/to/your/certificate/mycert.pem" in said


async def test_s16_plotting_support_always(tmp_path: Path) -> None:
    line = next(one for one in blocks.PUBLIC_CONFIG.splitlines() if "pylab" in one)
    config(tmp_path, f"c = get_config()\n{line.strip()}\n")
    with CarnetServer(tmp_path, env={"IPYTHONDIR": str(tmp_path / "ipython")}) as server:
        server.write("plot.ipynb", ["plot([1, 3, 2]);"])
        async with server.tab("plot.ipynb") as tab:
            await tab.run(*tab.now.order)
            await tab.wait(lambda: not tab.now.runs)
            outputs = tab.cell(0).cell.outputs

        assert [type(one) for one in outputs] == [DisplayData], outputs
        assert "image/png" in outputs[0].data  # type: ignore[union-attr]  # its class was looked at


# -- "Running with a different URL prefix"


@pytest.mark.parametrize("lines", [2, 1], ids=["both lines", "the first alone"])
def test_s24_s25_another_prefix(tmp_path: Path, lines: int) -> None:
    block = "".join(blocks.PREFIX_CONFIG.splitlines(keepends=True)[:lines])
    config(tmp_path, block + "    c.NotebookApp.token = 'word'\n")

    with running(as_carnet("ipython notebook"), tmp_path) as server:
        status, headers, _ = ask(server.port, "/ipython?a=1", tls=False)
        assert (status in {301, 302, 308}, headers["Location"].partition("?")[0]) == (True, "/ipython/")
        _, headers, _ = ask(server.port, "/ipython/tree", tls=False)
        assert headers["Location"].startswith("/ipython/login")
        _, headers, _ = ask(server.port, "/ipython/?token=word", tls=False)
        cookies = headers.get_all("Set-Cookie") or [""]
        assert all("Path=/ipython/" in one for one in cookies)
        browser = {"Cookie": "; ".join(one.partition(";")[0] for one in cookies)}
        status, _, page = ask(server.port, "/ipython/", tls=False, **browser)
        assert status in {200, 503}
        addresses = re.findall(rb'(?:src|href)="([^"]+)"', page)
        assert addresses
        assert all(one.startswith((b"/ipython/", b"data:", b"#")) for one in addresses), addresses
        for address in addresses:
            if address.startswith(b"/ipython/static/"):
                assert ask(server.port, address.decode(), tls=False)[0] == 200
        assert ask(server.port, "/tree", tls=False)[0] == 404


# -- "the notebook server stores the notebook documents that it saves as files in the working directory"


def test_s26_notebooks_are_files_in_the_working_directory(tmp_path: Path) -> None:
    config(tmp_path, "c.NotebookApp.token = 'word'\n")
    work = tmp_path / "ipython"

    with running(as_carnet("ipython notebook"), tmp_path) as server:
        status, _, _ = ask(
            server.port, "/api/contents", tls=False, body='{"type": "notebook"}', Authorization="token word"
        )

    assert status == 201
    assert work.is_dir()
    assert (tmp_path / "Untitled.ipynb").is_file()


@pytest.mark.parametrize(
    "line",
    [
        "c.NotebookApp.notebook_dir = {!r}",
        "c.NotebookManager.notebook_dir = {!r}",
        "c.FileNotebookManager.notebook_dir = {!r}",
    ],
)
def test_s26_another_folder_by_any_of_its_names(tmp_path: Path, line: str) -> None:
    other = tmp_path / "made" / "here"
    config(tmp_path, line.format(str(other)) + "\n")

    with running(as_carnet("ipython notebook"), tmp_path) as server:
        assert f"Carnet serves {other}" in server.said()
    assert other.is_dir()


def test_no_block_was_left_out() -> None:
    """Each block of the document is used above; the module has no other."""
    text = Path(__file__).read_text(encoding="utf-8")
    names = [name for name in vars(blocks) if name.isupper()]

    assert [name for name in names if f"blocks.{name}" not in text] == []


# -- "a great example of an in memory notebook manager"


def test_s28_s31_another_notebook_manager(tmp_path: Path) -> None:
    config(tmp_path, "c.NotebookApp.notebook_manager_class = 'carnet.storage.memory.MemoryNotebookManager'\n")

    with running(as_carnet("ipython notebook --NotebookApp.token=word"), tmp_path) as server:
        status, _, _ = ask(
            server.port, "/api/contents", tls=False, body='{"type": "notebook"}', Authorization="token word"
        )

    assert status == 201
    assert "Serving notebooks from memory" in server.said()
    assert list(tmp_path.glob("*.ipynb")) == []

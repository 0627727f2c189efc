"""Certificates from a real ACME authority on this machine, Pebble and when they are due (TL13 to TL16)."""

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from carnet.clock import SystemClock
from carnet.config.settings import Settings
from carnet.core.notebook.model import Stream
from carnet.errors import ConfigError
from carnet.security.certificates import make_self_signed, read_certificate, write_pair
from carnet.security.tls import LiveContext
from carnet.server.acme import Renewal, names_of
from carnet.server.tls_port import TlsPort
from carnet.testing.fake_clock import FakeClock
from tests.server.serving import serve
from tests.server.test_tls_port import get, say_hello
from tests.support.debian import debian
from tests.support.files import code_notebook, write_file
from tests.support.link_client import LinkClient

NAME = "notebooks.example.org"
DAY_S = 24 * 3600.0


def settings(**more: object) -> Settings:
    values: dict[str, object] = {"tls": "acme", "local_hostnames": ["localhost", NAME], **more}
    return Settings(**values)  # type: ignore[arg-type]  # a part of its fields


def test_tl13_the_names_are_the_public_ones_that_were_set() -> None:
    assert names_of(settings(local_hostnames=["localhost", "A.example", "192.0.2.1", "b.c.example"])) == [
        "a.example",
        "b.c.example",
    ]
    with pytest.raises(ConfigError, match="needs the public name"):
        names_of(settings(local_hostnames=["localhost", "127.0.0.1"]))


def test_tl15_our_own_is_shown_until_there_is_one_and_that_is_due_at_once(tmp_path: Path) -> None:
    renewal = Renewal(settings(), tmp_path, SystemClock())

    assert read_certificate(renewal.certfile).names == (NAME,)
    assert renewal.due_in_s() == 0


def test_tl15_one_is_due_in_its_last_third(tmp_path: Path) -> None:
    clock = FakeClock()
    renewal = Renewal(settings(), tmp_path, clock)
    write_pair(renewal.certfile, _issued(clock.now_ms(), days=90))

    due = []
    for _ in range(9):
        due.append(renewal.due_in_s() == 0)
        clock.advance(10 * DAY_S)

    assert due == [False] * 6 + [True] * 3


def _issued(now_ms: int, *, days: int) -> bytes:
    """Return a certificate that another key has signed: as an authority makes one."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, authority = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)


class Pebble:
    """An authority that looks for its proofs on our ports."""

    def __init__(self, folder: Path, *, valid_s: int = 90 * 24 * 3600) -> None:
        programs = debian("pebble")
        self.tls_port, self.http_port, self._port, self._manage, self._dns, tests = free_ports(6)
        self.certificate = folder / "pebble.pem"
        write_pair(self.certificate, make_self_signed(["localhost"], now_ms=SystemClock().now_ms()))
        (folder / "pebble.json").write_text(
            json.dumps(
                {
                    "pebble": {
                        "listenAddress": f"127.0.0.1:{self._port}",
                        "managementListenAddress": f"127.0.0.1:{self._manage}",
                        "certificate": str(self.certificate),
                        "privateKey": str(self.certificate),
                        "httpPort": self.http_port,
                        "tlsPort": self.tls_port,
                        "certificateValidityPeriod": valid_s,
                    }
                }
            )
        )
        self.directory = f"https://localhost:{self._port}/dir"
        env = {**programs.env(), "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        dns = [
            *(
                programs.program("pebble-challtestsrv"),
                "-dns01",
                f"127.0.0.1:{self._dns}",
                "-http01",
                "",
                "-https01",
                "",
            ),
            *("-tlsalpn01", "", "-management", f"127.0.0.1:{tests}", "-defaultIPv6", ""),
        ]
        self._processes = [
            _start(dns, programs.env()),
            _start(
                [
                    *(programs.program("pebble"), "-config", str(folder / "pebble.json")),
                    *("-dnsserver", f"127.0.0.1:{self._dns}"),
                ],
                env,
            ),
        ]
        wait_for(self._port)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait(20)


def _start(command: list[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def wait_for(port: int) -> None:
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the authority did not start")


@pytest.fixture
def pebble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pebble]:
    one = Pebble(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(one.certificate))
    yield one
    one.stop()


@contextlib.asynccontextmanager
async def listening(renewal: Renewal, pebble: Pebble, clock: FakeClock) -> AsyncIterator[TlsPort]:
    server = HTTPServer(say_hello)
    port = TlsPort(server, LiveContext(renewal.certfile, None, clock), lambda _: "", renewal.proofs)
    sockets = [*bind_sockets(pebble.tls_port, "127.0.0.1"), *bind_sockets(pebble.http_port, "127.0.0.1")]
    port.add_sockets(sockets[:1])
    port.add_plain_sockets(sockets[1:])
    try:
        yield port
    finally:
        port.stop()
        sockets[0].close()
        await server.close_all_connections()


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Connect and return who issued the certificate that is shown."""
    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=NAME)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    issuer = x509.load_der_x509_certificate(der).issuer.rfc4514_string()
    return reader, writer, issuer


@pytest.mark.debian
@pytest.mark.slow
@pytest.mark.parametrize("over_http", [False, True], ids=["tls-alpn-01", "http-01"])
async def test_tl14_issued_and_renewed_under_a_standing_connection(
    tmp_path: Path, pebble: Pebble, over_http: bool
) -> None:
    clock = FakeClock()
    wanted = settings(acme_directory=pebble.directory, http_port=pebble.http_port if over_http else 0)
    renewal = Renewal(wanted, tmp_path / "tls", SystemClock())
    async with listening(renewal, pebble, clock):
        first = await connect(pebble.tls_port)
        assert NAME in first[2]  # our own

        await renewal.renew()
        clock.advance(2)
        second = await connect(pebble.tls_port)
        issued = read_certificate(renewal.certfile)
        await renewal.renew()
        clock.advance(2)
        third = await connect(pebble.tls_port)

        assert "Pebble" in second[2]
        assert "Pebble" in third[2]
        assert read_certificate(renewal.certfile).sha256 != issued.sha256
        assert issued.names == (NAME,)
        assert renewal.due_in_s() > 0
        assert renewal.certfile.stat().st_mode & 0o777 == 0o600
        for reader, writer, _ in (first, second, third):
            assert await get(reader, writer) == b"https /x"
            writer.close()


@pytest.mark.debian
@pytest.mark.slow
async def test_tl15_a_server_gets_its_certificate_by_itself(tmp_path: Path, pebble: Pebble) -> None:
    options = (
        "--tls=acme",
        f"--port={pebble.tls_port}",
        f"--NotebookApp.local_hostnames=localhost,{NAME}",
        f"--NotebookApp.acme_directory={pebble.directory}",
    )
    with serve(tmp_path, *options, env={"REQUESTS_CA_BUNDLE": str(pebble.certificate)}) as server:
        assert server.url.startswith("https://")
        issuer = ""
        async with asyncio.timeout(60):
            while "Pebble" not in issuer:
                _, writer, issuer = await connect(pebble.tls_port)
                writer.close()
                await asyncio.sleep(0.1)
    assert "Traceback" not in server.output()


#: Prints until it is told to stop.
COUNTS = "from pathlib import Path\nimport time\nn = 0\nwhile not Path('stop').exists():\n    print(n); n += 1; time.sleep(0.02)"


@pytest.mark.debian
@pytest.mark.slow
async def test_tl15_a_cell_runs_over_an_open_link_while_certificates_come_and_go(tmp_path: Path) -> None:
    """Ours, then the authority's first, then its second: one link, one kernel, every line once."""
    pebble = Pebble(tmp_path, valid_s=9)
    options = (
        "--tls=acme",
        f"--port={pebble.tls_port}",
        f"--NotebookApp.local_hostnames=localhost,{NAME}",
        f"--NotebookApp.acme_directory={pebble.directory}",
    )
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_file(notebooks / "counts.ipynb", code_notebook([COUNTS]))
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        with serve(tmp_path, *options, env={"REQUESTS_CA_BUNDLE": str(pebble.certificate)}) as server:
            address = f"wss://127.0.0.1:{pebble.tls_port}/link"
            headers = {"Authorization": f"token {server.token}"}
            async with LinkClient(address, headers, "counts.ipynb", ssl_context=trusting) as tab:
                await tab.run(tab.now.order[0])
                await tab.wait(lambda: _printed(tab) > 0)
                seen: dict[bytes, str] = {}
                async with asyncio.timeout(90):
                    while sum("Pebble" in issuer for issuer in seen.values()) < 2:
                        _, writer, issuer = await connect(pebble.tls_port)
                        seen[writer.get_extra_info("ssl_object").getpeercert(binary_form=True)] = issuer
                        writer.close()
                        await tab.wait(partial(_has_printed_more, tab, _printed(tab)))
                (notebooks / "stop").touch()
                await tab.wait(lambda: not tab.now.runs)

                assert tab.reconnects == 1, "it connected once"
                assert tab.snapshots == 1
                lines = _text(tab).split()
                assert lines == [str(number) for number in range(len(lines))]
            assert "Traceback" not in server.output()
    finally:
        pebble.stop()


def _text(tab: LinkClient) -> str:
    [cell] = tab.now.cells.values()
    return "".join(output.text for output in cell.cell.outputs if isinstance(output, Stream))


def _has_printed_more(tab: LinkClient, than: int) -> bool:
    return _printed(tab) > than


def _printed(tab: LinkClient) -> int:
    return len(_text(tab))

"""Starting a host (HO7)."""

from pathlib import Path

import pytest

from carnet.errors import HostUnavailable
from carnet.kernels.client import HostClient
from carnet.kernels.spawn import HostOptions, find, spawn


def test_ho3_no_host_is_found_in_an_empty_folder_or_a_broken_record(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    (tmp_path / "host.json").write_text("{", encoding="utf-8")
    assert find(tmp_path) is None


@pytest.mark.slow
async def test_ho7_a_host_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "host" / "kernels").mkdir(parents=True)
    (tmp_path / "host" / "kernels").rmdir()
    (tmp_path / "host" / "kernels").write_text("in the way", encoding="utf-8")
    with pytest.raises(HostUnavailable, match=r"could not start: .*kernels"):
        await spawn(tmp_path / "host", HostOptions(), timeout_s=20)


@pytest.mark.slow
async def test_ho33_secrets_of_the_server_do_not_reach_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("CARNET_TOKEN", "secret")
    monkeypatch.setenv("HARMLESS", "kept")
    client = HostClient(tmp_path / "host", idle_exit_s=5)
    await client.connect()
    assert client.info is not None
    environment = environment_of(client.info.pid)
    assert b"HARMLESS=kept" in environment
    assert not any(b"=secret" in variable for variable in environment)
    await client.end()


def environment_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

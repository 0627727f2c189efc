"""Restarts that meet a changed world (HO32, HO35)."""

from pathlib import Path

import pytest

from carnet.core.wire.host import KernelDied
from carnet.ids import KernelId, new_id
from carnet.kernels.client import HostClient
from tests.support.kernel_host import Watch, text_of

pytestmark = pytest.mark.slow


async def test_ho35_a_restart_in_a_folder_that_is_gone_takes_its_parent(
    client: HostClient, tmp_path: Path
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    kernel_id = KernelId(new_id())
    await client.start(kernel_id, cwd=str(folder))
    watch = await Watch(client, kernel_id).begin()
    await watch.run("")
    folder.rename(tmp_path / "moved")

    await client.restart(kernel_id)

    assert text_of(await watch.run("import os; print(os.getcwd())")) == f"{tmp_path}\n"
    await client.shutdown(kernel_id, now=True)


async def test_ho32_a_kernel_whose_restart_fails_is_dead(client: HostClient, tmp_path: Path) -> None:
    kernel_id = KernelId(new_id())
    # A module of this name in its folder keeps the next process from starting.
    await client.start(kernel_id, cwd=str(tmp_path), env={"PYTHONPATH": str(tmp_path)})
    watch = await Watch(client, kernel_id).begin()
    await watch.run("")
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('no more')")

    await client.restart(kernel_id)
    died = await watch.until(lambda record: record.msg_type == "kernel-died" and b"no more" in record.content)

    assert [one.status for one in await client.kernels() if one.kernel_id == kernel_id] == ["dead"]
    assert died.number == watch.records[-1].number
    assert any(isinstance(event, KernelDied) and not event.obituary.asked for event in watch.events())
    await client.shutdown(kernel_id, now=True)

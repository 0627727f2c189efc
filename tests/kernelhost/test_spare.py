"""The warm spare (HO50 to HO54)."""

import asyncio
import dis
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from carnet.core.wire.host import KernelspecModel, KernelStarted
from carnet.ids import KernelId, new_id
from carnet.kernelhost.spare import can_be_spare, can_take_spare, claim_code
from carnet.kernels.client import HostClient
from tests.support.kernel_host import HostProcess, Watch, text_of

StartHost = Callable[..., HostProcess]


def a_spec(**changes: object) -> KernelspecModel:
    spec = {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], **changes}
    return KernelspecModel("python3", "Python 3", "python", "", msgspec.convert(spec, dict))


def test_ho50_only_a_local_ipykernel_can_be_a_spare() -> None:
    assert can_be_spare(a_spec())
    assert can_be_spare(a_spec(metadata={"debugger": True}))
    assert not can_be_spare(a_spec(argv=["R", "--slave"]))
    assert not can_be_spare(a_spec(metadata={"kernel_provisioner": {"provisioner_name": "slurm"}}))
    assert not can_be_spare(msgspec.structs.replace(a_spec(), language="R"))


@pytest.mark.parametrize(
    ("env", "extra_arguments", "can"),
    [
        ({}, (), True),
        ({"PATH": "/bin", "NOTEBOOK": "a.ipynb"}, (), True),
        ({"PYTHONPATH": "/x"}, (), False),
        ({"LD_PRELOAD": "x.so"}, (), False),
        ({"TZ": "UTC"}, (), False),
        ({}, ("--pylab=inline",), False),
    ],
)
def test_ho51_what_only_a_start_can_do_needs_a_start(
    env: dict[str, str], extra_arguments: tuple[str, ...], can: bool
) -> None:
    assert can_take_spare(env, extra_arguments) is can


def test_ho52_the_code_binds_no_name_and_survives_any_text() -> None:
    code = compile(claim_code("/a 'folder'\n\\", {"NAME": '"""\'\\\n'}), "claim", "exec")
    assert {instruction.opname for instruction in dis.get_instructions(code)}.isdisjoint(
        {"STORE_NAME", "STORE_GLOBAL", "IMPORT_NAME"}
    )


#: Everything of a kernel that could tell whether it was a spare before.
TRACES = """
import json, os, sys
ip = get_ipython()
print(json.dumps({
    "In": In, "Out": Out, "count": ip.execution_count, "hidden": sorted(ip.user_ns_hidden),
    "names": sorted(name for name in globals()), "history": list(ip.history_manager.get_range()),
    "cwd": os.getcwd(), "dirs": _dh, "path": sys.path, "start": ip.starting_dir, "PWD": os.environ.get("PWD"),
    "env": sorted(name for name in os.environ if name != "CARNET_KERNEL"), "given": os.environ["GIVEN"],
    "argv": [word for word in sys.argv if not word.endswith(".json")],
}, default=str))
"""


@pytest.mark.slow
async def test_ho53_a_spare_that_was_taken_cannot_be_told_from_a_fresh_kernel(
    tmp_path: Path, start_host: StartHost
) -> None:
    host = start_host(tmp_path / "host")
    client = HostClient(host.folder, spawn=False)
    await client.connect()
    (tmp_path / "work").mkdir()

    async def traces() -> tuple[dict[str, object], Watch, list[str]]:
        kernel_id = KernelId(new_id())
        await client.start(kernel_id, cwd=str(tmp_path / "work"), env={"GIVEN": "by the server"})
        watch = await Watch(client, kernel_id).begin()
        found = msgspec.json.decode(text_of(await watch.run(TRACES)), type=dict[str, object])
        return found, watch, [f"{record.channel} {record.msg_type}" for record in watch.records]

    cold, _, cold_said = await traces()
    spare = await spare_pid(host)
    warm, watch, warm_said = await traces()
    assert text_of(await watch.run("import os; print(os.getpid())")) == f"{spare}\n"
    assert warm == cold
    # The journal of the one that was a spare begins with its start; a fresh one says `starting` before.
    assert set(warm_said) == set(cold_said)
    started = watch.events()[0]
    assert isinstance(started, KernelStarted)
    assert watch.records[0].msg_type == "kernel-started"
    # And there is a new one.
    assert await spare_pid(host) != spare
    await client.end()
    assert host.process.wait() == 0


@pytest.mark.slow
async def test_ho54_a_spare_is_started_when_asked_for(tmp_path: Path, start_host: StartHost) -> None:
    host = start_host(tmp_path / "host")
    client = HostClient(host.folder, spawn=False)
    await client.connect()
    await client.warm_up()
    assert await spare_pid(host) > 0
    assert await client.kernels() == []
    await client.end()
    assert host.process.wait() == 0


@pytest.mark.slow
async def test_ho35_a_spare_that_is_taken_by_a_restart_finds_a_folder_too(
    tmp_path: Path, start_host: StartHost
) -> None:
    host = start_host(tmp_path / "host")
    client = HostClient(host.folder, spawn=False)
    await client.connect()
    folder = tmp_path / "gone"
    folder.mkdir()
    kernel_id = KernelId(new_id())
    await client.start(kernel_id, cwd=str(folder))
    watch = await Watch(client, kernel_id).begin()
    await watch.run("")
    spare = await spare_pid(host)
    folder.rename(tmp_path / "moved")

    await client.restart(kernel_id)

    assert text_of(await watch.run("import os; print(os.getpid(), os.getcwd())")) == f"{spare} {tmp_path}\n"
    await client.end()
    assert host.process.wait() == 0


async def spare_pid(host: HostProcess) -> int:
    """Wait until the host has written which process its spare is."""
    async with asyncio.timeout(20):
        while True:
            try:
                data = (host.folder / "spare.json").read_bytes()
            except FileNotFoundError:
                await asyncio.sleep(0.02)  # the file is the only sign there is
            else:
                pid: int = msgspec.json.decode(data)["pid"]
                return pid

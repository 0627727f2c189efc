"""Interrupt, restart and end kernels for callers outside the link: through the notebook's session where one is open."""

import asyncio
from typing import Final, Literal

from carnet.core.session.intents import Intent, IntentBody, Interrupt, RestartKernel, ShutdownKernel
from carnet.errors import KernelError
from carnet.ids import ClientId, KernelId, new_id
from carnet.server.workbench import Workbench

END_WAIT_S: Final = 10.0
_LOOK_S: Final = 0.03

Action = Literal["interrupt", "restart", "shutdown"]


async def act(bench: Workbench, kernel_id: KernelId, action: Action, *, by: str) -> None:
    """Do it. The session, being the only writer, decides and tells all its browsers.

    Raises:
        KernelError: it was refused, or the host cannot do it.
    """
    session = bench.registry.bound_to(kernel_id)
    if session is None:
        host = await bench.connected_host()
        if action == "shutdown":
            await host.shutdown(kernel_id)
        elif action == "restart":
            await host.restart(kernel_id)
        else:
            await host.interrupt(kernel_id)
        return
    bodies: dict[Action, IntentBody] = {
        "interrupt": Interrupt(),
        "restart": RestartKernel(),
        "shutdown": ShutdownKernel(),
    }
    intent = Intent(client_id=ClientId(f"api-{new_id()}"), number=1, by=by, body=bodies[action])
    answer = await session.receive(intent)
    if answer.refusal is not None:
        raise KernelError(answer.message)
    if action == "shutdown":
        await gone(bench, kernel_id)


async def gone(bench: Workbench, kernel_id: KernelId) -> None:
    """Return when a kernel that was ended is no more; after `END_WAIT_S` in any case."""
    try:
        async with asyncio.timeout(END_WAIT_S):
            while True:
                if all(one.kernel_id != kernel_id for one in await bench.kernels_if_any()):
                    return
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        return  # a kernel that does not want to end is killed by its host; nobody need wait for that

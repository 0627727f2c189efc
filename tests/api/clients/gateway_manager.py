"""jupyter_server's GatewayKernelManager, which asks a provisioner that it does not have whether its kernel lives.

jupyter_client asks while a kernel takes longer than a second to answer. (jupyter_server 2.21.1 with jupyter_client 8.10.)
"""

from jupyter_server.gateway.managers import GatewayKernelManager


class Manager(GatewayKernelManager):
    """As it is, but for that."""

    async def _async_is_alive(self) -> bool:
        return bool(await self.is_alive())  # type: ignore[no-untyped-call]

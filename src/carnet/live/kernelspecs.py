"""What is known of the installed kernelspecs, so that deciding an intent need not wait for the host."""

from collections.abc import Mapping

from carnet.core.session.decide import Kernelspec
from carnet.core.session.intents import IntentBody, StartKernel
from carnet.live.host import KernelHost


class KnownKernelspecs:
    """The kernelspecs as the host last told them; empty until it was asked."""

    def __init__(self) -> None:
        self.default = ""
        self._by_name: Mapping[str, Kernelspec] = {}

    async def learn(self, host: KernelHost) -> None:
        """Ask the host.

        Raises:
            KernelError: it cannot be reached; what was known stays.
        """
        await host.connect()
        specs = await host.kernelspecs()
        self.default = specs.default
        self._by_name = {
            name: Kernelspec(display_name=spec.display_name, language=spec.language)
            for name, spec in specs.kernelspecs.items()
        }

    def for_intent(self, body: IntentBody) -> Mapping[str, Kernelspec]:
        """Return what a decision may rely on.

        Nothing for a name we do not know: it may have been installed since, and the host has the last word.
        """
        if isinstance(body, StartKernel) and body.kernelspec and body.kernelspec not in self._by_name:
            return {}
        return self._by_name

"""Tell a browser, before it sends what a page of an allowed origin asks for, that it may. Rules AC40 to AC43: docs/specs/cross-origin.md."""

from carnet.server.handlers.base import Handler


class Preflight(Handler):
    """Whatever the address: the front door has made the headers."""

    def options(self, *_arguments: str) -> None:
        """Answer with them."""
        self.answer_nothing()

"""`/api/contents/PATH/trust`: a person allows the outputs that a notebook's file holds now to run scripts.

Jupyter's clients read it in each cell's `metadata.trusted`. As there, it holds for
these very bytes: another file of the same name is not trusted. Rule JA3:
docs/specs/jupyter-api.md.
"""

from carnet.errors import InvalidPath
from carnet.journal.trust import trust
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of


class Trust(Handler):
    """Trust the outputs of a notebook as they are."""

    async def post(self, raw: str) -> None:
        """Trust it as it is."""
        path, bench = path_of(raw), await self.workbench()
        data, entry = await self.blocking(bench.storage.read, path)
        if entry.kind != "notebook":
            raise InvalidPath(f"{path}: it is not a notebook.")
        await self.blocking(trust, bench.journal, (data,))
        self.set_status(201)
        self.finish()

"""`/api/contents/PATH/trust`: a person allows the outputs that a notebook's file holds now to run scripts.

Jupyter's clients read it in each cell's `metadata.trusted`. As there, it holds for
these very bytes: another file of the same name is not trusted. Rule JA3:
docs/specs/jupyter-api.md.
"""

from carnet.errors import InvalidPath
from carnet.journal.trust import trust
from carnet.server.handlers.contents import Contents, path_of


class Trust(Contents):
    """Trust the outputs of a notebook as they are, or what a folder has under that name (CO16)."""

    async def get(self, raw: str) -> None:
        """Answer with a model."""
        await super().get(f"{raw}/trust")

    async def put(self, raw: str) -> None:
        """Make or replace a file, or make a folder."""
        await super().put(f"{raw}/trust")

    async def patch(self, raw: str) -> None:
        """Rename or move. An open notebook goes along."""
        await super().patch(f"{raw}/trust")

    async def delete(self, raw: str) -> None:
        """Move to the trash, where the store has one."""
        await super().delete(f"{raw}/trust")

    async def post(self, raw: str) -> None:
        """Trust it as it is."""
        if await self.is_folder(raw):
            await super().post(f"{raw}/trust")
            return
        path, bench = path_of(raw), await self.workbench()
        data, entry = await self.blocking(bench.storage.read, path)
        if entry.kind != "notebook":
            raise InvalidPath(f"{path}: it is not a notebook.")
        await self.blocking(trust, bench.journal, (data,))
        self.set_status(201)
        self.finish()

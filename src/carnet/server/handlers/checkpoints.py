"""`/api/contents/PATH/checkpoints`: copies made on request, as Jupyter's clients know them.

Where PATH is a folder, which has no checkpoints, the address is that of what is in
it under this name: whoever trains models has such folders. Rules CO14, CO16:
docs/specs/contents-api.md.
"""

from carnet.errors import NotFound
from carnet.server.handlers.contents import Contents, path_of
from carnet.server.times import iso_time
from carnet.storage.base import Checkpoint


class Checkpoints(Contents):
    """The checkpoints of a file, or what a folder has under that name."""

    async def get(self, raw: str) -> None:
        """List them, latest last: that one is the newest for Jupyter's clients."""
        if await self.is_folder(raw):
            await super().get(f"{raw}/checkpoints")
            return
        storage = (await self.workbench()).storage
        found = await self.blocking(storage.list_checkpoints, path_of(raw))
        self.answer([_model(one) for one in reversed(found)])

    async def post(self, raw: str) -> None:
        """Make one."""
        if await self.is_folder(raw):
            await super().post(f"{raw}/checkpoints")
            return
        storage = (await self.workbench()).storage
        made = await self.blocking(storage.create_checkpoint, path_of(raw))
        self.set_header("Location", f"{self.request.path}/{made.checkpoint_id}")
        self.answer(_model(made), 201)

    async def put(self, raw: str) -> None:
        """Make or replace a file, or make a folder."""
        await super().put(f"{raw}/checkpoints")

    async def patch(self, raw: str) -> None:
        """Rename or move. An open notebook goes along."""
        await super().patch(f"{raw}/checkpoints")

    async def delete(self, raw: str) -> None:
        """Move to the trash, where the store has one."""
        await super().delete(f"{raw}/checkpoints")


class OneCheckpoint(Contents):
    """Restore or remove a checkpoint, or what a folder has under that name."""

    async def get(self, raw: str, checkpoint_id: str = "") -> None:
        """Answer with a model."""
        await super().get(f"{raw}/checkpoints/{checkpoint_id}")

    async def post(self, raw: str, checkpoint_id: str = "") -> None:
        """Save it over the file."""
        if await self.is_folder(raw):
            await super().post(f"{raw}/checkpoints/{checkpoint_id}")
            return
        storage, path = (await self.workbench()).storage, path_of(raw)
        try:
            found = (await self.blocking(storage.stat, path)).revision
        except NotFound:
            found = None
        await self.blocking(storage.restore_checkpoint, path, checkpoint_id, expected=found)
        self.answer_nothing()

    async def put(self, raw: str, checkpoint_id: str = "") -> None:
        """Make or replace a file, or make a folder."""
        await super().put(f"{raw}/checkpoints/{checkpoint_id}")

    async def patch(self, raw: str, checkpoint_id: str = "") -> None:
        """Rename or move. An open notebook goes along."""
        await super().patch(f"{raw}/checkpoints/{checkpoint_id}")

    async def delete(self, raw: str, checkpoint_id: str = "") -> None:
        """Remove it."""
        if await self.is_folder(raw):
            await super().delete(f"{raw}/checkpoints/{checkpoint_id}")
            return
        storage = (await self.workbench()).storage
        await self.blocking(storage.delete_checkpoint, path_of(raw), checkpoint_id)
        self.answer_nothing()


def _model(checkpoint: Checkpoint) -> dict[str, str]:
    return {"id": checkpoint.checkpoint_id, "last_modified": iso_time(checkpoint.created_ms)}

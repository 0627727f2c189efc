"""`/api/contents/PATH/checkpoints`: copies made on request, as Jupyter's clients know them."""

from carnet.errors import NotFound
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of
from carnet.server.times import iso_time
from carnet.storage.base import Checkpoint


class Checkpoints(Handler):
    """The checkpoints of a file."""

    async def get(self, raw: str) -> None:
        """List them, latest last: that one is the newest for Jupyter's clients."""
        storage = (await self.workbench()).storage
        found = await self.blocking(storage.list_checkpoints, path_of(raw))
        self.answer([_model(one) for one in reversed(found)])

    async def post(self, raw: str) -> None:
        """Make one."""
        storage = (await self.workbench()).storage
        made = await self.blocking(storage.create_checkpoint, path_of(raw))
        self.set_header("Location", f"{self.request.path}/{made.checkpoint_id}")
        self.answer(_model(made), 201)


class OneCheckpoint(Handler):
    """Restore or remove a checkpoint."""

    async def post(self, raw: str, checkpoint_id: str) -> None:
        """Save it over the file."""
        storage, path = (await self.workbench()).storage, path_of(raw)
        try:
            found = (await self.blocking(storage.stat, path)).revision
        except NotFound:
            found = None
        await self.blocking(storage.restore_checkpoint, path, checkpoint_id, expected=found)
        self.answer_nothing()

    async def delete(self, raw: str, checkpoint_id: str) -> None:
        """Remove it."""
        storage = (await self.workbench()).storage
        await self.blocking(storage.delete_checkpoint, path_of(raw), checkpoint_id)
        self.answer_nothing()


def _model(checkpoint: Checkpoint) -> dict[str, str]:
    return {"id": checkpoint.checkpoint_id, "last_modified": iso_time(checkpoint.created_ms)}

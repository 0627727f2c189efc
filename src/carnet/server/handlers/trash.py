"""`/api/trash`: what was deleted and can be brought back."""

from carnet.server.handlers.base import Handler
from carnet.server.times import iso_time
from carnet.storage.base import TrashId


class Trash(Handler):
    """What was deleted and can be brought back; or empty it."""

    async def get(self) -> None:
        """List it, the latest first."""
        storage = (await self.workbench()).storage
        self.answer(
            [
                {
                    "id": one.trash_id,
                    "path": one.path,
                    "type": "directory" if one.kind == "folder" else one.kind,
                    "deleted": iso_time(one.deleted_ms),
                    "size": one.size_bytes,
                }
                for one in await self.blocking(storage.list_trash)
            ]
        )

    async def delete(self) -> None:
        """Remove it for ever."""
        storage = (await self.workbench()).storage
        await self.blocking(storage.empty_trash)
        self.answer_nothing()


class OneTrashed(Handler):
    """Bring a deleted thing back."""

    async def post(self, trash_id: str) -> None:
        """Bring it back, and say where it is."""
        storage = (await self.workbench()).storage
        path = await self.blocking(storage.restore, TrashId(trash_id))
        self.answer({"path": path})

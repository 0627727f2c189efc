"""`/blobs/SHA256`: large outputs, by the hash of their bytes. Kept by browsers for ever; never able to act.

`/blobs` takes what is too large for a message to a comm (IN14): what a page reads for the kernel.
"""

from carnet.security import headers
from carnet.server.handlers.base import Handler
from carnet.server.handlers.files import Bytes, send_bytes


class Blobs(Handler):
    """Bytes for the kernel, too large for a message of the link."""

    async def post(self) -> None:
        """Keep the body's bytes, and say their name. What nobody names is not kept for ever."""
        blobs = (await self.workbench()).blobs
        kept = await self.blocking(blobs.put, self.request.body, "application/octet-stream")
        self.answer({"sha256": kept.sha256, "size_bytes": kept.size_bytes}, 201)


class Blob(Handler):
    """A large output, by the SHA-256 of its bytes."""

    async def get(self, sha256: str) -> None:
        """Send it, or a range of it. `type=`: what it is, taken only if that type cannot act."""
        blobs = (await self.workbench()).blobs
        size_bytes = await self.blocking(blobs.size, sha256)
        shown = headers.shown_type(self.get_query_argument("type", "text/plain"))
        what = Bytes(
            read=lambda start, stop: self.blocking(blobs.open_range, sha256, start, stop),
            size_bytes=size_bytes,
            etag=f'"{sha256}"',
            shown_type=shown,
            name=sha256[:16],
            cache=headers.FOREVER["Cache-Control"],
        )
        await send_bytes(self, what)

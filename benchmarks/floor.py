"""The floor: a bare Tornado server. One page, one file that can be read and written, a ping. Run as a script: floor.py PORT.

It checks nothing and keeps nothing: no login, no journal, no fsync.
"""

import asyncio
import os
import sys
from pathlib import Path

import tornado.web

PAGE = """<!doctype html><meta charset="utf-8"><title>floor</title>
<textarea id="cell" autofocus>print("the floor")</textarea>"""

LARGEST_BYTES = 1 << 30


class Page(tornado.web.RequestHandler):
    """One editable cell, as HTML."""

    def get(self) -> None:
        self.finish(PAGE)


class Ping(tornado.web.RequestHandler):
    """The lightest answer."""

    def get(self) -> None:
        self.finish("{}")


class Content(tornado.web.RequestHandler):
    """A file of the folder it was started in, read and written whole on a worker thread."""

    async def get(self, name: str) -> None:
        self.finish(await asyncio.to_thread(Path(name).read_bytes))

    async def put(self, name: str) -> None:
        await asyncio.to_thread(_replace, Path(name), self.request.body)
        self.set_status(204)


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    os.replace(fresh, path)


async def main() -> None:
    """Serve until killed."""
    application = tornado.web.Application(
        [(r"/", Page), (r"/ping", Ping), (r"/content/([a-z0-9.-]+)", Content)]
    )
    application.listen(
        int(sys.argv[1]), "127.0.0.1", max_body_size=LARGEST_BYTES, max_buffer_size=LARGEST_BYTES
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

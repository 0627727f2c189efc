"""Our own scripts, styles and fonts, in the smallest form that the browser takes. No login: they hold nothing."""

from carnet.security import headers
from carnet.server.handlers.base import Handler
from carnet.server.static_files import etag_of


class StaticFile(Handler):
    """A file of the built page."""

    def get(self, name: str) -> None:
        """Answer with the file: kept for ever where its name changes with its bytes."""
        found = self.services.static.find(name)
        if found is None:
            self.refuse(404, "no-file", "There is no such file.")
            return
        data, coding = found.read(self.request.headers.get("Accept-Encoding", ""))
        self.send(headers.static())
        self.set_header("Content-Type", found.media_type)
        self.set_header("Vary", "Accept-Encoding")
        self.set_header(
            "Cache-Control",
            headers.FOREVER["Cache-Control"] if found.is_immutable else "private, no-cache",
        )
        self.set_header("Etag", etag_of(data, coding))
        if coding:
            self.set_header("Content-Encoding", coding)
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        self.finish(data)


class RootFile(StaticFile):
    """What browsers and robots ask for at the top, whatever the page says."""

    def get(self, name: str) -> None:
        """Answer with the built file of that name, or what stands for it."""
        if self.services.static.find(name) is not None:
            super().get(name)
        elif name == "robots.txt":
            self.send(headers.static())
            self.set_header("Cache-Control", "private, no-cache")
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish("User-agent: *\nDisallow: /\n")
        else:
            self.refuse(404, "no-file", "There is no such file.")

"""`/api/spec.yaml`: the whole surface as OpenAPI, made from the route table and the handlers. JSON, which is YAML too."""

import json

from carnet.server.handlers.base import Handler
from carnet.server.openapi import openapi
from carnet.server.routes import in_force


class Spec(Handler):
    """All of this as OpenAPI."""

    async def get(self) -> None:
        """Answer with it."""
        document = await self.blocking(openapi, in_force(self.services.settings), self.services.base_url)
        self.set_header("Content-Type", "text/x-yaml; charset=utf-8")
        self.finish(json.dumps(document, indent=1))

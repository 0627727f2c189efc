"""Describe routes as OpenAPI 3: addresses, methods, parameters, who may, what a refusal looks like. Pure but for imports."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from carnet import __version__
from carnet.security.access import Kind, Who
from carnet.server.routes import Route

_GROUP: Final = re.compile(r"\((?:\?:)?(?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)\??")


class Problem(Struct):
    """What every refusal of the API looks like."""

    message: str
    reason: str


def openapi(routes: Sequence[Route], base_url: str) -> dict[str, Any]:
    """Return the document. Kinds of addresses that programs do not use (pages, static files) are left out."""
    _, components = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in routes:
        if route.kind in {Kind.API, Kind.FILE, Kind.SOCKET}:
            address, parameters = address_of(route.pattern)
            paths.setdefault(address, {"parameters": parameters}).update(_operations(route))
    return {
        "openapi": "3.0.3",
        "info": {"title": "Carnet", "version": __version__},
        "servers": [{"url": base_url}],
        "security": [{"token": []}, {"query": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "carnet-PORT"},
            },
        },
    }


def address_of(pattern: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a route's pattern as a template, and its parameters."""
    parameters: list[dict[str, Any]] = []

    def named(found: re.Match[str]) -> str:
        group = found.group()
        words = re.fullmatch(r"\(([a-z|]+)\)", group)
        is_path = "/" in group
        name = (
            "action"
            if words
            else ("path" if is_path else "id") + (str(len(parameters)) if parameters else "")
        )
        schema: dict[str, Any] = {"type": "string"}
        if words:
            schema["enum"] = words.group(1).split("|")
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
        return f"/{{{name}}}" if is_path else f"{{{name}}}"

    template = _GROUP.sub(named, pattern)
    return "/" + template.removesuffix("/?").replace("\\", "").lstrip("/"), parameters


def _operations(route: Route) -> dict[str, Any]:
    handler = route.load()
    problem: Mapping[str, Any] = {
        "description": "Refused, in words.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    operations: dict[str, Any] = {}
    for method in route.methods.split():
        if method == "HEAD":
            continue
        function = getattr(handler, method.lower())
        summary = (inspect.getdoc(function) or inspect.getdoc(handler) or "").partition("\n")[0]
        operation: dict[str, Any] = {
            "summary": summary,
            "responses": {"2XX": {"description": "Done."}, "4XX": problem, "5XX": problem},
            "x-scope": route.needs(method).value,
        }
        if route.who is Who.PUBLIC:
            operation["security"] = []
        if method in {"POST", "PUT", "PATCH"} and route.body_bytes:
            operation["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
        operations[method.lower()] = operation
    return operations

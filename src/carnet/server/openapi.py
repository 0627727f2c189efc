"""Describe routes as OpenAPI 3.1: from the route table, what handlers say of themselves, and a table of what goes in and out.

Pure but for imports. Rule JA4: docs/specs/jupyter-api.md; tests/api/test_openapi.py
holds it against a running server.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from carnet import __version__
from carnet.security.access import Kind, Who
from carnet.server import openapi_types as t
from carnet.server.routes import Route

_GROUP: Final = re.compile(r"\((?:\?:)?(?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)\??")

DESCRIBED: Final = frozenset({Kind.API, Kind.FILE, Kind.SOCKET, Kind.REPORT})
"""What programs use; pages and their parts are left out."""


class Bytes(NamedTuple):
    """An answer that is no JSON."""

    media_type: str


class Query(NamedTuple):
    """A parameter in the query."""

    name: str
    schema: Mapping[str, Any]
    about: str


class Does(NamedTuple):
    """What one method of one handler takes and gives."""

    gives: Mapping[int, Any]
    """Status to type, or several of them; None: no body."""
    takes: Any = None
    """The type of a JSON body, or `Bytes`."""
    query: Sequence[Query] = ()
    refuses: Sequence[int] = ()
    """Statuses of refusals, besides those that any request may get."""
    is_body_optional: bool = True


_FLAG: Final = {"type": "string", "enum": ["0", "1"]}
_TEXT: Final = {"type": "string"}

_CONTENTS: Final = (
    Query("content", _FLAG, "0: without content."),
    Query("type", {"type": "string", "enum": ["directory", "notebook", "file"]}, "What it is to be read as."),
    Query("format", {"type": "string", "enum": ["text", "base64", "json"]}, "Of the content."),
    Query("hash", _FLAG, "1: with the SHA-256 of the bytes."),
)
_FILE: Final = (
    Query("download", _FLAG, "1: as a download, whatever it is."),
    Query("archive", {"type": "string", "enum": ["zip", "tar.gz"]}, "A folder as one file."),
)
_FILE_STATUSES: Final = {200: Bytes("*/*"), 206: Bytes("*/*"), 304: None}
_SOCKET: Final = Does({101: None}, refuses=(404, 426))
_HOST: Final = (502, 503)
"""The kernel host cannot be reached, or a kernel did not start."""
_NO_LAB: Final = (404,)
"""JupyterLab is not installed, or switched off. Addresses with a name in them have this status anyway."""

_LOOK: Final = Does({200: t.ContentsModel}, query=_CONTENTS, refuses=(422,))
_SAVE: Final = Does({200: t.ContentsModel, 201: t.ContentsModel}, t.ContentsSent, refuses=(409, 422, 507))
_MOVE: Final = Does({200: t.ContentsModel}, t.NewPath, refuses=(409,), is_body_optional=False)
_DELETE: Final = Does({204: None}, refuses=(409,))
_IN_CONTENTS: Final = ("checkpoints:Checkpoints", "checkpoints:OneCheckpoint", "trust:Trust")
"""What a folder has under these names is contents, too (CO16)."""

#: `handler` of the route table and method, to what goes in and out.
OPERATIONS: Final[Mapping[tuple[str, str], Does]] = {
    ("status:Version", "GET"): Does({200: t.VersionModel}),
    ("status:Status", "GET"): Does({200: t.StatusModel}),
    ("status:Me", "GET"): Does(
        {200: t.MeModel}, query=(Query("permissions", _TEXT, 'As {"kernels": ["execute"]}; else all.'),)
    ),
    ("status:Me", "PATCH"): Does({200: t.MeChanged}, t.MeChange, is_body_optional=False),
    ("spec:Spec", "GET"): Does({200: Bytes("text/x-yaml")}),
    ("server_itself:Metrics", "GET"): Does({200: Bytes("text/plain")}),
    ("server_itself:Shutdown", "POST"): Does({204: None}),
    ("server_itself:CspReport", "POST"): Does({204: None}, t.JsonObject),
    ("resolve:ResolvePath", "GET"): Does(
        {200: t.ResolvedModel},
        query=(
            Query("path", _TEXT, "As it stands in the traceback."),
            Query("kernel", _TEXT, "A kernel's id."),
        ),
    ),
    ("config_sections:ConfigSection", "GET"): Does({200: t.JsonObject}),
    ("config_sections:ConfigSection", "PUT"): Does({204: None}, t.JsonObject),
    ("config_sections:ConfigSection", "PATCH"): Does({200: t.JsonObject}, t.JsonObject),
    ("events:Events", "POST"): Does({204: None}, t.EventSent, is_body_optional=False),
    ("events:EventSocket", "GET"): _SOCKET,
    ("link:LinkSocket", "GET"): _SOCKET,
    ("link_http:Carriers", "POST"): Does({201: t.JsonObject}, t.JsonObject, refuses=(404, 503)),
    ("link_http:OneCarrier", "POST"): Does({204: None}, Bytes("application/octet-stream"), refuses=(404,)),
    ("link_http:OneCarrier", "DELETE"): Does({204: None}, refuses=(404,)),
    ("link_http:Stream", "GET"): Does({200: Bytes("*/*")}, refuses=(404,)),
    ("link_http:Poll", "GET"): Does({200: Bytes("*/*"), 204: None}, refuses=(404,)),
    ("contents:Contents", "GET"): _LOOK,
    ("contents:Contents", "POST"): Does(
        {201: t.ContentsModel}, t.ContentsWanted, refuses=(404, 409, 422, 507)
    ),
    ("contents:Contents", "PUT"): _SAVE,
    ("contents:Contents", "PATCH"): _MOVE,
    ("contents:Contents", "DELETE"): _DELETE,
    ("contents:OldNotebooks", "GET"): Does({302: None}),
    ("contents:OldNotebooks", "POST"): Does({307: None}, t.ContentsWanted),
    ("contents:OldNotebooks", "PUT"): Does({307: None}, t.ContentsSent),
    ("contents:OldNotebooks", "PATCH"): Does({307: None}, t.NewPath),
    ("contents:OldNotebooks", "DELETE"): Does({307: None}),
    ("checkpoints:Checkpoints", "GET"): Does(
        {200: (list[t.CheckpointModel], t.ContentsModel)}, query=_CONTENTS, refuses=(422,)
    ),
    ("checkpoints:Checkpoints", "POST"): Does(
        {201: (t.CheckpointModel, t.ContentsModel)}, t.ContentsWanted, refuses=(404, 409, 422, 507)
    ),
    ("checkpoints:OneCheckpoint", "POST"): Does(
        {204: None, 201: t.ContentsModel}, t.ContentsWanted, refuses=(404, 409, 422, 507)
    ),
    ("checkpoints:OneCheckpoint", "DELETE"): _DELETE,
    ("checkpoints:OneCheckpoint", "GET"): _LOOK,
    ("trust:Trust", "POST"): Does({201: None}, t.ContentsWanted, refuses=(404, 409, 422, 507)),
    ("trust:Trust", "GET"): _LOOK,
    **{(name, "PUT"): _SAVE for name in _IN_CONTENTS},
    **{(name, "PATCH"): _MOVE for name in _IN_CONTENTS},
    ("checkpoints:Checkpoints", "DELETE"): _DELETE,
    ("trust:Trust", "DELETE"): _DELETE,
    ("trash:Trash", "GET"): Does({200: list[t.TrashedModel]}),
    ("trash:Trash", "DELETE"): Does({204: None}),
    ("trash:OneTrashed", "POST"): Does({200: t.RestoredModel}),
    ("files:UserFile", "GET"): Does(_FILE_STATUSES, query=_FILE, refuses=(413, 416)),
    ("files:UserFile", "PUT"): Does(
        {201: None, 204: None}, Bytes("application/octet-stream"), refuses=(409, 507)
    ),
    ("pages:OutputFrame", "GET"): Does({200: Bytes("text/html")}),
    ("blobs:Blobs", "POST"): Does(
        {201: t.BlobKept}, Bytes("application/octet-stream"), refuses=(507,), is_body_optional=False
    ),
    ("blobs:Blob", "GET"): Does(
        _FILE_STATUSES, query=(Query("type", _TEXT, "Its media type, if that cannot act."),), refuses=(416,)
    ),
    ("kernelspecs:Kernelspecs", "GET"): Does({200: t.Kernelspecs}, refuses=_HOST),
    ("kernelspecs:OneKernelspec", "GET"): Does({200: t.Kernelspec}, refuses=_HOST),
    ("kernelspecs:KernelspecFile", "GET"): Does({200: Bytes("*/*")}, refuses=_HOST),
    ("kernels:Kernels", "GET"): Does({200: list[t.KernelModel]}, refuses=_HOST),
    ("kernels:Kernels", "POST"): Does({201: t.KernelModel}, t.KernelWanted, refuses=(404, *_HOST)),
    ("kernels:OneKernel", "GET"): Does({200: t.KernelModel}, refuses=_HOST),
    ("kernels:OneKernel", "DELETE"): Does({204: None}, refuses=_HOST),
    ("kernels:KernelAction", "POST"): Does({200: t.KernelModel, 204: None}, refuses=_HOST),
    ("plain_runs:Execute", "POST"): Does(
        {200: type(None), 202: t.RunSubmitted, 409: t.SourceMismatch},
        (t.RunWanted, t.CellsWanted),
        refuses=(408, *_HOST),
        is_body_optional=False,
    ),
    ("plain_runs:Request", "GET"): Does(
        {200: t.RunModel, 202: t.RunModel, 300: t.RunModel},
        query=(
            Query("stream", _FLAG, "1: line by line, as `application/x-ndjson`."),
            Query("after", {"type": "integer", "minimum": 0}, "The number of the last line that you have."),
        ),
        refuses=_HOST,
    ),
    ("plain_runs:Request", "DELETE"): Does({204: None}, refuses=_HOST),
    ("plain_runs:Input", "POST"): Does(
        {201: None}, t.InputSent, refuses=(409, *_HOST), is_body_optional=False
    ),
    ("channels:Channels", "GET"): _SOCKET._replace(
        query=(Query("session_id", _TEXT, "What the client calls itself: with it, it gets what it missed."),)
    ),
    ("sessions:Sessions", "GET"): Does({200: list[t.SessionModel]}, refuses=_HOST),
    ("sessions:Sessions", "POST"): Does(
        {201: t.SessionModel}, t.SessionWanted, refuses=(409, 422, 501, *_HOST), is_body_optional=False
    ),
    ("sessions:OneSession", "GET"): Does({200: t.SessionModel}, refuses=_HOST),
    ("sessions:OneSession", "PATCH"): Does(
        {200: t.SessionModel}, t.SessionChange, refuses=(409, 501, *_HOST)
    ),
    ("sessions:OneSession", "DELETE"): Does({204: None}, refuses=(410, *_HOST)),
    ("terminals:Terminals", "GET"): Does({200: list[t.TerminalModel]}, refuses=_HOST),
    ("terminals:Terminals", "POST"): Does({200: t.TerminalModel}, t.TerminalWanted, refuses=(404, *_HOST)),
    ("terminals:OneTerminal", "GET"): Does({200: t.TerminalModel}, refuses=_HOST),
    ("terminals:OneTerminal", "DELETE"): Does({204: None}, refuses=_HOST),
    ("terminals:TerminalSocket", "GET"): _SOCKET,
    ("logins:Logins", "GET"): Does({200: list[t.LoginModel]}),
    ("logins:Logins", "DELETE"): Does({204: None}),
    ("logins:OneLogin", "DELETE"): Does({204: None}),
    ("doctor:Doctor", "GET"): Does({200: t.JsonObject}),
    ("doctor:DoctorStream", "GET"): Does(
        {200: Bytes("application/octet-stream")},
        query=(
            Query(
                "quiet", {"type": "integer", "minimum": 0, "maximum": 120}, "Seconds before the last piece."
            ),
        ),
    ),
    ("doctor:DoctorBody", "POST"): Does({200: t.SizeModel}, Bytes("application/octet-stream")),
    ("nbconvert:Formats", "GET"): Does({200: dict[str, t.FormatModel]}, refuses=(503,)),
    ("nbconvert:NotebookAs", "GET"): Does(
        {200: Bytes("*/*"), 206: Bytes("*/*"), 302: None},
        query=(
            Query("download", _FLAG, "1: as a download."),
            Query("sanitize_html", _FLAG, "1: without scripts."),
        ),
        refuses=(416, 422, 501, 503, 504, 507),
    ),
    ("nbconvert:SentAs", "POST"): Does(
        {200: Bytes("*/*")}, t.ContentsSent, refuses=(422, 501, 503, 504, 507), is_body_optional=False
    ),
    ("collaboration:RoomSession", "PUT"): Does(
        {200: t.RoomModel, 201: t.RoomModel}, t.RoomWanted, refuses=(404, 422, 501, 503)
    ),
    ("collaboration:RoomSocket", "GET"): _SOCKET,
    ("lab:AllSettings", "GET"): Does(
        {200: (t.AllSettingsModel, t.SettingsNames)},
        query=(Query("ids_only", {"type": "string", "enum": ["true", "false"]}, "true: only names."),),
        refuses=_NO_LAB,
    ),
    ("lab:OneSettings", "GET"): Does({200: t.SettingsModel}),
    ("lab:OneSettings", "PUT"): Does({204: None}, t.SettingsSent, is_body_optional=False),
    ("lab:AllWorkspaces", "GET"): Does({200: t.AllWorkspacesModel}, refuses=_NO_LAB),
    ("lab:OneWorkspace", "GET"): Does({200: t.WorkspaceModel}),
    ("lab:OneWorkspace", "PUT"): Does({204: None}, t.WorkspaceSent, is_body_optional=False),
    ("lab:OneWorkspace", "DELETE"): Does({204: None}),
    ("lab:Translations", "GET"): Does({200: (t.LanguagesModel, t.WordsModel)}, refuses=_NO_LAB),
    ("lab:Listings", "GET"): Does({200: t.ListingModel}),
    ("lab:Licenses", "GET"): Does(
        {200: t.LicensesModel},
        query=(Query("bundles", _TEXT, "Names of those wanted, with `|` between; else all."),),
        refuses=_NO_LAB,
    ),
    ("lab:LanguageServers", "GET"): Does({200: t.LanguageServersModel}, refuses=_NO_LAB),
}

_REFUSED: Final[Mapping[int, str]] = {
    400: "Something that was sent cannot be used.",
    403: "Not signed in, not allowed, or sent by a page that may not.",
    404: "There is no such thing.",
    405: "Another method is wanted; `Allow` says which.",
    408: "What it waits for did not come.",
    409: "Something is in the way; nothing changed.",
    410: "It is gone already.",
    413: "More than is taken in one go.",
    415: "Bodies of this kind are not taken.",
    416: "The range begins behind the end.",
    422: "It is not a notebook, or cannot become what was asked for; the message says why.",
    426: "This address is for WebSockets.",
    429: "Too many tries (`Retry-After` says when the next one is), or more at once than one login or token may have.",
    501: "There is no such kernel, or what it needs is not installed.",
    502: "The kernel did not start; the message says why.",
    503: "What it needs cannot be reached now.",
    504: "It took too long.",
    507: "There is no room.",
}


def openapi(routes: Sequence[Route], base_url: str) -> dict[str, Any]:
    """Return the document."""
    described = [route for route in routes if route.kind in DESCRIBED]
    types = {
        one
        for does in OPERATIONS.values()
        for what in (*does.gives.values(), does.takes)
        for one in _types_of(what)
    }
    schemas, components = msgspec.json.schema_components(
        [t.Problem, *types], ref_template="#/components/schemas/{name}"
    )
    by_type = dict(zip([t.Problem, *types], schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in described:
        for address, parameters in addresses_of(route.pattern):
            paths.setdefault(address, {"parameters": parameters} if parameters else {}).update(
                _operations(route, by_type, has_path=bool(parameters), address=address)
            )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carnet",
            "version": __version__,
            "description": "Jupyter Server's API over Carnet's own sessions, kernels and storage.",
        },
        "servers": [{"url": base_url.rstrip("/") or "/"}],
        "security": [{"header": []}, {"query": []}, {"cookie": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                f"Refused{status}{more}": _refusal(status, about, by_type[t.Problem], is_page=bool(more))
                for status, about in _REFUSED.items()
                for more in ("", "OrPage")
            },
            "securitySchemes": {
                "header": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token TOKEN`, or `Bearer TOKEN`.",
                },
                "query": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "token",
                    "description": "Only for GET and HEAD, and for WebSockets.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "carnet-PORT",
                    "description": "With it, what changes something needs the header `X-XSRFToken`.",
                },
            },
        },
    }


def addresses_of(pattern: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return a route's pattern as templates with their parameters; two where what ends it may be left out."""
    bare, slash, name = pattern.partition("/?(")
    if slash:
        return [address_of(bare), address_of(f"{bare}/({name}")]
    for ending in ("((?:/.*)?)", "(/.*)?", "(.*)"):
        if pattern.endswith(ending) and not pattern.endswith("/(.*)"):
            return [address_of(pattern.removesuffix(ending)), address_of(pattern)]
    return [address_of(pattern)]


def address_of(pattern: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a route's pattern as a template, and its parameters."""
    parameters: list[dict[str, Any]] = []

    def named(found: re.Match[str]) -> str:
        group = found.group()
        words = re.fullmatch(r"\(([a-z|]+)\)", group)
        is_path = ".*" in group or ".+" in group
        name = "action" if words else "path" if is_path else "id"
        if any(one["name"] == name for one in parameters):
            name += "2"
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if words:
            schema = {"type": "string", "enum": words.group(1).split("|")}
        elif not is_path:
            schema["pattern"] = f"^{group[1:-1]}$".replace(r"\w", "[0-9A-Za-z_]")
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
        return f"/{{{name}}}" if group.startswith(("(/", "((?:/")) else f"{{{name}}}"

    template = _GROUP.sub(named, pattern)
    return "/" + template.removesuffix("/?").replace("\\", "").lstrip("/"), parameters


def _operations(route: Route, by_type: Mapping[Any, Any], *, has_path: bool, address: str) -> dict[str, Any]:
    handler = route.load()
    operations: dict[str, Any] = {}
    or_page = "OrPage" if route.kind is Kind.FILE or not address.startswith("/api") else ""
    for method in route.methods.split():
        if method == "HEAD":
            continue  # as GET, without the body
        does = OPERATIONS.get((route.handler, method), Does({}))
        function = getattr(handler, method.lower())
        refused = {400, 403, 405, 429, *does.refuses, *({404} if has_path else ())}
        if route.body_bytes:
            refused |= {413, 415}
        responses = {
            str(status): {"description": "Done.", **_content(gives, by_type)}
            for status, gives in does.gives.items()
        }
        responses |= {
            str(status): {"$ref": f"#/components/responses/Refused{status}{or_page}"}
            for status in sorted(refused)
            if str(status) not in responses
        }
        operation: dict[str, Any] = {
            "operationId": f"{method.lower()}_{re.sub(r'[^a-z0-9]+', '_', address.lower()).strip('_') or 'root'}",
            "summary": _said(function, handler),
            "responses": responses,
            "x-scope": route.needs(method).value,
        }
        if does.query:
            operation["parameters"] = [
                {"name": one.name, "in": "query", "description": one.about, "schema": dict(one.schema)}
                for one in does.query
            ]
        if route.who is Who.PUBLIC:
            operation["security"] = []
        if does.takes is not None:
            operation["requestBody"] = {
                "required": not does.is_body_optional,
                **_content(does.takes, by_type),
            }
        operations[method.lower()] = operation
    return operations


def _said(function: object, handler: object) -> str:
    return (inspect.getdoc(function) or inspect.getdoc(handler) or "").partition("\n")[0]


def _content(what: Any, by_type: Mapping[Any, Any]) -> dict[str, Any]:
    if what is None:
        return {}
    if isinstance(what, Bytes):
        return {"content": {what.media_type: {}}}
    schemas = [by_type[one] for one in _types_of(what)]
    return {
        "content": {"application/json": {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}
    }


def _types_of(what: Any) -> tuple[Any, ...]:
    """Return the types of a body: one, or several in a tuple; none where it is no JSON."""
    if what is None or isinstance(what, Bytes):
        return ()
    return what if isinstance(what, tuple) else (what,)


def _refusal(status: int, about: str, schema: Any, *, is_page: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"description": about, "content": {"application/json": {"schema": schema}}}
    if is_page:  # for who says that it wants one
        said["content"]["text/html"] = {}
    if status == 405:
        said["headers"] = {"Allow": {"schema": {"type": "string"}}}
    return said

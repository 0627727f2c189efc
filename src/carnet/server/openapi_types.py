"""What the API takes and gives, as types: only to be described. Handlers do not use them; schemathesis holds them against handlers.

Every key named here is always there in an answer, unless it has a default.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

JsonObject = dict[str, Any]
Time = Annotated[str, Meta(description="ISO 8601, in UTC.")]


class Problem(Struct):
    """What every refusal looks like: `message` for people, `reason` for programs."""

    message: str
    reason: str


class VersionModel(Struct):
    """Versions."""

    version: Annotated[str, Meta(description="Of the Jupyter Server whose API this is.")]
    carnet: str


class StatusModel(Struct):
    """How the server is."""

    started: Time
    last_activity: Time
    connections: int
    kernels: int


class IdentityModel(Struct):
    """Who somebody is."""

    username: str
    name: str
    display_name: str
    initials: str
    avatar_url: str | None
    color: str | None


class MeModel(Struct):
    """Who asks, and what they may."""

    identity: IdentityModel
    permissions: dict[str, list[str]]
    xsrf: str


class MeChange(Struct):
    """What others are to see; null: as it was at first."""

    display_name: Annotated[str, Meta(max_length=100)] | None | UnsetType = UNSET
    initials: Annotated[str, Meta(max_length=100)] | None | UnsetType = UNSET
    color: Annotated[str, Meta(max_length=100)] | None | UnsetType = UNSET


class MeChanged(Struct):
    """What they see now."""

    status: Literal["success"]
    identity: IdentityModel


class BlobKept(Struct):
    """Where bytes are that were sent."""

    sha256: str
    """`/blobs/SHA256` has them."""
    size_bytes: int


class Kernelspec(Struct):
    """A kernelspec."""

    name: str
    spec: JsonObject
    resources: dict[str, str]


class Kernelspecs(Struct):
    """All of them."""

    default: str
    kernelspecs: dict[str, Kernelspec]


class KernelModel(Struct):
    """A kernel."""

    id: str
    name: str
    display_name: str
    execution_state: Literal["starting", "idle", "busy", "restarting", "dead"]
    last_activity: Time
    started: Time
    connections: int
    memory_bytes: int | None
    queued: int


class KernelWanted(Struct):
    """Which kernel to start, and where."""

    name: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    env: dict[str, str] | UnsetType = UNSET


class KernelOfSession(Struct):
    """A kernel by its id, or by its kernelspec's name."""

    id: str | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET


class SessionModel(Struct):
    """A path, and its kernel."""

    id: str
    path: str
    name: str
    type: Literal["notebook", "console", "file"]
    kernel: KernelModel
    notebook: JsonObject | UnsetType = UNSET


class SessionWanted(Struct):
    """Which path is to have a kernel."""

    path: Annotated[str, Meta(min_length=1)]
    type: Literal["notebook", "console", "file"]
    name: str | UnsetType = UNSET
    kernel: KernelOfSession | UnsetType = UNSET


class SessionChange(Struct):
    """What is to be another one."""

    path: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    type: Literal["notebook", "console", "file"] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    kernel: KernelOfSession | UnsetType = UNSET


class ContentsModel(Struct):
    """A folder, notebook or file. Without `content`, that and its `format` are null."""

    name: str
    path: str
    type: Literal["directory", "notebook", "file"]
    writable: bool
    created: Time
    last_modified: Time
    size: int | None
    mimetype: str | None
    content: Any
    format: Literal["json", "text", "base64"] | None
    hash: str | None
    hash_algorithm: Literal["sha256"] | None
    revision: str | None


class ContentsSent(Struct):
    """What is to be saved."""

    type: Literal["directory", "notebook", "file"] | UnsetType = UNSET
    format: Literal["json", "text", "base64"] | None | UnsetType = UNSET
    content: Any | UnsetType = UNSET
    chunk: Annotated[int, Meta(description="1, 2, ... and -1 for the last. Only of files.")] | UnsetType = (
        UNSET
    )


class ContentsWanted(Struct):
    """What is to be made: something untitled, or a copy."""

    type: Literal["directory", "notebook", "file"] | UnsetType = UNSET
    ext: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET
    copy_from: str | UnsetType = UNSET


class NewPath(Struct):
    """Where it is to be."""

    path: str


class CheckpointModel(Struct):
    """A kept copy."""

    id: str
    last_modified: Time


class TrashedModel(Struct):
    """What was deleted."""

    id: str
    path: str
    type: Literal["directory", "notebook", "file"]
    deleted: Time
    size: int


class RestoredModel(Struct):
    """Where it is again."""

    path: str


class Found(Struct):
    """Where a path leads."""

    scope: Literal["server", "kernel"]
    path: str


class NotFoundWhy(Struct):
    """What could not be looked at."""

    scope: Literal["server", "kernel"]
    reason: str


class ResolvedModel(Struct):
    """What a path in a traceback stands for."""

    resolved: list[Found]
    unresolved: list[NotFoundWhy] | UnsetType = UNSET


class TerminalModel(Struct):
    """A terminal."""

    name: str
    last_activity: Time


class TerminalWanted(Struct):
    """Which terminal to open."""

    name: Annotated[str, Meta(pattern="^[0-9A-Za-z]{0,64}$")] | UnsetType = UNSET
    cwd: str | UnsetType = UNSET


class EventSent(Struct):
    """An event."""

    schema_id: str
    version: str
    data: JsonObject


class RunWanted(Struct):
    """What to run: code, or a cell of the kernel's notebook."""

    code: str | UnsetType = UNSET
    cell_id: str | UnsetType = UNSET
    request_id: Annotated[str, Meta(pattern="^[0-9A-Za-z_-]{0,64}$")] | UnsetType = UNSET
    metadata: JsonObject | UnsetType = UNSET


class CellToRun(Struct):
    """A cell, and MurmurHash2 of the source that the client has, in digits."""

    cell_id: str
    source_hash: str


class CellsWanted(Struct):
    """Which cells to run, in the form of jupyter_server_documents."""

    document_id: str
    cells: Annotated[list[CellToRun], Meta(min_length=1)]
    request_id: str | UnsetType = UNSET
    previous_request_id: str | UnsetType = UNSET


class RunSubmitted(Struct):
    """Where to ask what becomes of it."""

    request_id: str
    kernel_id: str
    cell_id: str | None
    pending: bool
    request_status: str
    request_url: str
    outputs: str


class RunModel(Struct):
    """What became of a run."""

    request_id: str
    pending: bool
    status: Literal["ok", "error", "aborted"] | None
    execution_count: int | None
    outputs: Annotated[str, Meta(description="A notebook's outputs, as JSON text.")]
    parent_header: JsonObject | UnsetType = UNSET
    input_request: JsonObject | UnsetType = UNSET


class SourceMismatch(Struct):
    """A cell's source is another one by now."""

    error: Literal["source_mismatch"]
    cell_id: str


class InputSent(Struct):
    """The line that a run waits for."""

    input: str


class LoginModel(Struct):
    """A device that is signed in."""

    id: str
    device: str
    address: str
    created: Time
    last_used: Time
    is_this: bool


class FormatModel(Struct):
    """A format that a notebook can become."""

    output_mimetype: str


class SizeModel(Struct):
    """How much came."""

    bytes: int


class RoomWanted(Struct):
    """Which room."""

    format: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class RoomModel(Struct):
    """The room of a notebook or a text file."""

    format: str
    type: str
    fileId: str  # noqa: N815  Jupyter's spelling on Jupyter's wire
    sessionId: str  # noqa: N815


class SettingsModel(Struct):
    """The settings of one of JupyterLab's plugins: its schema, and what the user set."""

    id: str
    schema: JsonObject
    version: str
    raw: Annotated[str, Meta(description="What the user set, as it was written: JSON with comments.")]
    settings: JsonObject
    last_modified: Time | None
    created: Time | None


class PluginName(Struct):
    """The name of a plugin that has settings."""

    id: str


class AllSettingsModel(Struct):
    """The settings of all of JupyterLab's plugins."""

    settings: list[SettingsModel]


class SettingsNames(Struct):
    """The names of all of JupyterLab's plugins that have settings."""

    settings: list[PluginName]


class SettingsSent(Struct):
    """What the user sets."""

    raw: Annotated[str, Meta(description="JSON with comments, kept as it is written.")]


class WorkspaceName(Struct):
    """Which workspace it is. Without times, nobody kept it yet."""

    id: str
    last_modified: Time | UnsetType = UNSET
    created: Time | UnsetType = UNSET


class WorkspaceModel(Struct):
    """How JupyterLab's windows stand."""

    data: JsonObject
    metadata: WorkspaceName


class WorkspacesFound(Struct):
    """Workspaces, and their names in the same order."""

    ids: list[str]
    values: list[WorkspaceModel]


class AllWorkspacesModel(Struct):
    """All that were kept."""

    workspaces: WorkspacesFound


class WorkspaceNamed(Struct):
    """The name of a workspace, as in its address."""

    id: str


class WorkspaceSent(Struct):
    """A workspace that is to be kept."""

    data: JsonObject
    metadata: WorkspaceNamed


class LanguageModel(Struct):
    """What a language is called, in English and in itself."""

    displayName: str  # noqa: N815  JupyterLab's spelling
    nativeName: str  # noqa: N815


class LanguagesModel(Struct):
    """The languages there are."""

    data: dict[str, LanguageModel]
    message: str


class WordsModel(Struct):
    """A language's words, by domain. The message is empty, or says what is wrong with it."""

    data: dict[str, JsonObject]
    message: str


class ListingModel(Struct):
    """Which extensions may be installed."""

    blocked_extensions_uris: list[str]
    allowed_extensions_uris: list[str]
    blocked_extensions: list[JsonObject]
    allowed_extensions: list[JsonObject]


class LicenseBundle(Struct):
    """The packages of one part of JupyterLab's page, with their licenses."""

    packages: list[JsonObject]


class LicensesModel(Struct):
    """The parts of JupyterLab's page."""

    bundles: dict[str, LicenseBundle]


class LanguageServersModel(Struct):
    """The language servers there are."""

    version: int
    sessions: JsonObject
    specs: JsonObject

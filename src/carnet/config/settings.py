"""Every setting of the server, in one table: name, kind, default, help.

`Settings` is what the rest of the program is given: plain values, checked, with
no traitlets in sight. The traitlets class `NotebookApp` (config/app.py), the
command line and `docs/reference/settings.md` are made from, or held against,
this table. It reads no file and no environment.
"""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from carnet.errors import ConfigError

MIB = 1 << 20


def setting(default: object, help_: str) -> Any:
    """Make one row of the table. `Any`, because a dataclass field stands for its value to a type checker."""
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=default.copy, metadata={"help": help_})
    return dataclasses.field(default=default, metadata={"help": help_})


@dataclass(frozen=True)
class Settings:
    """The values in force. Fields without a unit in their name have Jupyter's names."""

    # -- where it listens
    ip: str = setting("127.0.0.1", "Address to listen on. `*` or empty: every address of this machine.")
    port: int = setting(
        8888, "Port to listen on. 0: any free one. If you name it and it is taken, Carnet does not start."
    )
    port_retries: int = setting(
        50, "How many ports after `port` are tried when it is taken and you did not name it."
    )
    base_url: str = setting(
        "/", "Where Carnet lives below the host, as `/ipython/`. Slashes at the ends may be left out."
    )
    certfile: str = setting("", "Certificate for https, a PEM file. It may hold the key too.")
    keyfile: str = setting("", "Private key of `certfile`, a PEM file, where it is apart.")
    tls: str = setting(
        "",
        "`auto`: https with a certificate of our own; `acme`: with one that browsers trust; `off`: never. "
        "Empty: `auto` where others are served.",
    )
    tls_curve: str = setting("X25519", "Curve for the key exchange of TLS. Empty: all that OpenSSL offers.")
    http_port: int = setting(
        0,
        "With https: one more port, whose visitors are sent to https. With `acme`, 80 proves that the name is ours.",
    )
    acme_email: str = setting("", "With `acme`: where the authority may write to.")
    acme_directory: str = setting(
        "https://acme-v02.api.letsencrypt.org/directory",
        "With `acme`: the authority. Setting `tls` to `acme` accepts its terms.",
    )
    public: bool = setting(
        False, "Serve others: every address, https, and a password that is asked for if there is none."
    )
    sock: str = setting("", "Path of a Unix socket to listen on, in place of address and port.")
    sock_mode: str = setting("0600", "Who may open `sock`, as for chmod.")
    trust_xheaders: bool = setting(
        False,
        "A proxy stands in front and does TLS: believe its X-Forwarded-For, -Proto, -Host and X-Real-Ip.",
    )
    trusted_proxies: list[str] = setting(
        [],
        "Addresses or networks of proxies to believe. Empty: this machine and private networks.",
    )
    webapp_settings: dict[str, object] = setting({}, "More settings for `tornado.web.Application`.")

    # -- who may use it
    token: str | None = setting(
        None,
        "The key that opens this server. Unset: made anew at each start, none if there is a password. Empty: none.",
    )
    password: str = setting(
        "", "Hash of the password, as `carnet passwd` prints it. Old `sha1:` hashes are understood."
    )
    allow_remote_access: bool = setting(
        False,
        "Answer to any Host name, which lets other sites in by DNS rebinding. Better: name yours in `local_hostnames`.",
    )
    local_hostnames: list[str] = setting(
        ["localhost"], "Names under which browsers reach this server, besides its addresses."
    )
    allow_origin: str = setting(
        "", "An origin whose pages may use the API, as `https://example.org`; `*`: those of every site."
    )
    allow_origin_pat: str = setting(
        "", "In place of `allow_origin`: a regular expression for the whole of such origins."
    )
    allow_credentials: bool = setting(
        False, "Pages of those origins may send the login cookie, and not only a token."
    )
    serve_unprotected: bool = setting(
        False,
        "Listen on other addresses than this machine's own even without TLS, or without password and token.",
    )

    # -- notebooks
    notebook_dir: str = setting(
        "", "Folder that is served. Empty: the folder Carnet is started in. Made if missing."
    )
    notebook_manager_class: str | type = setting(
        "carnet.storage.files.FileNotebookManager",
        "Where notebooks live: the dotted name of a NotebookManager class.",
    )
    compat: str = setting(
        "",
        "`ipython2`: notebook managers that were written for IPython 2 (2014) can be imported as they are.",
    )
    autosave_delay_s: float = setting(0.8, "A changed notebook is saved this long after the first change.")

    jupyterlab: bool = setting(True, "Serve JupyterLab at `/lab`, where it is installed.")

    # -- kernels
    kernels_outlive_server: bool = setting(
        True, "Kernels go on when the server ends. False: all end together (containers, tests)."
    )
    memory_guard: float = setting(
        0.0,
        "Interrupt a cell before the system kills its kernel for memory. Up to 1: the part of all memory that may be "
        "in use, as 0.8. Above 1: bytes that one kernel may have. 0: off.",
    )

    terminals_enabled: bool = setting(
        True,
        "Shells in the page and through the API. False: there are none, and their addresses do not exist.",
    )

    # -- the program itself
    open_browser: bool = setting(True, "Open a browser at start.")
    browser: str = setting(
        "", "Which browser: a command, with `%s` for the address. Empty: the system's own."
    )
    state_dir: str = setting(
        "", "Folder for journals, logins and sockets. Empty: the system's place for such things."
    )
    max_body_bytes: int = setting(512 * MIB, "Largest request body taken from somebody who is logged in.")
    holder_sockets: int = setting(
        300,
        "WebSockets that one login or token may have open: pages, kernels, terminals, events, rooms together.",
    )
    holder_links: int = setting(
        50, "Pages of one login or token that may be linked without WebSockets at once."
    )
    holder_requests: int = setting(
        500, "Requests of one login or token that may be under way at once, long ones too."
    )
    holder_notebooks: int = setting(
        300, "Notebooks that the pages of one login or token may have open at once, each page counted."
    )
    holder_conversions: int = setting(
        10,
        "Conversions of notebooks that one login or token may have under way. One of them is done at a time.",
    )
    holder_memory_bytes: int = setting(
        1024 * MIB,
        "Memory that requests and messages of one login or token may take until they are handled, and what waits to be "
        "sent to it; at least `max_body_bytes`. A token that may only read: an eighth.",
    )
    holder_uploads: int = setting(
        50, "Uploads in pieces that one login or token may have begun and not finished. They are on disk."
    )
    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR.")


NAMES = frozenset(one.name for one in dataclasses.fields(Settings))


def field_of(name: str) -> "dataclasses.Field[object]":
    """Return the row of a setting."""
    return next(one for one in dataclasses.fields(Settings) if one.name == name)


def kind_of(name: str) -> type:
    """Return the Python type of a setting's values: str, int, float, bool, list or dict."""
    if name in {"token", "notebook_manager_class"}:  # what may stand there besides text, only files can say
        return str
    return cast("type", getattr(field_of(name).type, "__origin__", field_of(name).type))


def help_of(name: str) -> str:
    """Return the sentence that says what a setting does."""
    return str(field_of(name).metadata["help"])


def default_of(name: str) -> object:
    """Return the default value of a setting."""
    return getattr(Settings(), name)


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

_KIND_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    list: "a list of texts",
    dict: "a dictionary",
}


def parse(name: str, text: str) -> object:
    """Return the value that text from the command line or the environment stands for.

    Raises:
        ConfigError: it is not of the setting's kind.
    """
    kind = kind_of(name)
    if kind is str:
        return text
    if kind is list:
        return [
            part.strip()
            for part in text.strip("[]").replace("'", "").replace('"', "").split(",")
            if part.strip()
        ]
    if kind is bool:
        if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
    elif kind is dict:
        import ast  # only who sets a dictionary on the command line needs it

        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            value = None
        if isinstance(value, dict):
            return value
    else:
        try:
            return kind(text)
        except ValueError:
            pass  # said below
    raise ConfigError(f"{name}: {_KIND_WORDS[kind]} is wanted, but it is {text!r}.")


def checked(settings: Settings) -> Settings:
    """Return the settings with `base_url` in its one form.

    Raises:
        ConfigError: a value is of the right kind but cannot be used; names the key and the way out.
    """
    if not 0 <= settings.port <= 65535:
        raise ConfigError(f"port: a number from 0 to 65535 is wanted, but it is {settings.port}.")
    for name in ("port_retries", "autosave_delay_s", "memory_guard"):
        if getattr(settings, name) < 0:
            raise ConfigError(f"{name}: it cannot be negative, but it is {getattr(settings, name)}.")
    if settings.max_body_bytes < MIB:
        raise ConfigError(f"max_body_bytes: at least {MIB} is wanted, but it is {settings.max_body_bytes}.")
    for name in (
        "holder_sockets",
        "holder_links",
        "holder_requests",
        "holder_notebooks",
        "holder_conversions",
        "holder_uploads",
    ):
        if getattr(settings, name) < 1:
            raise ConfigError(f"{name}: at least 1 is wanted, but it is {getattr(settings, name)}.")
    if settings.holder_memory_bytes < MIB:
        raise ConfigError(
            f"holder_memory_bytes: at least {MIB} is wanted, but it is {settings.holder_memory_bytes}."
        )
    if settings.keyfile and not settings.certfile:
        raise ConfigError("keyfile: it needs certfile too. Name the certificate that this key belongs to.")
    if settings.tls not in {"", "auto", "acme", "off"}:
        raise ConfigError(f"tls: auto, acme or off is wanted, but it is {settings.tls!r}.")
    if settings.compat not in {"", "ipython2"}:
        raise ConfigError(f"compat: ipython2, or nothing, is wanted, but it is {settings.compat!r}.")
    if not re.fullmatch(r"0?[0-7]{3}", settings.sock_mode):
        raise ConfigError(f"sock_mode: a mode as 0600 is wanted, but it is {settings.sock_mode!r}.")
    try:
        re.compile(settings.allow_origin_pat)
    except re.error as error:
        raise ConfigError(
            f"allow_origin_pat: a regular expression is wanted, but {settings.allow_origin_pat!r} is none ({error})."
        ) from None
    if settings.log_level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ConfigError(
            f"log_level: DEBUG, INFO, WARNING or ERROR is wanted, but it is {settings.log_level!r}."
        )
    return dataclasses.replace(
        settings,
        ip="*" if settings.public and settings.ip == Settings.ip else settings.ip.strip("[]"),
        base_url=normalised_base_url(settings.base_url),
        log_level=settings.log_level.upper(),
    )


def normalised_base_url(text: str) -> str:
    """Return `/`, or `/a/b/`: percent-encoded, with a slash at both ends.

    Raises:
        ConfigError: it has a part that is `.` or `..`, a query, a fragment or a host.
    """
    parts = [part for part in text.split("/") if part]
    if "://" in text or any(part in {".", ".."} or set(part) & set("?#\\") for part in parts):
        raise ConfigError(f"base_url: a path is wanted, as /ipython/, but it is {text!r}.")
    return "".join(f"/{quote(part, safe='%@:~+,=!$&()*;')}" for part in parts) + "/"

"""Settings of IPython's and Jupyter's servers that mean nothing here: each with the sentence that its owner is told.

A file with one of them still starts the server, unless without it the server
would be less protected than its owner meant. Never a traceback, never silence.
"""

from collections.abc import Mapping
from typing import Final

_MATH: Final = "Carnet draws math with its own MathJax, from its own server, where there is some"
_PAGES: Final = (
    "Carnet's pages are its own; webapp_settings = {'static_path': FOLDER} serves another build of them"
)
_EXTENSIONS: Final = "extensions of IPython's or Jupyter's server do not run in Carnet"
_COOKIES: Final = "Carnet signs no cookies: logins are kept on the server, and outlive it"
_RATE: Final = "Carnet drops no output for its rate, so there is nothing to set"
_WAY: Final = "the page finds its way to the server by itself, through WebSockets or without"
_START: Final = "this is said on the command line or in the environment: --profile, --profile-dir, IPYTHONDIR"
_LOG: Final = "the log has one form; log_level says how much of it there is"
_OPEN: Final = "the dashboard opens, or the notebook that is named on the command line: carnet NOTEBOOK.ipynb"

#: Setting to what is said of it; the start goes on.
NOTES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("enable_mathjax", "mathjax_url", "mathjax_config"), _MATH),
    **dict.fromkeys(
        (
            "extra_nbextensions_path",
            "jpserver_extensions",
            "nbextensions_path",
            "nbserver_extensions",
            "reraise_server_extension_failures",
            "server_extensions",
        ),
        _EXTENSIONS,
    ),
    **dict.fromkeys(
        (
            "extra_services",
            "extra_static_paths",
            "extra_template_paths",
            "ignore_minified_js",
            "jinja_environment_options",
            "jinja_template_vars",
            "quit_button",
            "static_custom_path",
            "static_immutable_cache",
            "use_less",
        ),
        _PAGES,
    ),
    **dict.fromkeys(
        ("cookie_options", "cookie_secret", "cookie_secret_file", "get_secure_cookie_kwargs"), _COOKIES
    ),
    **dict.fromkeys(
        ("iopub_data_rate_limit", "iopub_msg_rate_limit", "limit_rate", "rate_limit_window"), _RATE
    ),
    **dict.fromkeys(
        (
            "custom_display_url",
            "kernel_ws_protocol",
            "websocket_compression_options",
            "websocket_ping_interval",
            "websocket_ping_timeout",
            "websocket_url",
        ),
        _WAY,
    ),
    **dict.fromkeys(
        (
            "auto_create",
            "config_file",
            "copy_config_files",
            "extra_config_file",
            "ipython_dir",
            "overwrite",
            "profile",
            "profile_dir",
        ),
        _START,
    ),
    **dict.fromkeys(("log_datefmt", "log_format", "logging_config", "verbose_crash"), _LOG),
    **dict.fromkeys(("default_url", "file_to_run", "preferred_dir"), _OPEN),
    "allow_root": "Carnet starts for root too: it does what its owner may do",
    "allow_unauthenticated_access": "no route of Carnet's is open to those who are not signed in but those that say so",
    "answer_yes": "Carnet asks nothing that would have to be answered with yes",
    "authenticate_prometheus": "/metrics wants a login or a token always",
    "autoreload": "Carnet restarts only when it is told to",
    "browser_open_files": "Carnet writes its own, and `carnet list` shows what runs",
    "cluster_manager_class": "there are no clusters of IPython.parallel in Carnet",
    "config_manager_class": "what a page remembers is kept in the browser and in the state folder",
    "disable_check_xsrf": "requests of browsers are always checked; programs use a token instead",
    "info_file": "`carnet list --json` shows what runs",
    "max_buffer_size": "it follows from max_body_bytes",
    "min_open_files_limit": "the system's limit is what counts",
    "session_manager_class": "sessions are Carnet's own",
    "show_config": "`carnet config` shows what is in force, and where it comes from",
    "shutdown_no_activity_timeout": "Carnet goes on until it is stopped; `carnet stop` does that",
    "terminado_settings": "terminals start your login shell",
    "use_redirect_file": "a browser that Carnet opens always gets its token by a file that is yours alone",
}

#: Setting to the value that asks for nothing, and what is said of any other: the server does not start.
STOPS: Final[Mapping[str, tuple[object, str]]] = {
    "allow_password_change": (True, "whoever signed in with the password may change it here"),
    "authorizer_class": (None, "Carnet judges requests itself: tokens have scopes (`carnet token create`)"),
    "client_ca": ("", "Carnet does not ask browsers for certificates; a proxy in front of it can"),
    "identity_provider_class": (None, "logins are Carnet's own: a password, one-time codes, tokens"),
    "kernel_manager_class": (None, "kernels run in Carnet's own host, by kernelspec and provisioner"),
    "kernel_spec_manager_class": (
        None,
        "kernelspecs are found as Jupyter finds them; JUPYTER_PATH says where",
    ),
    "login_handler_class": (None, "logins are Carnet's own: a password, one-time codes, tokens"),
    "logout_handler_class": (None, "logins are Carnet's own: a password, one-time codes, tokens"),
    "password_required": (False, "set a password with `carnet passwd --save`, and token to ''"),
    "ssl_options": (
        {},
        "Carnet sets protocol and ciphers itself; certfile, keyfile and tls_curve can be set",
    ),
}


def said_of(trait: str, value: object) -> tuple[str, bool] | None:
    """Return what the owner of this setting is told, and whether the start must end; None: it is not one of these."""
    if trait in STOPS:
        harmless, sentence = STOPS[trait]
        return (sentence, False) if value == harmless else (sentence, True)
    sentence = NOTES.get(trait, "")
    return (sentence, False) if sentence else None

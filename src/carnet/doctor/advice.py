"""What to write into a proxy's configuration so that it stops doing some harm. Pure; `carnet doctor` and the page show it.

Every line stands in docs/howto/proxies/ too, whose files tests run; a test
holds that. Rule DR5: docs/specs/doctor.md.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What something between a browser and the server can do wrong."""

    BLOCKED = "blocked"
    WEBSOCKET = "websocket"
    BUFFERING = "buffering"
    BODY = "body"
    IDLE = "idle"
    HOST = "host"
    SCHEME = "scheme"
    ADDRESS = "address"
    PREFIX = "prefix"


PROXIES: Final[Mapping[str, str]] = {
    "nginx": "nginx",
    "apache": "Apache",
    "caddy": "Caddy",
    "traefik": "Traefik",
    "haproxy": "HAProxy",
}
"""As Carnet names them, and as people do."""

WHY: Final[Mapping[Fault, str]] = {
    Fault.BLOCKED: (
        "Something in between refuses what links a page: WebSockets, and requests below the address link/. It must let "
        "GET, POST and DELETE through, to every address of the server."
    ),
    Fault.WEBSOCKET: "The proxy lets no WebSocket through. Pages link by plain HTTP instead, which is slower.",
    Fault.BUFFERING: "The proxy holds answers back until they are whole, so output cannot be streamed.",
    Fault.BODY: "The proxy refuses large requests, so large files cannot be uploaded.",
    Fault.IDLE: "The proxy cuts a line that is quiet. Pages link again, and lose nothing, but each cut costs a moment.",
    Fault.HOST: "The proxy does not pass on the name that browsers ask for, so the server takes them for strangers.",
    Fault.SCHEME: "The server does not learn that browsers use https, so cookies and addresses are those of http.",
    Fault.ADDRESS: "The server does not learn the browser's address: the throttle and the audit see only the proxy's.",
    Fault.PREFIX: "The path that browsers use is not the one that the server has, so links in pages lead nowhere.",
}

_NGINX: Final[Mapping[Fault, str]] = {
    Fault.WEBSOCKET: """\
# in http { }
map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      close;
}
# in the location
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;""",
    Fault.BUFFERING: "# in the location\nproxy_buffering off;\nproxy_request_buffering off;",
    Fault.BODY: "# in the server\nclient_max_body_size 0;",
    Fault.IDLE: "# in the location\nproxy_read_timeout 60s;",
    Fault.HOST: "# in the location\nproxy_set_header Host $host:$server_port;",
    Fault.SCHEME: "# in the location\nproxy_set_header X-Forwarded-Proto $scheme;",
    Fault.ADDRESS: "# in the location\nproxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
}

_APACHE: Final[Mapping[Fault, str]] = {
    Fault.WEBSOCKET: "ProxyPass /ipython/ http://127.0.0.1:8888/ipython/ upgrade=websocket nocanon",
    Fault.IDLE: "ProxyTimeout 60",
    Fault.HOST: "ProxyPreserveHost On",
    Fault.SCHEME: "RequestHeader set X-Forwarded-Proto https",
}

_HAPROXY: Final[Mapping[Fault, str]] = {
    Fault.WEBSOCKET: "# in defaults\nmode http",
    Fault.IDLE: "# in defaults\ntimeout client 60s\ntimeout server 60s\ntimeout tunnel 60s",
    Fault.SCHEME: "# in the frontend\nhttp-request set-header X-Forwarded-Proto https",
    Fault.ADDRESS: "# in the frontend\noption forwardfor",
}

#: Caddy and Traefik do right by themselves what a plain line asks for.
_CADDY: Final[Mapping[Fault, str]] = dict.fromkeys(
    (Fault.WEBSOCKET, Fault.BUFFERING, Fault.BODY, Fault.IDLE, Fault.HOST, Fault.SCHEME, Fault.ADDRESS),
    "handle /ipython/* {\n    reverse_proxy 127.0.0.1:8888\n}",
)
_TRAEFIK: Final[Mapping[Fault, str]] = dict.fromkeys(
    (Fault.WEBSOCKET, Fault.BUFFERING, Fault.BODY, Fault.IDLE, Fault.HOST, Fault.SCHEME, Fault.ADDRESS),
    "loadBalancer:\n  servers:\n    - url: http://127.0.0.1:8888",
)

LINES: Final[Mapping[str, Mapping[Fault, str]]] = {
    "nginx": _NGINX,
    "apache": _APACHE,
    "caddy": _CADDY,
    "traefik": _TRAEFIK,
    "haproxy": _HAPROXY,
}


def lines_for(fault: Fault) -> Mapping[str, str]:
    """Return what mends it, by proxy; those that do not do this harm are left out."""
    wanted = Fault.WEBSOCKET if fault is Fault.BLOCKED else fault
    return {name: lines[wanted] for name, lines in LINES.items() if wanted in lines}


def proxy_of(server_header: str) -> str | None:
    """Return which proxy calls itself so in its answers; None: it does not say, or none of ours."""
    word = server_header.lower()
    return next((name for name in LINES if name in word), None)

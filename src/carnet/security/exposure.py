"""May this server listen where it was told to? Pure: the answer is a sentence or nothing.

Invariant 8: on a public interface no start without a password or token, and
TLS, unless told so in words.
"""

from carnet.security.origins import is_loopback


def refusal_to_listen(ip: str, *, has_tls: bool, has_key: bool, told_so: bool) -> str:
    """Return why the server will not listen on this address, and the ways out; empty: it may.

    Args:
        ip: as configured; `*` or empty is every address.
        has_key: there is a password or a token.
        told_so: the owner set `serve_unprotected`.
    """
    if is_loopback(ip) or told_so:
        return ""
    where = "every address of this machine" if ip in {"", "*", "0.0.0.0", "::"} else ip
    if not has_key:
        return (
            f"Carnet will not listen on {where} without a password or a token: anybody could run programs here. "
            "Set a password (`carnet passwd`), or say `--NotebookApp.serve_unprotected=True`."
        )
    if not has_tls:
        return (
            f"Carnet will not listen on {where} without TLS: passwords and everything else could be read on the way. "
            "Give it a certificate (`--certfile=FILE`), listen on 127.0.0.1 behind a proxy or an SSH tunnel, "
            "or say `--NotebookApp.serve_unprotected=True`."
        )
    return ""

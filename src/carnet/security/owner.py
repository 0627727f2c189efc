"""The one person a server is for: whoever started it, by the name that the system knows."""

import os
import pwd


def owner_name() -> str:
    """Return the name. Not from `USER` or `LOGNAME`, which anybody may set: server and sub-commands must agree."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # an id without an entry, as in some containers
        return f"user-{os.getuid()}"

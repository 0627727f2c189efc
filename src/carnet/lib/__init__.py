"""What people import in a Python session, under the names of 2014: `from carnet.lib import passwd`."""

from carnet.lib.security import passwd, passwd_check

__all__ = ["passwd", "passwd_check"]

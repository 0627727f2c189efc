"""Keep the C library from making a heap for each thread.

glibc gives each thread a heap of its own, up to eight for each core, and what
lies in one is lost to the others. Our threads mostly hold the interpreter's
lock while they allocate, so there is nothing to win by it: one heap saves a
tenth of an idle server (3 MB, measured).
"""

import ctypes
import sys
from typing import Final

_M_ARENA_MAX: Final = -8
"""From glibc's malloc.h."""


def use_one_heap() -> None:
    """Do it, where the C library is glibc; elsewhere nothing. Call it before the first thread starts."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    except AttributeError:
        pass  # another C library (musl), which has one heap anyway

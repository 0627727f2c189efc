"""Say in one sentence why a kernel process ended. Words only; the facts are the host's `Obituary`."""

from carnet.core.wire.host import Obituary

_SIGNALS = {
    "SIGKILL": "something outside it killed it (SIGKILL)",
    "SIGSEGV": "it accessed memory that is not its own (SIGSEGV, a segmentation fault)",
    "SIGABRT": "it aborted itself (SIGABRT)",
    "SIGBUS": "it accessed memory that is not there (SIGBUS)",
    "SIGILL": "it ran an instruction this processor does not have (SIGILL)",
    "SIGFPE": "it did arithmetic that the processor refused (SIGFPE)",
    "SIGTERM": "it was told to end (SIGTERM)",
    "SIGINT": "an interrupt ended it (SIGINT)",
    "SIGHUP": "its terminal went away (SIGHUP)",
}

_FATAL = ("Fatal Python error:",)
_SAYS_WHY = ("terminate called", "Assertion ", "double free", "corrupted", "std::bad_alloc", "MemoryError")
_LONGEST = 200
"""Characters of a line that is quoted; the page shows all of it when asked."""


def sentence(obituary: Obituary, *, started: bool) -> str:
    """Return what happened, and what it means for the notebook. `started`: it had been ready before."""
    what = "The kernel died" if started else "The kernel could not be started"
    loss = " Its variables are gone; outputs so far are kept. Run a cell to start a new kernel."
    words = _last_words(obituary) if not started else _fatal_error(obituary)
    return f"{what}: {_cause(obituary)}.{words}{loss if started else ''}"


def _cause(obituary: Obituary) -> str:
    if obituary.out_of_memory:
        sizes = []
        if obituary.peak_bytes is not None:
            sizes.append(f"it used up to {_size(obituary.peak_bytes)}")
        if obituary.limit_bytes is not None:
            sizes.append(f"the limit is {_size(obituary.limit_bytes)}")
        return "it ran out of memory" + (f" ({', '.join(sizes)})" if sizes else "")
    if obituary.signal is not None:
        name = obituary.signal_name or f"signal {obituary.signal}"
        return _SIGNALS.get(name, f"a signal ended it ({name})")
    if obituary.exit_code is not None:
        return f"it ended itself with exit code {obituary.exit_code}"
    return "its process is gone, and nobody saw how it ended"


def _last_words(obituary: Obituary) -> str:
    lines = obituary.stderr_tail.strip().splitlines()
    return f" Its last words: {lines[-1].strip()}" if lines else ""


def _fatal_error(obituary: Obituary) -> str:
    """Return what faulthandler, the C library or another runtime said last, where it says more than the cause."""
    lines = [line.strip() for line in obituary.stderr_tail.splitlines() if line.strip()]
    found = [line for line in lines if line.startswith(_FATAL) or any(word in line for word in _SAYS_WHY)]
    return f" It said: {found[-1][:_LONGEST].removesuffix('.')}." if found else ""


def _size(size_bytes: int) -> str:
    mib = size_bytes / (1024 * 1024)
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"

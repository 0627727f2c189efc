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


def sentence(obituary: Obituary, *, started: bool) -> str:
    """Return what happened, and what it means for the notebook. `started`: it had been ready before."""
    what = "The kernel died" if started else "The kernel could not be started"
    loss = " Its variables are gone; outputs so far are kept. Run a cell to start a new kernel."
    return f"{what}: {_cause(obituary)}.{loss if started else _last_words(obituary)}"


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


def _size(size_bytes: int) -> str:
    mib = size_bytes / (1024 * 1024)
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"

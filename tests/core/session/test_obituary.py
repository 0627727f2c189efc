"""Why a kernel died, in words."""

import pytest

from carnet.core.session.obituary import sentence
from carnet.core.wire.host import Obituary

LOSS = " Its variables are gone; outputs so far are kept. Run a cell to start a new kernel."
GIB = 1024**3


@pytest.mark.parametrize(
    ("obituary", "cause"),
    [
        (Obituary(signal=9, signal_name="SIGKILL"), "something outside it killed it (SIGKILL)"),
        (
            Obituary(signal=11, signal_name="SIGSEGV"),
            "it accessed memory that is not its own (SIGSEGV, a segmentation fault)",
        ),
        (Obituary(signal=6, signal_name="SIGABRT"), "it aborted itself (SIGABRT)"),
        (Obituary(signal=31, signal_name="SIGSYS"), "a signal ended it (SIGSYS)"),
        (Obituary(signal=40), "a signal ended it (signal 40)"),
        (Obituary(exit_code=3), "it ended itself with exit code 3"),
        (Obituary(), "its process is gone, and nobody saw how it ended"),
        (Obituary(out_of_memory=True, signal=9, signal_name="SIGKILL"), "it ran out of memory"),
        (
            Obituary(out_of_memory=True, peak_bytes=GIB - GIB // 4, limit_bytes=GIB),
            "it ran out of memory (it used up to 768 MiB, the limit is 1.0 GiB)",
        ),
    ],
)
def test_each_ending_has_its_own_sentence(obituary: Obituary, cause: str) -> None:
    assert sentence(obituary, started=True) == f"The kernel died: {cause}.{LOSS}"


def test_a_kernel_that_never_was_ready_gives_its_last_words() -> None:
    obituary = Obituary(exit_code=1, stderr_tail="Traceback\nModuleNotFoundError: ipykernel\n\n")

    assert sentence(obituary, started=False) == (
        "The kernel could not be started: it ended itself with exit code 1. "
        "Its last words: ModuleNotFoundError: ipykernel"
    )
    assert sentence(Obituary(exit_code=1), started=False).endswith("exit code 1.")


def test_what_the_runtime_said_of_the_cause_is_quoted() -> None:
    tail = "a warning\nFatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n  File x\n"

    said = sentence(Obituary(signal=11, signal_name="SIGSEGV", stderr_tail=tail), started=True)

    assert "It said: Fatal Python error: Segmentation fault. Its variables are gone" in said


def test_a_warning_is_not_quoted_as_the_cause() -> None:
    said = sentence(
        Obituary(signal=9, signal_name="SIGKILL", stderr_tail="DeprecationWarning: x\n"), started=True
    )

    assert "DeprecationWarning" not in said

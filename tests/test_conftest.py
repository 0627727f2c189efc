"""The log check itself: what it would say of a test that warns."""

import logging

from tests.conftest import ExpectLog


def a_warning(name: str, message: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, None, None)


def test_a_warning_by_surprise_is_a_fault() -> None:
    check = ExpectLog()

    check.emit(a_warning("carnet.kernels", "kernel k1 exited with 3"))

    assert check.faults() == ["surprise: WARNING carnet.kernels: kernel k1 exited with 3"]


def test_an_announced_warning_is_none() -> None:
    check = ExpectLog()
    check("exited with [0-9]+", logger="carnet.kernels")

    check.emit(a_warning("carnet.kernels", "kernel k1 exited with 3"))

    assert check.faults() == []


def test_an_announced_warning_must_come() -> None:
    check = ExpectLog()
    check("exited", logger="carnet.kernels")

    check.emit(a_warning("carnet.kernelsandmore", "exited"))

    assert check.faults() == [
        "surprise: WARNING carnet.kernelsandmore: exited",
        "expected of carnet.kernels, but never said: exited",
    ]


def test_libraries_may_warn() -> None:
    check = ExpectLog()

    check.emit(a_warning("matplotlib.font_manager", "slow"))

    assert check.faults() == []

"""What every test has: the log check, a place for sockets, and time.

A test that logs a warning by surprise fails. A test that makes Carnet warn says so with the fixture `expect_log`:

    def test_a_dead_kernel_is_told(expect_log: ExpectLog) -> None:
        expect_log("kernel .* exited with 3", logger="carnet.kernels")

and it fails too when that warning never comes.
"""

import logging
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import settings

from tests.support.debian import has_apt

# How long an example takes says how busy the machine is. (With CI in the environment the profile is Hypothesis's own
# for CI, which also draws the same examples each time.)
settings.register_profile("carnet", settings(), deadline=None)
settings.load_profile("carnet")

#: Loggers whose warnings count. Others belong to libraries; what they say is not ours to promise.
WATCHED = ("carnet", "asyncio", "tornado.application", "tornado.general")


@dataclass
class ExpectLog(logging.Handler):
    """Collects warnings and worse, and knows which of them the test announced."""

    expected: list[tuple[str, re.Pattern[str]]] = field(default_factory=list)
    records: list[logging.LogRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(level=logging.WARNING)

    def __hash__(self) -> int:  # logging keeps its handlers in a set
        return id(self)

    def __call__(self, pattern: str, *, logger: str = "carnet") -> None:
        """Announce warnings of `logger` or below it; the pattern is searched for in the message."""
        self.expected.append((logger, re.compile(pattern)))

    def emit(self, record: logging.LogRecord) -> None:
        if any(record.name == name or record.name.startswith(f"{name}.") for name in WATCHED):
            self.records.append(record)

    def faults(self) -> list[str]:
        """Return one sentence for each warning that was not announced, and each that did not come."""
        surprises = [
            record for record in self.records if not any(_fits(record, one) for one in self.expected)
        ]
        missed = [one for one in self.expected if not any(_fits(record, one) for record in self.records)]
        return [
            *(f"surprise: {record.levelname} {record.name}: {record.getMessage()}" for record in surprises),
            *(f"expected of {logger}, but never said: {pattern.pattern}" for logger, pattern in missed),
        ]


def _fits(record: logging.LogRecord, expected: tuple[str, re.Pattern[str]]) -> bool:
    logger, pattern = expected
    below = record.name == logger or record.name.startswith(f"{logger}.")
    return below and pattern.search(record.getMessage()) is not None


@pytest.fixture(scope="session", autouse=True)
def runtime_folder() -> Iterator[None]:
    """Give the sockets of hosts in long-named folders a place that is gone after the tests, killed hosts or not (HO4)."""
    folder = tempfile.mkdtemp(prefix="carnet-run-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        # The user's own shell may take long to begin, and a test that kills it may leave locks of theirs behind.
        patch.setenv("SHELL", "/bin/sh")
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def expect_log() -> Iterator[ExpectLog]:
    """Fail a test that warns by surprise, or that announces a warning which does not come."""
    check = ExpectLog()
    root = logging.getLogger()
    root.addHandler(check)
    yield check
    root.removeHandler(check)
    faults = check.faults()
    if faults:
        pytest.fail("Logged warnings:\n" + "\n".join(faults), pytrace=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and count as left out, what needs Debian's packages where there is no apt."""
    needy = [item for item in items if item.get_closest_marker("debian") is not None]
    if needy and not has_apt():
        items[:] = [item for item in items if item not in needy]
        config.hook.pytest_deselected(items=needy)

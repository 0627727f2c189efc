"""Programs from Debian's packages run here, without having been installed."""

import subprocess

import pytest

from tests.support.debian import debian


@pytest.mark.debian
@pytest.mark.slow
def test_a_program_of_a_package_runs_with_its_own_libraries() -> None:
    unpacked = debian("haproxy")

    done = subprocess.run(
        [unpacked.program("haproxy"), "-v"], env=unpacked.env(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HAProxy version ")
    assert str(unpacked.root) in unpacked.program("haproxy")


@pytest.mark.debian
def test_what_is_not_there_is_named() -> None:
    with pytest.raises(RuntimeError, match="Unable to locate package no-such-package"):
        debian("no-such-package")

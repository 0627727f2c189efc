"""Who a server is for."""

import os
import pwd

import pytest

from carnet.security.owner import owner_name


def test_the_environment_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "somebody")

    assert owner_name() == pwd.getpwuid(os.getuid()).pw_name


def test_an_id_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 987654)

    assert owner_name() == "user-987654"

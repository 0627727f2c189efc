"""What a kernel process is given (HO33)."""

import pytest

from carnet.kernelhost.launch import kernel_environment


def test_ho33_the_environment_has_no_secret_and_no_lifeline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTERHUB_API_TOKEN", "JPY_PARENT_PID", "JUPYTER_TOKEN", "CARNET_PASSWORD"):
        monkeypatch.setenv(name, "not for kernels")
    monkeypatch.setenv("HARMLESS", "kept")
    found = kernel_environment("t0ken", {"GIVEN": "1", "PYTHONFAULTHANDLER": "0"})
    assert "not for kernels" not in found.values()
    assert (found["HARMLESS"], found["GIVEN"], found["PYTHONFAULTHANDLER"]) == ("kept", "1", "0")
    assert found["CARNET_KERNEL"] == "t0ken"
    assert kernel_environment("t", {})["PYTHONFAULTHANDLER"] == "1"

"""Workspaces: how JupyterLab's windows stand (LB10)."""

import json
from pathlib import Path

import pytest

from carnet.errors import NotFound, PeerError
from carnet.lab.workspaces import DEPTH_LIMIT, Workspaces


def test_lb10_kept_found_and_removed(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path / "lab")
    assert workspaces.get("default") == {"data": {}, "metadata": {"id": "default"}}
    assert workspaces.all() == []

    for name in ("default", "/odd name/../x"):
        workspaces.save(name, json.dumps({"data": {"a": 1}, "metadata": {"id": name}}).encode())

    assert workspaces.get("default")["data"] == {"a": 1}
    assert [one["metadata"]["id"] for one in workspaces.all()] == ["/odd name/../x", "default"]
    assert all(file.parent == tmp_path / "lab" for file in tmp_path.rglob("*.json"))
    assert {file.stat().st_mode & 0o777 for file in tmp_path.rglob("*.json")} == {0o600}

    workspaces.delete("default")
    assert len(workspaces.all()) == 1
    with pytest.raises(NotFound, match="There is no workspace 'default'"):
        workspaces.delete("default")


@pytest.mark.parametrize(
    "raw",
    [
        b"[",
        b"[]",
        b"{}",
        b'{"metadata": {"id": 3}}',
        b'{"data": {}, "metadata": {"id": "other"}}',
        b'{"metadata": {"id": "default"}}',
        b'{"data": [], "metadata": {"id": "default"}}',
        b'{"data": {"a": NaN}, "metadata": {"id": "default"}}',
    ],
)
def test_lb10_what_is_no_workspace_of_this_name_is_refused(tmp_path: Path, raw: bytes) -> None:
    workspaces = Workspaces(tmp_path / "lab")
    with pytest.raises(PeerError):
        workspaces.save("default", raw)
    assert workspaces.all() == []


def test_lb10_what_could_not_be_sent_again_is_not_kept(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path / "lab")

    def nested(levels: int) -> bytes:
        inner = '{"a":' * levels + "1" + "}" * levels
        return f'{{"data": {inner}, "metadata": {{"id": "default"}}}}'.encode()

    workspaces.save("default", nested(DEPTH_LIMIT - 1))
    with pytest.raises(PeerError, match=f"more than {DEPTH_LIMIT} levels deep"):
        workspaces.save("default", nested(DEPTH_LIMIT))
    with pytest.raises(PeerError):
        workspaces.save("default", nested(100_000))
    assert len(workspaces.all()) == 1

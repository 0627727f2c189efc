"""The host's folder (HO1, HO3 to HO5)."""

import os
from pathlib import Path

import pytest

from carnet.errors import HostUnavailable
from carnet.kernelhost.folder import (
    LONGEST_NAME_BYTES,
    SOCKET_PATH_LIMIT_BYTES,
    FolderLock,
    HostIsRunning,
    private_folder,
    run_folder,
    write_private,
)


def test_ho1_a_folder_is_made_private_or_becomes_so(tmp_path: Path) -> None:
    assert private_folder(tmp_path / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    assert private_folder(tmp_path / "open").stat().st_mode & 0o777 == 0o700


def test_ho1_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_ho3_a_lock_is_held_by_one_and_given_back(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(HostIsRunning, match="already runs in"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


def test_ho4_a_short_folder_has_its_sockets_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    short = Path("/tmp") / f"carnet-test-{os.getpid()}"
    assert run_folder(short) == short / "run"
    (short / "run").rmdir()
    short.rmdir()


def test_ho4_a_long_folder_has_its_sockets_in_the_runtime_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Path("/tmp") / f"carnet-test-{os.getpid()}"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    found = run_folder(tmp_path / ("x" * 90))
    assert found.parent == runtime
    assert found.stat().st_mode & 0o777 == 0o700
    assert len(str(found)) + LONGEST_NAME_BYTES <= SOCKET_PATH_LIMIT_BYTES
    assert run_folder(tmp_path / ("x" * 90)) == found
    other = run_folder(tmp_path / ("y" * 90))
    assert other != found
    for folder in (found, other, runtime):
        folder.rmdir()


def test_ho5_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(HostUnavailable, match="is not a folder of user"):
        private_folder(tmp_path / "link")

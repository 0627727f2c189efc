"""FS1 to FS5: where a path leads. What follows for reading and writing is in test_files."""

import errno
import os
from pathlib import Path

import pytest

from carnet.errors import (
    InvalidPath,
    NotFound,
    PermissionDenied,
    StorageFull,
    StorageUnavailable,
)
from carnet.ids import NotebookPath
from carnet.storage.beneath import Beneath, translated
from carnet.storage.paths import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "d").mkdir(parents=True)
    (tmp_path / "root" / "d" / "f").write_bytes(b"x")
    return tmp_path / "root"


def names(root: Path, path: str, *, follow: bool = True) -> tuple[str, bool, bool]:
    with Beneath(root).place(NotebookPath(path), follow=follow) as place:
        return place.name, place.is_folder, place.is_file


def test_a_place_is_a_name_in_an_open_folder(root: Path) -> None:
    assert names(root, ROOT) == (".", True, False)
    assert names(root, "d") == ("d", True, False)
    assert names(root, "d/f") == ("f", False, True)
    assert names(root, "d/new") == ("new", False, False)
    with pytest.raises(NotFound):
        names(root, "new/f")
    with pytest.raises(NotFound):
        names(root, "d/f/g")


def test_no_folder_stays_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (root / "up").symlink_to("../root/d/../d/f")
    names(root, "up")
    with pytest.raises(NotFound):
        names(root, "x/y/z")
    (root / "out").symlink_to("/etc/passwd")
    with pytest.raises(PermissionDenied):
        names(root, "out")
    assert len(os.listdir("/proc/self/fd")) == before


def test_fs1_links_to_the_root_itself_and_through_it(root: Path) -> None:
    (root / "d" / "home").symlink_to("..")
    (root / "absolute").symlink_to(root)
    (root / "around").symlink_to("../root/d/f")
    assert names(root, "d/home") == (".", True, False)
    assert names(root, "absolute/d/f") == ("f", False, True)
    assert names(root, "around") == ("f", False, True)
    assert names(root, "around", follow=False) == ("around", False, False)


def test_fs2_the_folder_above_and_the_top_are_outside(root: Path) -> None:
    for number, target in enumerate(["..", "../..", "/", "../" * 30, "d/../../root-x"]):
        (root / f"link{number}").symlink_to(target)
        with pytest.raises((PermissionDenied, NotFound)):
            names(root, f"link{number}/etc")
    with pytest.raises(PermissionDenied, match="allowed_links"):
        names(root, "link0")


def test_fs2_a_root_that_is_reached_by_a_link_is_still_the_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    (root / "link").symlink_to(root / "d" / "f")
    assert names(tmp_path / "alias", "link") == ("f", False, True)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, NotFound),
        (errno.ENOTDIR, NotFound),
        (errno.EACCES, PermissionDenied),
        (errno.EROFS, PermissionDenied),
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.ENAMETOOLONG, InvalidPath),
        (errno.EIO, StorageUnavailable),
        (errno.ETIMEDOUT, StorageUnavailable),
    ],
)
def test_fs9_each_cause_is_one_sentence(number: int, kind: type[Exception]) -> None:
    error = translated(OSError(number, os.strerror(number)), "a b.ipynb", "saved")
    assert type(error) is kind
    assert str(error).startswith("a b.ipynb: not saved: ")
    assert str(error).endswith(".")

"""JN21 to JN26: blobs are their bytes."""

import errno
import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from carnet.core.notebook.model import BlobRef
from carnet.errors import JournalDamaged, JournalFull, NotFound
from carnet.journal.blobs import BlobStore

HELLO = hashlib.sha256(b"hello").hexdigest()
HOUR_S = 3600.0


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def files(blobs: BlobStore) -> list[str]:
    return sorted(str(file.relative_to(blobs.folder)) for file in blobs.folder.rglob("*") if file.is_file())


def test_jn21_a_blob_is_named_by_its_bytes_and_private(blobs: BlobStore) -> None:
    assert blobs.put(b"hello", "text/plain") == BlobRef(sha256=HELLO, size_bytes=5, media_type="text/plain")
    assert blobs.get(HELLO) == b"hello"
    assert (blobs.exists(HELLO), blobs.size(HELLO)) == (True, 5)
    assert files(blobs) == [f"{HELLO[:2]}/{HELLO}"]
    assert stat.S_IMODE(blobs.path(HELLO).stat().st_mode) == 0o600
    assert stat.S_IMODE(blobs.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(blobs.path(HELLO).parent.stat().st_mode) == 0o700


def test_jn21_putting_twice_is_putting_once(blobs: BlobStore) -> None:
    first = blobs.put(b"hello", "text/plain")
    inode = blobs.path(HELLO).stat().st_ino
    assert blobs.put(b"hello", "text/plain") == first
    assert blobs.path(HELLO).stat().st_ino == inode
    assert blobs.put(b"", "text/plain").size_bytes == 0


def test_jn22_ranges_are_cut_at_the_end(blobs: BlobStore) -> None:
    blobs.put(b"hello", "text/plain")
    ranges = [(0, 5), (1, 3), (3, 99), (9, 12), (2, 2), (3, 1), (-2, 1)]
    assert [blobs.open_range(HELLO, start, stop) for start, stop in ranges] == [
        b"hello", b"el", b"lo", b"", b"", b"", b"h",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", HELLO.upper(), HELLO + "\n", HELLO[:-1], HELLO + "0", "/" * 64, "٠" * 64],
)
def test_jn23_only_a_name_is_a_name(blobs: BlobStore, name: str) -> None:
    for act in (blobs.path, blobs.get, blobs.exists, blobs.size):
        with pytest.raises(NotFound, match="not the name of a blob"):
            act(name)
    with pytest.raises(NotFound):
        blobs.open_range(name, 0, 1)


def test_jn23_what_is_not_kept_is_not_found(blobs: BlobStore) -> None:
    assert not blobs.exists(HELLO)
    for act in (blobs.get, blobs.size):
        with pytest.raises(NotFound, match=HELLO):
            act(HELLO)
    with pytest.raises(NotFound, match=HELLO):
        blobs.open_range(HELLO, 0, 1)


def test_jn24_damaged_bytes_are_never_given_as_the_blob(blobs: BlobStore) -> None:
    blobs.put(b"hello", "text/plain")
    blobs.path(HELLO).write_bytes(b"hellO")
    with pytest.raises(JournalDamaged, match=HELLO):
        blobs.get(HELLO)
    blobs.path(HELLO).write_bytes(b"hel")
    blobs.put(b"hello", "text/plain")  # cut short: written anew
    assert blobs.get(HELLO) == b"hello"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_jn25_a_full_disk_leaves_nothing(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(JournalFull):
            blobs.put(b"hello", "text/plain")
    assert files(blobs) == []
    blobs.put(b"hello", "text/plain")


def test_jn25_together_all_are_kept(blobs: BlobStore) -> None:
    with blobs.together() as put:
        refs = [put(text, "text/plain") for text in (b"hello", b"world", b"hello")]

    assert [blobs.get(ref.sha256) for ref in refs] == [b"hello", b"world", b"hello"]
    assert len(files(blobs)) == 2


def test_jn25_together_one_that_fails_keeps_none(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    def keep_two() -> None:
        with blobs.together() as put:
            put(b"hello", "text/plain")
            put(b"world", "text/plain")

    with pytest.raises(JournalFull, match="Disk full"):
        keep_two()

    assert files(blobs) == []


def test_jn26_collect_takes_what_is_old_and_unused(blobs: BlobStore) -> None:
    used = blobs.put(b"used", "text/plain").sha256
    old = blobs.put(b"old", "text/plain").sha256
    crashed = blobs.path(old).with_name(".tmp-crashed")
    crashed.write_bytes(b"half")
    (blobs.folder / "README").write_text("somebody's own")
    stranger = blobs.path(old).with_name("somebody's own")
    stranger.write_text("")
    later_s = time.time() + 2 * HOUR_S

    assert blobs.collect({used}, grace_s=3 * HOUR_S, now_s=later_s) == 0
    assert blobs.collect({used}, grace_s=HOUR_S, now_s=later_s) == len(b"old") + len(b"half")
    assert (blobs.exists(used), blobs.exists(old), crashed.exists(), stranger.exists()) == (
        True, False, False, True,
    )  # fmt: skip


def test_jn26_putting_again_makes_a_blob_young(blobs: BlobStore) -> None:
    sha256 = blobs.put(b"hello", "text/plain").sha256
    os.utime(blobs.path(sha256), (0, 0))
    blobs.put(b"hello", "text/plain")
    assert blobs.collect(set(), grace_s=HOUR_S) == 0

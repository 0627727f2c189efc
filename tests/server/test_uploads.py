"""Uploads in pieces (CO9): in order, once, and never a mixture of two."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from carnet.errors import PeerError, RevisionConflict, StorageFull, UploadConflict
from carnet.ids import NotebookPath, Revision
from carnet.server import uploads
from carnet.server.shares import Holder
from carnet.server.uploads import LAST, UNDER_WAY_S, append_chunk, take_upload, upload_file
from carnet.storage.memory import MemoryNotebookManager

BIG = NotebookPath("big.bin")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    return upload_file(tmp_path, Holder("login", "ann", "1", ""), BIG)


def add(upload: Path, chunk: int, data: bytes) -> Path | None:
    return append_chunk(upload, chunk, data, uploads_limit=3)


def send(upload: Path, *pieces: tuple[int, bytes]) -> bytes | None:
    """Send these; return what was uploaded, if the last came."""
    whole = None
    for chunk, data in pieces:
        whole = add(upload, chunk, data)
    if whole is None:
        return None
    data = whole.read_bytes()
    whole.unlink()
    return data


def given_up(upload: Path) -> None:
    """Let the newest piece be old enough."""
    for one in upload.parent.iterdir():
        at_s = one.stat().st_mtime - UNDER_WAY_S - 1
        os.utime(one, (at_s, at_s))


def test_co9_pieces_in_order_are_one_file_and_leave_nothing(upload: Path) -> None:
    assert send(upload, (1, b"one"), (2, b""), (3, b"three"), (LAST, b"end")) == b"onethreeend"
    assert list(upload.parent.iterdir()) == []
    assert send(upload, (1, b""), (LAST, b"")) == b""


def test_co9_what_is_kept_is_for_nobody_else(upload: Path) -> None:
    add(upload, 1, b"one")
    assert [one.stat().st_mode & 0o777 for one in upload.parent.iterdir()] == [0o600, 0o600]
    assert upload.parent.stat().st_mode & 0o777 == 0o700


def test_co9_out_of_order_is_refused_and_the_upload_goes_on(upload: Path) -> None:
    for chunk in (2, LAST):
        with pytest.raises(PeerError, match="begin again with chunk 1"):
            add(upload, chunk, b"x")
    add(upload, 1, b"one")
    for chunk in (3, 7):
        with pytest.raises(PeerError, match=f"Chunk {chunk} came where 2 is wanted"):
            add(upload, chunk, b"x")
    add(upload, 2, b"two")
    add(upload, 3, b"three")
    with pytest.raises(PeerError, match="Chunk 2 came where 4 is wanted"):
        add(upload, 2, b"two")
    assert send(upload, (LAST, b"end")) == b"onetwothreeend"
    with pytest.raises(PeerError, match="not known"):
        add(upload, LAST, b"end")


def test_co9_a_piece_that_comes_again_changes_nothing(upload: Path) -> None:
    assert (
        send(
            upload, (1, b"one"), (1, b"one"), (2, b"two"), (2, b"two"), (2, b"two"), (3, b"two"), (LAST, b"")
        )
        == b"onetwotwo"
    )


def test_co9_piece_1_begins_anew(upload: Path) -> None:
    assert send(upload, (1, b"one"), (2, b"aborted"), (1, b"one"), (LAST, b"end")) == b"oneend"
    add(upload, 1, b"of another file, given up")
    given_up(upload)
    assert send(upload, (1, b"mine"), (LAST, b"")) == b"mine"


def test_co9_a_piece_that_was_cut_short_is_sent_again(upload: Path) -> None:
    add(upload, 1, b"one")
    with upload.open("ab") as file:
        file.write(b"half of a pie")  # as a crash leaves it
    assert send(upload, (2, b"two"), (LAST, b"")) == b"onetwo"
    add(upload, 1, b"one")
    upload.write_bytes(b"on")
    with pytest.raises(PeerError, match="not known"):
        add(upload, 2, b"two")


def test_co9_another_file_to_the_same_path_waits(upload: Path) -> None:
    add(upload, 1, b"one")
    add(upload, 2, b"two")
    with pytest.raises(UploadConflict, match="Another file is being uploaded to this path"):
        add(upload, 1, b"of another file")
    assert send(upload, (LAST, b"end")) == b"onetwoend"


def test_co9_what_may_be_mixed_is_never_saved(upload: Path) -> None:
    add(upload, 1, b"the same")
    add(upload, 1, b"the same")
    add(upload, 2, b"of the one")
    with pytest.raises(UploadConflict, match="Neither was saved"):
        add(upload, 2, b"of the other")
    for chunk in (3, LAST):
        with pytest.raises(PeerError, match="not known"):
            add(upload, chunk, b"")


def test_co9_two_at_once_never_make_a_mixture(upload: Path) -> None:
    """Two clients send two files of five pieces as fast as they can, in any interleaving: each file is whole, or not there."""
    chance = Random(20140220)
    files = [[b"%d-%d " % (which, piece) for piece in range(5)] for which in (1, 2)]
    seen = []
    for _ in range(300):
        orders = [[*range(1, 5), LAST], [*range(1, 5), LAST]]
        alive = [True, True]
        while any(orders[which] and alive[which] for which in (0, 1)):
            which = chance.choice([which for which in (0, 1) if orders[which] and alive[which]])
            chunk = orders[which].pop(0)
            try:
                whole = add(upload, chunk, files[which][chunk - 1 if chunk > 0 else 4])
            except (PeerError, UploadConflict):
                alive[which] = False
                continue
            if whole is not None:
                seen.append(whole.read_bytes())
                whole.unlink()
        given_up(upload)
    assert {*seen} == {b"".join(pieces) for pieces in files}


def test_co9_pieces_sent_all_at_once_are_kept_in_one_order_or_refused(upload: Path) -> None:
    add(upload, 1, b"0")

    def one(number: int) -> bool:
        try:
            add(upload, number, b"%d" % number)
        except PeerError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(one, range(2, 10)))
    count = taken.index(False) if False in taken else len(taken)
    kept = send(upload, (LAST, b""))
    assert kept == b"0" + b"".join(b"%d" % number for number in range(2, 2 + len(kept or b"") - 1))
    assert len(kept or b"") - 1 == sum(taken) >= count


def test_co9_no_more_than_anybody_sends(upload: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "UPLOAD_LIMIT_BYTES", 5)
    add(upload, 1, b"1234")
    with pytest.raises(StorageFull, match="limited to 5 bytes"):
        add(upload, 2, b"56")
    assert send(upload, (2, b"5"), (LAST, b"")) == b"12345"


def test_co9_what_was_never_finished_goes_after_a_day(upload: Path) -> None:
    add(upload, 1, b"one")
    for one in upload.parent.iterdir():
        os.utime(one, (1, 1))
    add(upload.with_name(f"{'0' * 16}-a"), 1, b"another")
    assert sorted(one.name for one in upload.parent.iterdir()) == ["0" * 16 + "-a", "0" * 16 + "-a.json"]


def test_co9_it_is_saved_over_what_is_there_whoever_wrote_it(upload: Path) -> None:
    class Busy(MemoryNotebookManager):
        """Somebody writes between each look and each save, three times."""

        left = 3

        def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
            if self.left > 0:
                self.left -= 1
                super().save(path, b"theirs %d" % self.left, expected=expected)
            return super().save(path, data, expected=expected)

    def whole() -> Path:
        add(upload, 1, b"mine")
        made = add(upload, LAST, b"")
        assert made is not None
        return made

    storage = Busy()
    assert not take_upload(whole(), BIG, storage, None)
    assert storage.read(BIG)[0] == b"mine"
    based_on = storage.stat(BIG).revision
    storage.save(BIG, b"theirs", expected=based_on)
    with pytest.raises(RevisionConflict):
        take_upload(whole(), BIG, storage, based_on)
    assert storage.read(BIG)[0] == b"theirs"
    assert list(upload.parent.iterdir()) == []

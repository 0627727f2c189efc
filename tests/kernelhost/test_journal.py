"""The kernel journal (HO10 to HO15)."""

import errno
import os
from pathlib import Path

import msgspec
import pytest

from carnet.core.wire.host import Record
from carnet.kernelhost import journal as module
from carnet.kernelhost.journal import KernelJournal
from tests.conftest import ExpectLog


def payloads(first: int, count: int, size: int = 50) -> list[bytes]:
    return [f"{number:08d}".encode().ljust(size, b".") for number in range(first, first + count)]


def everything(journal: KernelJournal, after: int, limit_bytes: int) -> list[bytes]:
    found: list[bytes] = []
    while after + len(found) < journal.last_number:
        chunk = journal.read(after + len(found), limit_bytes=limit_bytes)
        assert chunk
        found += chunk
    return found


@pytest.mark.parametrize("segment_bytes", [100, 5_000, 1 << 20])
@pytest.mark.parametrize("limit_bytes", [1, 700, 1 << 20])
def test_ho10_any_number_can_be_read_on_from(tmp_path: Path, segment_bytes: int, limit_bytes: int) -> None:
    journal = KernelJournal(tmp_path, segment_bytes=segment_bytes)
    for first in range(1, 200, 10):
        journal.append(payloads(first, 10))
    assert journal.last_number == 200
    for after in (0, 1, 9, 10, 11, 99, 198, 199, 200):
        assert everything(journal, after, limit_bytes) == payloads(after + 1, 200 - after)
    journal.close()


def test_ho10_reading_begins_at_marks_in_long_files(tmp_path: Path) -> None:
    journal = KernelJournal(tmp_path)
    journal.append(payloads(1, 400, size=1000))
    assert len(journal.segments[0].marks) > 4
    for after in (0, 63, 64, 65, 130, 399):
        assert everything(journal, after, 10_000) == payloads(after + 1, 400 - after, size=1000)
    journal.close()


def test_ho10_a_record_longer_than_asked_for_comes_whole(tmp_path: Path) -> None:
    journal = KernelJournal(tmp_path)
    records = [b"before", b"x" * 500_000, b"after"]
    journal.append(records)
    assert everything(journal, 0, 100) == records
    assert everything(journal, 1, 100) == records[1:]
    journal.close()


def test_ho10_another_process_goes_on_with_the_numbers(tmp_path: Path) -> None:
    journal = KernelJournal(tmp_path, segment_bytes=500)
    journal.append(payloads(1, 20))
    journal.append(payloads(21, 5))
    journal.close()
    again = KernelJournal(tmp_path, segment_bytes=500)
    assert again.last_number == 25
    again.append(payloads(26, 5))
    assert everything(again, 18, 100) == payloads(19, 12)
    again.close()


def test_ho14_records_outlive_the_host_without_being_synced_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    for name in ("fsync", "fdatasync", "sync"):
        monkeypatch.setattr(os, name, lambda *_: synced.append(1))
    journal = KernelJournal(tmp_path)
    for first in range(1, 100):
        journal.append(payloads(first, 1))

    # Not closed: as after SIGKILL.
    assert everything(KernelJournal(tmp_path), 0, 1 << 20) == payloads(1, 99)
    assert synced == []
    journal.close()


def test_ho12_a_torn_end_is_cut_off(tmp_path: Path, expect_log: ExpectLog) -> None:
    expect_log("cut 3 torn bytes", logger="carnet.kernelhost")
    journal = KernelJournal(tmp_path)
    journal.append(payloads(1, 3))
    journal.close()
    with open(journal.segments[0].path, "ab") as file:
        file.write(b"\0\0\0")
    again = KernelJournal(tmp_path)
    again.append(payloads(4, 1))
    assert everything(again, 0, 1000) == payloads(1, 4)
    again.close()


def test_ho13_old_files_go_when_they_are_read(tmp_path: Path) -> None:
    journal = KernelJournal(tmp_path, segment_bytes=500)
    for first in range(1, 60, 10):
        journal.append(payloads(first, 10))
    assert [segment.first for segment in journal.segments] == [1, 11, 21, 31, 41, 51]
    journal.drop_through(35)
    assert journal.first_number == 31
    assert len(list(tmp_path.iterdir())) == 3
    assert everything(journal, 40, 1000) == payloads(41, 20)
    assert journal.read(0, limit_bytes=100)[0] == payloads(31, 1)[0]
    journal.drop_through(1000)
    assert journal.first_number == 51
    journal.close()


def test_ho15_a_full_disk_keeps_records_in_memory_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    expect_log("cannot write .*No space left", logger="carnet.kernelhost")
    journal = KernelJournal(tmp_path)
    journal.append(payloads(1, 2))
    real = module._write_all

    def half_then_full(file: int, data: bytes) -> None:
        real(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_write_all", half_then_full)
    monkeypatch.setattr(module, "TRY_AGAIN_S", 0.0)
    journal.append(payloads(3, 2))
    journal.append(payloads(5, 1))
    assert journal.last_number == 5
    assert everything(journal, 0, 1000) == payloads(1, 5)
    monkeypatch.setattr(module, "_write_all", real)
    journal.append(payloads(6, 1))
    journal.close()
    again = KernelJournal(tmp_path)
    assert everything(again, 0, 1000) == payloads(1, 6)
    again.close()


def test_ho1_files_are_private(tmp_path: Path) -> None:
    journal = KernelJournal(tmp_path / "journal")
    journal.append(payloads(1, 1))
    journal.close()
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    assert journal.segments[0].path.stat().st_mode & 0o777 == 0o600


def test_ho15_a_disk_that_stays_full_costs_the_oldest_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    expect_log("cannot write", logger="carnet.kernelhost")
    journal = KernelJournal(tmp_path, unwritten_bytes=2_500)

    def full(file: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_write_all", full)
    said = [
        Record(number, 7, "iopub", "stream", "", b"{}", b"{}", b"{}", b"x" * 1000) for number in range(1, 5)
    ]
    journal.append([msgspec.msgpack.encode(record) for record in said])
    found = [msgspec.msgpack.decode(payload, type=Record) for payload in everything(journal, 0, 1000)]
    assert [record.number for record in found] == [1, 2, 3, 4]
    assert [record.msg_type for record in found] == ["journal-gap", "journal-gap", "stream", "stream"]
    # Each says how much is lost so far, so that the newest says the sum.
    assert b"1 messages of the kernel (1033 bytes)" in found[0].content
    assert b"2 messages of the kernel (2066 bytes)" in found[1].content
    assert b'"since_ms":7' in found[1].content
    # A gap is not given up again.
    journal.append([msgspec.msgpack.encode(said[3])])
    assert b"3 messages of the kernel (3099 bytes)" in everything(journal, 2, 1000)[0]
    journal.close()

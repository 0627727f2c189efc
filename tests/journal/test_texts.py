"""What is kept of text files (JN29)."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.database import database_path
from carnet.errors import JournalDamaged, JournalError
from carnet.ids import NotebookPath, Revision
from carnet.journal.store import JournalStore
from carnet.journal.texts import Beginning, Held, TextRecord, TextStore, Writing

PATH = NotebookPath("folder/a.txt")
R1, R2 = Revision("r1"), Revision("r2")


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[TextStore]:
    with JournalStore(tmp_path) as journal:
        store = TextStore(journal)
        yield store
        store.close()


def begun(texts: TextStore, path: NotebookPath = PATH, file_id: str = "file", now_ms: int = 1000) -> None:
    texts.begin(Beginning(file_id, path, "history", R1, b"one"), now_ms)


def test_jn29_updates_are_kept_with_what_the_file_holds_of_them(texts: TextStore) -> None:
    assert texts.record(PATH) is None
    begun(texts)
    texts.append("file", 2, b"two")
    texts.begin_writing("file", Writing("digest", 2))
    assert texts.record(PATH) == TextRecord(
        "file", PATH, "history", Held(R1, 1), Writing("digest", 2), [(1, b"one"), (2, b"two")]
    )
    assert texts.unsaved() == [PATH]

    texts.hold("file", Held(R2, 2))
    assert texts.unsaved() == []
    texts.append("file", 3, b"merged", Held(R2, 0, b"theirs"))

    record = texts.record(PATH)
    assert record is not None
    assert (record.held, record.writing) == (Held(R2, 0, b"theirs"), Writing())
    assert texts.unsaved() == [PATH]


def test_jn29_old_updates_are_put_together_and_numbers_stay(texts: TextStore) -> None:
    begun(texts)
    for number in range(2, 6):
        texts.append("file", number, b"%d" % number)

    texts.compact("file", b"together", 3)

    record = texts.record(PATH)
    assert record is not None
    assert record.updates == [(3, b"together"), (4, b"4"), (5, b"5")]


def test_jn29_a_new_history_takes_the_place_of_the_one_before(texts: TextStore) -> None:
    begun(texts)
    texts.append("file", 2, b"two")

    texts.begin(Beginning("file", PATH, "other", R2, b"new"), 2000)

    record = texts.record(PATH)
    assert record == TextRecord("file", PATH, "other", Held(R2, 1), Writing(), [(1, b"new")])
    assert texts.id_of(PATH) == "file"


def test_jn29_files_are_followed_renamed_and_forgotten(texts: TextStore) -> None:
    begun(texts)
    begun(texts, NotebookPath("folder2/b.txt"), "other")
    texts.rename(NotebookPath("folder"), NotebookPath("new"))
    assert texts.find("file") == "new/a.txt"
    assert texts.find("other") == "folder2/b.txt"
    texts.rename(NotebookPath("new/a.txt"), NotebookPath("folder2/b.txt"))
    assert texts.find("file") == "folder2/b.txt"
    assert texts.find("other") is None

    texts.forget(NotebookPath("folder2"))

    assert texts.find("file") is None
    with pytest.raises(JournalError, match="deleted"):
        texts.append("file", 2, b"late")


def test_jn29_what_nobody_uses_is_forgotten_unless_it_is_unsaved(texts: TextStore) -> None:
    begun(texts)
    begun(texts, NotebookPath("b.txt"), "unsaved")
    texts.append("unsaved", 2, b"two")
    begun(texts, NotebookPath("c.txt"), "used")
    texts.used("used", 5000)

    texts.forget_unused(2000)

    assert [texts.find(one) for one in ("file", "unsaved", "used")] == [None, "b.txt", "c.txt"]


def test_jn29_a_damaged_update_is_told(texts: TextStore, tmp_path: Path) -> None:
    begun(texts)
    connection = sqlite3.connect(database_path(tmp_path))
    connection.execute("UPDATE text_updates SET bytes = x'00'")
    connection.commit()
    connection.close()

    with pytest.raises(JournalDamaged, match=r"folder/a\.txt"):
        texts.record(PATH)

"""A text file's room: letters are kept before they are told, and the file has them within a second (CB24 to CB30)."""

import asyncio
import random
from dataclasses import replace

import pytest
from jupyter_ydoc import YFile
from pycrdt import Map

from carnet.collaboration import text_room
from carnet.collaboration import text_rooms as text_rooms_module
from carnet.collaboration.rooms import Rooms
from carnet.collaboration.text_file import TEXT_LIMIT_BYTES, NoText, text_file
from carnet.collaboration.text_room import TextRoom
from carnet.core.text.merge import BETWEEN, OURS, THEIRS
from carnet.errors import NotFound, PeerError, StorageFull
from carnet.ids import NotebookPath, Revision
from carnet.live.registry import Registry
from tests.collaboration.opening import rooms_of, until
from tests.collaboration.peers import Peer, settle
from tests.conftest import ExpectLog
from tests.live.conftest import World

NOTES = NotebookPath("notes.py")


def client(name: str = "ann", **more: bool) -> Peer:
    return Peer(name, file=YFile(), **more)


def text_of(peer: Peer) -> str:
    assert peer.file is not None
    return peer.file.get()


def typed(peer: Peer, text: str, at: int | None = None) -> None:
    """Put text in, at a character (None: at the end)."""
    assert peer.file is not None
    source = peer.file._ysource
    old = str(source)
    source.insert(len((old if at is None else old[:at]).encode()), text)


def erased(peer: Peer, start: int, end: int) -> None:
    assert peer.file is not None
    old = str(peer.file._ysource)
    del peer.file._ysource[len(old[:start].encode()) : len(old[:end].encode())]


async def opened(world: World, content: bytes | None = None) -> tuple[TextRoom, Rooms, Registry]:
    if content is not None:
        (world.notebooks / NOTES).write_bytes(content)
    registry = world.start()
    rooms = rooms_of(registry)
    room, _ = await rooms.texts.of_path(NOTES)
    return room, rooms, registry


def in_file(world: World) -> bytes:
    return (world.notebooks / NOTES).read_bytes()


async def test_cb24_two_clients_write_in_one_file(world: World) -> None:
    room, _, _ = await opened(world, "a = 1\nb = '😀'\n".encode())
    ann, bob = client("ann"), client("bob")
    await ann.come(room)
    await bob.come(room)
    await settle(ann, bob)
    assert text_of(ann) == "a = 1\nb = '😀'\n"

    typed(ann, "# é\n", at=0)
    typed(bob, "c = 3\n")
    await settle(ann, bob)

    want = "# é\na = 1\nb = '😀'\nc = 3\n"
    assert text_of(ann) == text_of(bob) == want
    await until(lambda: in_file(world).decode() == want)
    await until(lambda: not room.unsaved)
    await settle(ann, bob)
    assert ann.file is not None
    assert ann.file.path == NOTES
    assert ann.file.dirty is False


async def test_cb24_an_empty_file_and_one_that_is_emptied(world: World) -> None:
    room, _, _ = await opened(world, b"")
    ann, bob = client("ann"), client("bob")
    await ann.come(room)
    await bob.come(room)
    await settle(ann, bob)

    typed(ann, "1")
    typed(bob, "2")
    await settle(ann, bob)
    assert sorted(text_of(ann)) == ["1", "2"]
    erased(ann, 0, 2)
    await settle(ann, bob)
    assert text_of(bob) == ""
    await until(lambda: in_file(world) == b"" and not room.unsaved)
    typed(bob, "new")
    await settle(ann, bob)

    assert text_of(ann) == "new"
    await until(lambda: in_file(world) == b"new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfa\r\nb\r\n", b"\xef\xbb\xbfa\r\nb\r\nnew\r\n"),
        (b"a\rb\r", b"a\rb\rnew\r"),
        (b"a\r\nb\nc\r\n", b"a\r\nb\nc\r\nnew\r\n"),
        (b"a\nb\r\n\rc\n", b"a\nb\r\n\rc\nnew\n"),
    ],
)
async def test_cb25_lines_that_nobody_changed_keep_their_bytes(
    world: World, before: bytes, after: bytes
) -> None:
    room, _, _ = await opened(world, before)
    ann = client()
    await ann.come(room)
    await settle(ann)
    assert "\r" not in text_of(ann)
    assert "\N{ZERO WIDTH NO-BREAK SPACE}" not in text_of(ann)

    typed(ann, "new\r\n")  # as a program writes it, which knows no better
    await settle(ann)

    assert text_of(ann).endswith("new\n")
    await until(lambda: in_file(world) == after)


def test_cb25_any_text_of_any_line_ends_comes_back_as_it_was() -> None:
    chance = random.Random(7)
    for _ in range(300):
        raw = "".join(chance.choice(["a", "bb", "é", "\n", "\r\n", "\r"]) for _ in range(12))
        found = text_file(NOTES, raw.encode())
        assert found.bytes_of(found.text) == raw.encode()


async def test_cb25_what_is_no_text_is_refused(world: World) -> None:
    rooms = rooms_of(world.start())
    for content, why in [
        (b"\x89PNG\xff", "not UTF-8"),
        (b"a\0b", "NUL"),
        (b"x" * (TEXT_LIMIT_BYTES + 1), "too large"),
    ]:
        (world.notebooks / NOTES).write_bytes(content)
        with pytest.raises(NoText, match=why):
            await rooms.texts.of_path(NOTES)
    (world.notebooks / NOTES).unlink()
    with pytest.raises(NotFound):
        await rooms.texts.of_path(NOTES)


async def test_cb26_a_client_that_slept_over_a_restart_doubles_nothing(
    world: World, expect_log: ExpectLog
) -> None:
    room, _, registry = await opened(world, b"one\n")
    ann, bob = client("ann"), client("bob")
    await ann.come(room)
    await bob.come(room)
    await settle(ann, bob)
    typed(bob, "two\n")
    await settle(ann, bob)
    bob.go()
    typed(ann, "three\n")  # told to nobody but the room, and not in the file yet
    await settle(ann)
    typed(bob, "asleep\n")

    room.end(1013, "killed")
    await world.kill(registry)
    room, rooms, _ = await opened(world)

    assert (await rooms.texts.of_path(NOTES))[0].history == room.history
    await ann.come(room)
    await bob.come(room)
    await settle(ann, bob)
    assert text_of(ann) == text_of(bob)
    assert sorted(text_of(ann).split()) == ["asleep", "one", "three", "two"]
    await until(lambda: in_file(world).decode() == text_of(ann))


@pytest.mark.parametrize("content", [b"one\ntwo\n", b""])
async def test_cb26_a_document_of_another_history_is_sent_away(world: World, content: bytes) -> None:
    room, _, _ = await opened(world, content)
    stranger = client()
    typed(stranger, "one\ntwo\n")
    await stranger.come(room)
    await settle(stranger)

    assert stranger.ended is not None
    assert stranger.ended[0] == 1003
    ann = client()
    await ann.come(room)
    await settle(ann)
    assert text_of(ann) == content.decode()
    assert in_file(world) == content


async def test_cb26_one_whose_history_was_forgotten_is_sent_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, rooms, registry = await opened(world, b"")
    ann = client()
    await ann.come(room)
    await settle(ann)
    typed(ann, "one\n")
    erased(ann, 0, 4)
    typed(ann, "two\n")
    await settle(ann)
    await until(lambda: in_file(world) == b"two\n" and not room.unsaved)
    ann.go()
    await rooms.texts.stop()
    await world.stop(registry)
    monkeypatch.setattr(text_rooms_module, "FORGET_AFTER_S", -1)
    await asyncio.sleep(0)
    room, _, _ = await opened(world)

    await ann.come(room)
    await settle(ann)

    assert ann.ended is not None
    assert ann.ended[0] == 1003
    assert in_file(world) == b"two\n"


async def test_cb27_what_changed_in_the_file_is_merged_into_what_is_written(world: World) -> None:
    room, _, _ = await opened(world, b"one\ntwo\nthree\n")
    ann = client()
    await ann.come(room)
    await settle(ann)

    (world.notebooks / NOTES).write_text("ONE\ntwo\nthree\n")
    typed(ann, "four\n")
    await settle(ann)

    await until(lambda: in_file(world) == b"ONE\ntwo\nthree\nfour\n")
    await settle(ann)
    assert text_of(ann) == "ONE\ntwo\nthree\nfour\n"


async def test_cb27_both_versions_of_the_same_lines_stay(world: World) -> None:
    room, _, _ = await opened(world, b"one\ntwo\n")
    ann = client()
    await ann.come(room)
    await settle(ann)

    (world.notebooks / NOTES).write_text("theirs\ntwo\n")
    typed(ann, "ours ", at=0)
    await settle(ann)

    want = f"{OURS}ours one\n{BETWEEN}theirs\n{THEIRS}two\n"
    await until(lambda: in_file(world).decode() == want)
    await settle(ann)
    assert text_of(ann) == want


async def test_cb27_what_changed_while_the_server_was_away_is_merged(world: World) -> None:
    room, _, registry = await opened(world, b"one\ntwo\n")
    ann = client()
    await ann.come(room)
    await settle(ann)
    world.settings = replace(world.settings, autosave_delay_s=3600, watch_interval_s=0)
    typed(ann, "three\n")
    await settle(ann)
    room.end(1013, "killed")
    await world.kill(registry)
    (world.notebooks / NOTES).write_text("zero\none\ntwo\n")

    room, _, _ = await opened(world)

    await ann.come(room)
    await settle(ann)
    assert text_of(ann) == "zero\none\ntwo\nthree\n"
    assert await room.save()
    assert in_file(world).decode() == text_of(ann)


async def test_cb28_who_puts_back_what_we_wrote_last_is_somebody_else(world: World) -> None:
    room, _, _ = await opened(world, b"one\n")
    ann = client()
    await ann.come(room)
    await settle(ann)
    typed(ann, "two\n")
    await settle(ann)
    assert await room.save()
    ours = in_file(world)

    for content in (b"three\n", ours):
        (world.notebooks / NOTES).write_bytes(content)
        await room.look_outside()
        await settle(ann)
        assert text_of(ann) == content.decode()
    assert not room.unsaved
    assert in_file(world) == ours


async def test_cb28_a_save_whose_end_was_not_heard_is_no_change_of_somebody_else(
    world: World, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    expect_log("not saved: the answer was lost")
    room, _, registry = await opened(world, b"one\n")
    ann = client()
    await ann.come(room)
    await settle(ann)
    storage, real = registry.around.storage, registry.around.storage.save
    deaf = True

    def save(path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        revision = real(path, data, expected=expected)
        if deaf:
            raise StorageFull("the answer was lost")
        return revision

    monkeypatch.setattr(storage, "save", save)
    typed(ann, "two", at=0)
    await settle(ann)
    assert not await room.save()
    assert in_file(world) == b"twoone\n"
    typed(ann, "three", at=0)
    await settle(ann)

    # A server that was killed at that very moment.
    room.end(1013, "killed")
    await world.kill(registry)
    room, _, registry = await opened(world)
    await ann.come(room)
    await settle(ann)
    assert text_of(ann) == "threetwoone\n"
    await until(lambda: in_file(world) == b"threetwoone\n")

    # And one that lives on.
    storage, real = registry.around.storage, registry.around.storage.save
    monkeypatch.setattr(storage, "save", save)
    typed(ann, "4", at=0)
    await settle(ann)
    assert not await room.save()
    typed(ann, "5", at=0)
    await settle(ann)
    deaf = False
    assert await room.save()
    await settle(ann)
    assert in_file(world).decode() == text_of(ann) == "54threetwoone\n"


async def test_cb28_what_the_store_refuses_is_kept(world: World, expect_log: ExpectLog) -> None:
    room, rooms, registry = await opened(world, b"one\n")
    ann = client()
    await ann.come(room)
    await settle(ann)

    def full(*_: object, **__: object) -> Revision:
        raise StorageFull("no room on the disk")

    expect_log("no room on the disk")
    real = registry.around.storage.save
    registry.around.storage.save = full  # type: ignore[method-assign]
    typed(ann, "two\n")
    await settle(ann)
    await ann.come(room)
    ann.raw.clear()
    assert room.members
    member = next(iter(room.members))
    await room.receive(member, b"\x02\x04save\x07")
    await settle(ann)
    assert b'"failed"' in ann.raw[0]
    assert in_file(world) == b"one\n"
    await rooms.texts.stop()
    await world.stop(registry)

    registry = world.start()
    rooms = rooms_of(registry)
    await rooms.texts.recover()

    assert real is not full
    assert in_file(world) == b"one\ntwo\n"


async def test_cb28_a_file_that_is_gone_is_written_again_by_who_saves_it(
    world: World, expect_log: ExpectLog
) -> None:
    room, _, _ = await opened(world, b"one\n")
    ann = client()
    await ann.come(room)
    await settle(ann)
    expect_log("its file is gone")
    (world.notebooks / NOTES).unlink()
    await until(lambda: room.is_gone)

    typed(ann, "two\n")
    await settle(ann)
    assert not await room.save()
    assert not (world.notebooks / NOTES).exists()

    assert await room.save(make_again=True)
    assert in_file(world) == b"one\ntwo\n"


async def test_cb29_a_room_follows_its_file_and_ends_with_it(world: World) -> None:
    room, rooms, registry = await opened(world, b"one\n")
    ann = client()
    await ann.come(room)
    await settle(ann)
    new = NotebookPath("renamed.py")
    registry.around.storage.rename(NOTES, new)
    room._store.rename(NOTES, new)
    rooms.texts.renamed(NOTES, new)
    typed(ann, "two\n")
    await settle(ann)

    await until(lambda: (world.notebooks / new).read_bytes() == b"one\ntwo\n")
    await until(lambda: not room.unsaved)
    await settle(ann)
    assert ann.file is not None
    assert ann.file.path == new
    assert (await rooms.texts.of_path(new))[0] is room
    assert not (world.notebooks / NOTES).exists()

    rooms.texts.deleted(new)
    assert ann.ended is not None
    assert ann.ended[0] == 4404


async def test_cb29_a_room_without_clients_is_put_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settings = replace(world.settings, autosave_delay_s=3600)
    room, rooms, _ = await opened(world, b"one\n")
    ann = client()
    await ann.come(room)
    await settle(ann)
    typed(ann, "two\n")
    await settle(ann)
    monkeypatch.setattr(text_rooms_module, "LINGER_S", 0.0)
    ann.go()
    rooms.texts.left(room)

    await until(lambda: room.closed)
    assert in_file(world) == b"one\ntwo\n"
    again, is_new = await rooms.texts.of_path(NOTES)
    assert not is_new
    assert again is not room
    assert again.history == room.history


async def test_cb29_a_long_history_is_put_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_room, "COMPACT_UPDATES", 20)
    room, _, registry = await opened(world, b"")
    ann = client()
    await ann.come(room)
    await settle(ann)
    away = client("bob")
    await away.come(room)
    await settle(ann, away)
    away.go()
    typed(away, "away ")
    for number in range(60):
        typed(ann, f"{number} ")
        await settle(ann)
    await until(lambda: not room.unsaved)

    def kept() -> int:
        record = room._store.record(NOTES)
        return len(record.updates) if record is not None else 0

    await until(lambda: kept() < 25)
    room.end(1013, "killed")
    await world.kill(registry)
    room, _, _ = await opened(world)
    await ann.come(room)
    await away.come(room)
    await settle(ann, away)

    assert text_of(ann) == text_of(away)
    assert sorted(text_of(ann).split()) == sorted(["away", *map(str, range(60))])


async def test_cb30_a_reader_changes_nothing(world: World) -> None:
    room, _, _ = await opened(world, b"one\n")
    ann = client(may_edit=False)
    await ann.come(room)
    await settle(ann)
    assert text_of(ann) == "one\n"

    typed(ann, "two\n")
    await settle(ann)

    assert ann.ended is not None
    assert ann.ended[0] == 4403
    assert in_file(world) == b"one\n"


async def test_cb30_what_no_text_file_holds_is_refused(world: World) -> None:
    room, _, _ = await opened(world, b"one\n")
    for spoil in (
        lambda peer: peer.ydoc.get("cells", type=Map).update({"x": 1}),
        lambda peer: peer.file._ystate.update({"x": Map({"y": 1})}),
        lambda peer: typed(peer, "x" * (TEXT_LIMIT_BYTES + 1)),
    ):
        ann = client()
        await ann.come(room)
        await settle(ann)
        spoil(ann)
        with pytest.raises(PeerError):
            await settle(ann)
        ann.go()
    bob = client("bob")
    await bob.come(room)
    await settle(bob)
    typed(bob, "two\n")
    await settle(bob)

    await until(lambda: in_file(world) == b"one\ntwo\n")
    assert bob.ended is None


async def test_cb30_what_a_client_says_of_the_file_itself_is_put_right(world: World) -> None:
    room, _, _ = await opened(world, b"one\n")
    ann, bob = client(), client("bob")
    await ann.come(room)
    await bob.come(room)
    await settle(ann, bob)
    assert ann.file is not None
    assert bob.file is not None

    ann.file._ystate["path"] = "elsewhere.py"
    await settle(ann, bob)

    assert ann.file.path == bob.file.path == NOTES
    assert bob.presences == []

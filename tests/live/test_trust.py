"""Trust outlives the session: it is for content (SE16, SV11)."""

import shutil

from carnet.core.notebook.ipynb import encode
from carnet.core.notebook.model import Cell, DisplayData, Notebook
from carnet.core.session.intents import Edit, TrustNotebook
from carnet.core.session.operations import ClearOutputs
from carnet.ids import CellId, NotebookPath
from carnet.journal.store import JournalStore
from carnet.live.session import Session
from tests.live.conftest import PATH, Tab, World, _no_blobs, until


def with_scripts(world: World, name: str = "a.ipynb", text: str = "1") -> None:
    cell = Cell(CellId("c1"), "code", text, outputs=(DisplayData({"text/html": "<script>1</script>"}, {}),))
    (world.notebooks / name).write_bytes(encode(Notebook((cell,)), blobs=_no_blobs))


def foreign(session: Session) -> bool:
    return any(cell.foreign for cell in session.state.cells.values())


def trusted_files(world: World) -> int:
    with JournalStore(world.state) as journal, journal._reading() as connection:
        [count] = connection.execute(
            "SELECT count(*) FROM server_values WHERE key GLOB 'api.trust.*'"
        ).fetchone()
    return int(count)


async def test_se16_a_strangers_notebook_is_foreign_also_after_a_restart(world: World) -> None:
    with_scripts(world)
    first = world.start()
    session = await first.open(PATH)
    assert foreign(session)
    await Tab(session).insert("n", "2")
    await until(session, lambda: not session.saver.unsaved)
    await world.stop(first)

    assert foreign(await world.start().open(PATH))


async def test_sv11_what_a_person_trusts_is_trusted_under_any_name(world: World) -> None:
    with_scripts(world)
    with_scripts(world, "other.ipynb", text="another")
    first = world.start()
    await Tab(await first.open(PATH)).intend(TrustNotebook())
    await world.stop(first)
    shutil.copy(world.notebooks / "a.ipynb", world.notebooks / "copy.ipynb")

    again = world.start()
    assert not foreign(await again.open(NotebookPath("copy.ipynb")))
    assert foreign(await again.open(NotebookPath("other.ipynb")))


async def test_sv11_what_is_saved_without_foreign_outputs_is_trusted_and_only_the_newest(
    world: World,
) -> None:
    with_scripts(world)
    first = world.start()
    session = await first.open(PATH)
    tab = Tab(session)
    await tab.intend(Edit((ClearOutputs((CellId("c1"),)),)))
    for number in range(3):
        await tab.insert(f"n{number}", "2")
        await until(session, lambda: not session.saver.unsaved)
    await world.stop(first)

    assert trusted_files(world) == 1


async def test_se16_a_change_outside_is_foreign(world: World) -> None:
    with_scripts(world)
    first = world.start()
    session = await first.open(PATH)
    await Tab(session).intend(TrustNotebook())
    assert not foreign(session)

    with_scripts(world, text="2")
    cell = Cell(CellId("c1"), "code", "2", outputs=(DisplayData({"text/html": "<script>2</script>"}, {}),))
    (world.notebooks / "a.ipynb").write_bytes(encode(Notebook((cell,)), blobs=_no_blobs))
    await session.saver.look_outside()

    assert foreign(session)

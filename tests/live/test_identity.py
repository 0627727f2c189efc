"""Rules LV17 and LV18: docs/specs/live.md."""

from msgspec.structs import replace

from carnet.core.notebook.model import Cell, Notebook
from carnet.core.session.notebook_of import new_session
from carnet.core.session.state import SessionState
from carnet.errors import NotFound
from carnet.ids import CellId, JournalId, NotebookPath, Revision
from carnet.live.identity import is_another_notebook
from tests.live.conftest import PATH, Tab, World, until, write_notebook


def _notebook(*cells: tuple[str, str]) -> Notebook:
    return Notebook(
        cells=tuple(Cell(id=CellId(cell_id), kind="code", source=text) for cell_id, text in cells)
    )


def _state(*cells: tuple[str, str]) -> SessionState:
    return new_session(JournalId("j"), NotebookPath("a.ipynb"), _notebook(*cells), Revision("r"), at_ms=1)


def test_lv17_an_id_or_a_text_in_common_makes_it_the_same() -> None:
    state = _state(("a", "x = 1"), ("b", "y = 2"))
    assert not is_another_notebook(state, _notebook(("b", "changed")))
    assert not is_another_notebook(state, _notebook(("z", "x = 1")))
    assert is_another_notebook(state, _notebook(("z", "print()")))


def test_lv17_blank_cells_tell_nothing() -> None:
    assert is_another_notebook(_state(("a", "")), _notebook(("z", "")))
    assert not is_another_notebook(_state(("a", "")), _notebook())


def test_lv17_unsaved_work_is_never_set_aside() -> None:
    state = replace(_state(("a", "x")), changed_seq=5)
    assert not is_another_notebook(state, _notebook(("z", "other")))


async def test_lv17_a_new_notebook_under_an_old_name_has_no_past(world: World) -> None:
    write_notebook(world.notebooks, "old text")
    first = world.start()
    session = await first.open(PATH)
    await Tab(session).insert("n1", "more", after="c1")
    await until(session, lambda: not session.saver.unsaved)
    await world.stop(first)
    (world.notebooks / "a.ipynb").write_bytes(
        b'{"cells": [{"cell_type": "code", "id": "new", "metadata": {}, "outputs": [], "source": [],'
        b' "execution_count": null}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )

    again = await world.start().open(PATH)

    assert again.state.order == (CellId("new"),)
    assert again.state.journal_id != session.state.journal_id
    assert again.state.kernel.id is None


async def test_lv18_deleting_ends_the_session_and_its_kernel(world: World) -> None:
    write_notebook(world.notebooks, "one")
    registry = world.start()
    session = await registry.open(PATH)
    await Tab(session).run("c1")
    await until(session, lambda: any(fake.runs for fake in world.host.fakes.values()))

    registry.around.storage.delete(PATH)
    await registry.deleted(PATH)

    assert registry.sessions() == []
    assert world.host.fakes == {}
    assert not (world.notebooks / "a.ipynb").exists()
    write_notebook(world.notebooks, "another")
    assert (await registry.open(PATH)).state.journal_id != session.state.journal_id


async def test_lv18_a_folder_takes_its_notebooks_along(world: World) -> None:
    (world.notebooks / "sub").mkdir()
    write_notebook(world.notebooks / "sub", "one")
    registry = world.start()
    path = NotebookPath("sub/a.ipynb")
    await registry.open(path)

    registry.around.storage.delete(NotebookPath("sub"))
    await registry.deleted(NotebookPath("sub"))

    assert registry.sessions() == []
    try:
        await registry.open(path)
    except NotFound:
        return
    raise AssertionError("it is gone")


async def test_sv5_a_new_notebook_does_not_take_the_name_of_an_open_one_whose_file_is_gone(
    world: World,
) -> None:
    write_notebook(world.notebooks, "one", name="Untitled.ipynb")
    registry = world.start()
    await registry.open(NotebookPath("Untitled.ipynb"))
    (world.notebooks / "Untitled.ipynb").unlink()

    assert registry.around.storage.untitled_path() == "Untitled1.ipynb"


async def test_lv18_a_notebook_renamed_onto_the_name_of_a_gone_one_takes_it_over(world: World) -> None:
    write_notebook(world.notebooks, "gone", name="gone.ipynb")
    write_notebook(world.notebooks, "one")
    registry = world.start()
    gone = NotebookPath("gone.ipynb")
    await registry.open(gone)
    session = await registry.open(PATH)
    (world.notebooks / "gone.ipynb").unlink()

    registry.around.storage.rename(PATH, gone)
    await registry.renamed(PATH, gone)

    assert registry.sessions() == [session]
    assert session.state.path == gone
    assert await registry.open(gone) is session

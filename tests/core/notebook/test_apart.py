"""Large notebooks, cut into pieces: whatever is cut is what the whole says, and what cannot be cut is read whole."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from carnet.core.notebook.apart import PIECE_BYTES, items, take_apart
from carnet.core.notebook.ipynb import (
    LARGE_BYTES,
    cells_apart,
    decode,
    decode_apart,
    encode,
    encode_apart,
    from_json,
    parse,
)
from carnet.core.notebook.model import Notebook
from carnet.errors import InvalidNotebook
from carnet.ids import CellId

LARGE = "x" * 40_000


def new_ids() -> Iterator[CellId]:
    return (CellId(f"new{number}") for number in range(1_000_000))


def a_notebook(count: int = 60, **more: Any) -> dict[str, Any]:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"trusted": True},
            "source": ['a },{"cell_type": ]\n', f"  }},\n  {{\n{number}"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": [LARGE, '"cells": [{"id"\\']},
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"application/json": [{"id": 1}, {"id": 2}]},
                },
            ],
            "execution_count": number,
        }
        for number in range(count)
    ]
    return {"cells": cells, "metadata": {"a": [1, {"b": "]"}]}, "nbformat": 4, "nbformat_minor": 5, **more}


FORMS: dict[str, Callable[[dict[str, Any]], str]] = {
    "indented": lambda value: json.dumps(value, indent=1, sort_keys=True),
    "by four": lambda value: json.dumps(value, indent=4),
    "dense": lambda value: json.dumps(value, separators=(",", ":")),
    "as Python writes it": json.dumps,
    "cells last": lambda value: json.dumps(
        {**{k: v for k, v in value.items() if k != "cells"}, "cells": value["cells"]}
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_nb16_a_large_notebook_is_cut_where_cells_end(form: str) -> None:
    notebook = a_notebook()
    data = FORMS[form](notebook).encode()
    assert len(data) > LARGE_BYTES
    apart = take_apart(data)
    assert apart is not None
    assert len(apart.pieces) > 3
    assert max(piece.stop - piece.start for piece in apart.pieces) < PIECE_BYTES + 100_000
    assert [cell for piece in apart.pieces for cell in items(data, piece)] == notebook["cells"]
    assert {**apart.around, "cells": notebook["cells"]} == notebook
    assert decode(data, new_ids=new_ids()) == from_json(json.loads(data), new_ids=new_ids())


@pytest.mark.parametrize("form", FORMS)
def test_nb16_one_inside_an_object(form: str) -> None:
    data = FORMS[form]({"cells": 1, "type": "notebook", "content": a_notebook(), "format": "json"}).encode()
    seen: list[Any] = []
    found = cells_apart(data, new_ids=new_ids(), inside="content", look=seen.append)
    assert found is not None
    assert found.around == {"cells": 1, "type": "notebook", "format": "json"}
    assert replace(found.notebook, cells=tuple(found.cells)) == from_json(a_notebook(), new_ids=new_ids())
    assert len(seen) == 60


def test_nb16_ids_of_all_pieces_differ() -> None:
    notebook = a_notebook()
    for cell in notebook["cells"]:
        cell["id"] = "same"
    cells = decode(json.dumps(notebook).encode(), new_ids=new_ids()).cells
    assert len({cell.id for cell in cells}) == 60


def test_nb16_an_id_that_was_made_is_no_later_cells() -> None:
    notebook = a_notebook()
    for cell in notebook["cells"][:-1]:
        cell["id"] = "same"
    notebook["cells"][-1]["id"] = "new3"
    cells = decode(json.dumps(notebook).encode(), new_ids=new_ids()).cells
    assert (cells[-1].id, len({cell.id for cell in cells})) == ("new3", 60)


@pytest.mark.parametrize("form", FORMS)
def test_nb16_what_is_read_apart_is_written_apart_as_the_whole_is(form: str) -> None:
    data = FORMS[form](a_notebook()).encode()
    for given in (data, bytearray(data)):
        apart = cells_apart(given, new_ids=new_ids())
        assert apart is not None
        pieces = encode_apart(apart.notebook, apart.cells)
        assert len(pieces) > 60
        assert b"".join(pieces) == encode(decode(data, new_ids=new_ids()))


def test_nb16_nothing_but_cells_is_written_apart() -> None:
    notebook = Notebook(metadata={"a": 1}, extra={"z": 2, "b": 3})
    assert b"".join(encode_apart(notebook, iter(()))) == encode(notebook)


CUT_WRONG = {
    "a list of objects with the cells' first key, in JSON of an output": [
        {"cell_type": LARGE} for _ in range(20)
    ],
    "cells in an output": {"cells": [{"cell_type": LARGE} for _ in range(20)]},
}


@pytest.mark.parametrize("what", CUT_WRONG)
def test_nb16_what_looks_like_an_end_and_is_none(what: str) -> None:
    notebook = a_notebook()
    notebook["cells"][0]["outputs"][1]["data"]["application/json"] = CUT_WRONG[what]
    notebook["metadata"]["cells"] = [{"cell_type": "x"}]
    data = json.dumps(notebook, separators=(",", ":")).encode()
    assert decode(data, new_ids=new_ids()) == from_json(json.loads(data), new_ids=new_ids())


@pytest.mark.parametrize(
    "around",
    ['{"metadata":{"cells":%s}}', '{"cells":[],"a":{"cells":%s}}', "[%s]", '{"cells":%s,"cells":[]}'],
)
def test_nb16_other_lists_are_not_taken_for_the_cells(around: str) -> None:
    text = around % json.dumps(a_notebook()["cells"], separators=(",", ":"))
    data = text.encode()
    assert decode_apart(data, new_ids=new_ids()) is None
    assert parse(data) == json.loads(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"execution_count":40', '"execution_count":"x"'),
        lambda text: text.replace('"id":"c30"', '"id":"c30",,'),
        lambda text: text.replace('"nbformat":4', '"nbformat":99'),
        lambda text: text.replace('"cell_type":"code","id":"c50"', '"id":"c50"'),
        lambda text: text.replace('"id":"c7"', '"id":"c7","deep":' + "[" * 499 + "]" * 499),
    ],
)
def test_nb16_what_is_wrong_is_said_as_of_a_small_one(change: Any) -> None:
    data = change(json.dumps(a_notebook(), separators=(",", ":"))).encode()
    with pytest.raises(InvalidNotebook) as found:
        decode(data, new_ids=new_ids())
    with pytest.raises(InvalidNotebook) as expected:
        from_json(parse(data), new_ids=new_ids())
    assert str(found.value) == str(expected.value)


def test_nb16_nan_and_half_pairs_are_read_as_of_a_small_one() -> None:
    notebook = a_notebook()
    notebook["cells"][3]["metadata"]["x"] = float("nan")
    notebook["cells"][4]["source"] = "\ud800"
    data = json.dumps(notebook).encode()
    found = decode(data, new_ids=new_ids())
    assert (found.cells[4].source, str(found.cells[3].metadata["x"])) == ("\ufffd", "nan")
    assert encode(found)

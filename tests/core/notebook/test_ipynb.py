"""Rules NB1 to NB9 (docs/specs/notebook.md), against nbformat itself wherever it has an answer."""

import json
import math
from collections.abc import Iterator
from itertools import count
from typing import NoReturn, cast

import msgspec
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from carnet.core.notebook.ipynb import MAX_DEPTH, decode, encode, extract_large, is_json_type, is_text_type
from carnet.core.notebook.model import (
    BlobRef,
    Cell,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    JsonObject,
    Notebook,
    Output,
    Spill,
    Stream,
)
from carnet.errors import InvalidNotebook
from carnet.ids import CellId


def new_ids() -> Iterator[CellId]:
    return (CellId(f"new{n}") for n in count())


def loaded(data: bytes) -> Notebook:
    return decode(data, new_ids=new_ids())


def file_of(*cells: Json, **fields: Json) -> bytes:
    tree: JsonObject = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **fields}
    return json.dumps(tree).encode()


def code(*outputs: Json, **fields: Json) -> JsonObject:
    cell: JsonObject = {"cell_type": "code", "id": "c", "metadata": {}, "source": [], "execution_count": None}
    return {**cell, "outputs": list(outputs), **fields}


def nbformat_writes(tree: Json) -> bytes:
    """What nbformat puts into a file."""
    return cast(str, nbformat.v4.writes(nbformat.from_dict(tree))).encode() + b"\n"  # type: ignore[no-untyped-call]  # nbformat has no types


def nbformat_upgrades(data: bytes) -> JsonObject:
    """What nbformat makes of an old file, with our ids."""
    tree = cast(JsonObject, nbformat.convert(nbformat.reader.reads(data.decode()), 4))  # type: ignore[no-untyped-call]  # the same
    for number, cell in enumerate(cast(list[JsonObject], tree["cells"])):
        cell["id"] = f"new{number}"
    return tree


class Blobs(dict[str, bytes]):
    """Where blobs are in these tests: named by their number."""

    def new(self, data: bytes, media_type: str) -> BlobRef:
        name = f"blob{len(self)}"
        self[name] = data
        return BlobRef(name, len(data), media_type)

    def get_bytes(self, ref: BlobRef) -> bytes:
        return self[ref.sha256]


# --- NB1: what nbformat writes, we write


texts = st.lists(
    st.sampled_from(
        [
            "a",
            "x = 1",
            "\n",
            "\r\n",
            "\r",
            "\x0b",
            "\x0c",
            "\x1c",
            "\x85",
            "\u2028",
            "é😀",
            '"',
            "\\",
            "\x1b[0m",
            "\x00",
            "\x7f",
            "<&>/",
            "\t",
        ]
    ),
    max_size=6,
).map("".join)
#: An infinity is the one number that we write otherwise than nbformat.
numbers = st.integers() | st.floats(allow_infinity=False)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(texts, values, max_size=3)
bundles = st.fixed_dictionaries(
    {},
    optional={
        "text/plain": texts,
        "text/html": texts,
        "image/png": texts,
        "image/svg+xml": texts,
        "application/javascript": texts,
        "application/json": values,
        "application/vnd.x+json": values,
        "x": texts,
    },
)
counts = st.none() | st.integers(0, 99)
outputs = st.one_of(
    st.fixed_dictionaries({"output_type": st.just("stream"), "name": texts, "text": texts}),
    st.fixed_dictionaries({"output_type": st.just("display_data"), "data": bundles, "metadata": objects}),
    st.fixed_dictionaries(
        {
            "output_type": st.just("execute_result"),
            "data": bundles,
            "metadata": objects,
            "execution_count": counts,
        }
    ),
    st.fixed_dictionaries(
        {
            "output_type": st.just("error"),
            "ename": texts,
            "evalue": texts,
            "traceback": st.lists(texts, max_size=2),
        }
    ),
)
code_cells = st.fixed_dictionaries(
    {
        "cell_type": st.just("code"),
        "metadata": objects,
        "source": texts,
        "execution_count": counts,
        "outputs": st.lists(outputs, max_size=3),
    }
)
other_cells = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["markdown", "raw"]), "metadata": objects, "source": texts},
    optional={"attachments": st.dictionaries(texts, bundles, max_size=2)},
)
trees = st.builds(
    lambda cells, metadata, minor: {
        "nbformat": 4,
        "nbformat_minor": minor,
        "metadata": metadata,
        "cells": [{**cell, "id": f"id-{n}"} for n, cell in enumerate(cells)],
    },
    st.lists(code_cells | other_cells, max_size=3),
    objects,
    st.sampled_from([5, 6]),
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@given(trees)
def test_nb1_loaded_and_saved_is_byte_for_byte_what_nbformat_wrote(tree: JsonObject) -> None:
    written = nbformat_writes(tree)

    assert encode(loaded(written)) == written
    assert encode(loaded(written), large_length=1) == written


def test_nb1_what_looks_like_a_value_that_is_encoded_apart_is_not_taken_for_one() -> None:
    outputs = (
        Stream("stdout", text="\x000\x00"),
        DisplayData({"text/plain": "large\n", "image/png": "\x001\x00"}),
    )
    notebook = Notebook((Cell(CellId("c"), "code", source="\x000\x00", outputs=outputs),))

    assert encode(notebook, large_length=5) == encode(notebook)


def plain(notebook: Notebook) -> str:
    """As text, because NaN is not equal to itself."""
    return json.dumps(msgspec.to_builtins(notebook), sort_keys=True)


@pytest.mark.slow
@given(trees)
def test_nb1_loading_what_was_saved_gives_the_same_notebook(tree: JsonObject) -> None:
    notebook = loaded(json.dumps(tree).encode())

    assert plain(loaded(encode(notebook))) == plain(notebook)


def test_nb1_a_file_by_hand() -> None:
    notebook = Notebook(
        cells=(
            Cell(
                CellId("m"),
                "markdown",
                "# T\nx",
                attachments={"a.png": {"image/png": "AA==", "text/plain": "a\nb"}},
            ),
            Cell(CellId("c"), "code", "", {"k": 1}, (Stream("stdout", "1\n"),), 3),
        ),
        metadata={"z": 1, "a": {}},
    )

    assert (
        encode(notebook).decode()
        == """{
 "cells": [
  {
   "attachments": {
    "a.png": {
     "image/png": "AA==",
     "text/plain": [
      "a\\n",
      "b"
     ]
    }
   },
   "cell_type": "markdown",
   "id": "m",
   "metadata": {},
   "source": [
    "# T\\n",
    "x"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": 3,
   "id": "c",
   "metadata": {
    "k": 1
   },
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "1\\n"
     ]
    }
   ],
   "source": []
  }
 ],
 "metadata": {
  "a": {},
  "z": 1
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
"""
    )
    assert loaded(encode(notebook)) == notebook


def test_nb1_numbers_come_back_as_python_writes_them() -> None:
    data = file_of(metadata={"n": [10**30, 1e22, 1e-7, -0.0, 1.0]}).replace(
        b"1.0]", b"1.0, NaN, -Infinity, 1e400]"
    )

    written = encode(loaded(data))

    assert b"1000000000000000000000000000000,\n   1e+22,\n   1e-07,\n   -0.0,\n   1.0,\n   NaN," in written
    assert b"NaN,\n   -1e999,\n   1e999\n" in written
    assert encode(loaded(written)) == written


def test_nb1_an_infinity_is_written_as_json_and_what_says_so_in_a_text_stays() -> None:
    data = file_of(
        code(source=['x = -Infinity  # "Infinity", \\"Infinity'], metadata={"Infinity": ["Infinity"]}),
        metadata={"n": [math.inf, -math.inf]},
    )
    assert b"-Infinity" in data

    written = encode(loaded(data))

    def no_json(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    tree = json.loads(written, parse_constant=no_json)
    assert tree["metadata"]["n"] == [math.inf, -math.inf]
    assert tree["cells"][0]["source"] == ['x = -Infinity  # "Infinity", \\"Infinity']
    assert tree["cells"][0]["metadata"] == {"Infinity": ["Infinity"]}
    assert encode(loaded(written)) == written


# --- NB2: text in lines


def test_nb2_lists_of_lines_are_joined_and_json_is_left_alone() -> None:
    data: JsonObject = {
        "text/plain": ["a\n", "b"],
        "image/png": ["AA", "=="],
        "image/svg+xml": [],
        "application/json": ["a", "b"],
        "application/x+json": ["a"],
        "text/x": ["a", 1],
        "text/y": {"k": 1},
    }
    bundle: JsonObject = {**data, "text/plain": "a\nb", "image/png": "AA==", "image/svg+xml": ""}
    shown: JsonObject = {"output_type": "display_data", "data": data, "metadata": {}}
    attached: JsonObject = {
        "cell_type": "raw",
        "id": "r",
        "attachments": {"f": {"text/plain": ["a", "b"]}, "g": 1},
    }

    notebook = loaded(file_of(code(shown, source=["a\n", "b"]), attached))

    assert notebook.cells == (
        Cell(CellId("c"), "code", "a\nb", outputs=(DisplayData(bundle),)),
        Cell(CellId("r"), "raw", attachments={"f": {"text/plain": "ab"}, "g": 1}),
    )
    assert json.loads(encode(notebook))["cells"][1]["attachments"] == {"f": {"text/plain": ["ab"]}, "g": 1}


# --- NB3: what is missing is filled in


def test_nb3_missing_fields_are_empty() -> None:
    outputs: list[Json] = [
        {"output_type": name} for name in ("stream", "display_data", "execute_result", "error")
    ]
    data = json.dumps(
        {"nbformat": 4, "cells": [{"cell_type": "code", "outputs": outputs}, {"cell_type": "raw"}]}
    )

    assert loaded(data.encode()) == Notebook(
        (
            Cell(
                CellId("new0"),
                "code",
                outputs=(Stream("stdout"), DisplayData(), ExecuteResult(), ErrorOutput()),
            ),
            Cell(CellId("new1"), "raw"),
        )
    )


# --- NB4: ids


def test_nb4_ids_are_repaired() -> None:
    ids: list[Json] = ["a", "a", "", None, 3, "b c", "x" * 65, "x" * 64, "new1", "é"]
    notebook = loaded(file_of(*(code(id=cell_id) for cell_id in ids)))

    assert [cell.id for cell in notebook.cells] == [
        *("a", "new0", "new2", "new3", "new4", "new5", "new6", "x" * 64, "new1", "new7"),
    ]


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4])
def test_nb4_older_minor_versions_get_ids(minor: int) -> None:
    notebook = loaded(file_of({"cell_type": "raw", "metadata": {}, "source": "x"}, nbformat_minor=minor))

    assert notebook == Notebook((Cell(CellId("new0"), "raw", "x"),))


def test_nb4_later_minor_versions_are_kept() -> None:
    assert json.loads(encode(loaded(file_of(nbformat_minor=7))))["nbformat_minor"] == 7


# --- NB5: unknown fields


def test_nb5_unknown_fields_survive_at_every_level() -> None:
    outputs: list[Json] = [
        {"output_type": "stream", "name": "stdout", "text": [], "x": 1},
        {"output_type": "display_data", "data": {}, "metadata": {}, "x": [2]},
        {"output_type": "execute_result", "data": {}, "metadata": {}, "execution_count": 1, "x": 3},
        {"output_type": "error", "ename": "", "evalue": "", "traceback": ["t"], "x": 4},
        {"output_type": "hologram", "rays": ["a", "b"], "data": {"text/plain": ["a"]}},
    ]
    tree: JsonObject = {
        "nbformat": 4,
        "nbformat_minor": 6,
        "metadata": {"kernelspec": {"name": "x", "more": 1}},
        "cells": [
            code(*outputs, x=5),
            {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["a"], "outputs": [], "x": 6},
            {
                "cell_type": "sql",
                "id": "s",
                "metadata": {},
                "source": ["q"],
                "outputs": [{"y": 1}],
                "engine": {},
            },
        ],
        "x": {"y": 7},
    }
    notebook = loaded(json.dumps(tree).encode())

    assert json.loads(encode(notebook)) == tree
    assert notebook.cells[2].kind == "raw"
    assert notebook.extra == {"x": {"y": 7}}


def test_nb5_transient_metadata_is_neither_read_nor_written() -> None:
    notebook = loaded(
        file_of(
            code(metadata={"trusted": True, "k": 1}), metadata={"signature": "s", "orig_nbformat": 3, "k": 1}
        )
    )

    assert notebook.metadata == {"k": 1}
    assert notebook.cells[0].metadata == {"k": 1}
    trusting = replace(
        notebook,
        metadata={"orig_nbformat_minor": 1},
        cells=(replace(notebook.cells[0], metadata={"trusted": 1}),),
    )
    assert json.loads(encode(trusting))["metadata"] == {}
    assert json.loads(encode(trusting))["cells"][0]["metadata"] == {}


def test_nb5_what_lives_with_the_kernel_is_not_written() -> None:
    cell = Cell(CellId("c"), "code", outputs=(DisplayData(display_id="d"), Stream("stdout", "x", column=0)))

    assert json.loads(encode(Notebook((cell,))))["cells"][0]["outputs"] == [
        {"output_type": "display_data", "data": {}, "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": ["x"]},
    ]


# --- NB6: nbformat 2 and 3


def old_file(major: int, *cells: Json, **fields: Json) -> bytes:
    tree: JsonObject = {
        "nbformat": major,
        "metadata": {"name": "n"},
        "worksheets": [{"cells": list(cells)}],
        **fields,
    }
    return json.dumps(tree).encode()


OLD_CELLS: list[Json] = [
    {
        "cell_type": "code",
        "collapsed": True,
        "input": ["a = 1\n", "a"],
        "language": "python",
        "metadata": {"k": 1},
        "prompt_number": 4,
        "outputs": [
            {"output_type": "stream", "stream": "stderr", "text": ["x\n", "y"]},
            {"output_type": "stream", "text": "x"},
            {
                "output_type": "pyout",
                "prompt_number": 4,
                "text": ["1\n", "2"],
                "html": "<b>",
                "png": "AA==",
                "json": ['{"a":\n', " 1}"],
                "metadata": {"png": {"width": 3}},
            },
            {
                "output_type": "display_data",
                "svg": ["<svg>\n"],
                "latex": "$x$",
                "javascript": "1",
                "jpeg": "AA==",
            },
            {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]},
        ],
    },
    {"cell_type": "code", "input": "", "outputs": [], "language": "python"},
    {"cell_type": "heading", "level": 3, "source": ["one\n", "two"], "metadata": {}},
    {"cell_type": "heading", "source": "one"},
    {"cell_type": "markdown", "source": ["no ends", "here"]},
    {"cell_type": "html", "source": "<i>"},
    {"cell_type": "raw", "source": "r"},
]


@pytest.mark.parametrize("major", [2, 3])
def test_nb6_old_files_are_upgraded_as_nbformat_does(major: int) -> None:
    data = old_file(major, *OLD_CELLS, nbformat_minor=0)
    if major == 2:
        data = data.replace(b'\\n"', b'"')  # its lines have no ends

    assert encode(loaded(data)) == nbformat_writes(nbformat_upgrades(data))


def test_nb6_several_worksheets_become_one() -> None:
    sheets: list[Json] = [{"cells": [{"cell_type": "raw", "source": name}]} for name in ("a", "b")]
    notebook = loaded(old_file(3, worksheets=[*sheets, {}], author="x", orig_nbformat=2))

    assert [cell.source for cell in notebook.cells] == ["a", "b"]
    assert notebook.extra == {"author": "x"}


def test_nb6_odd_old_values() -> None:
    outputs: list[Json] = [{"output_type": "display_data", "json": "{not json", "metadata": 1}]
    with pytest.raises(
        InvalidNotebook, match=r"^cells\[0\].outputs\[0\]: `metadata` must be an object, not a number$"
    ):
        loaded(old_file(3, {"cell_type": "code", "outputs": outputs}))

    outputs = [{"output_type": "pyout", "json": "{not json", "prompt_number": "*"}]
    cells: list[Json] = [
        {"cell_type": "code", "outputs": outputs, "prompt_number": "", "input": []},
        {"cell_type": "heading", "level": "two", "source": "x"},
    ]
    assert loaded(old_file(3, *cells)).cells == (
        Cell(CellId("new0"), "code", outputs=(ExecuteResult({"application/json": "{not json"}),)),
        Cell(CellId("new1"), "markdown", "# x"),
    )


# --- NB7: what is refused


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b" \n ", "the file is empty (3 bytes of white space)"),
        (
            b"\0" * 4096,
            "the file holds nothing but 4096 zero bytes, as a crash can leave it: restore an earlier version",
        ),
        (b'{\n "cells": [,]}', "not JSON: line 2, column 12 (Expecting value)"),
        (b'{"nbformat": 4', "not JSON: line 1, column 15 (Expecting ',' delimiter)"),
        (b"\xef\xbb\xbf", "not JSON: line 1, column 1 (Expecting value)"),
        (b"[" + b"9" * 5000 + b"]", "not JSON we can read: Exceeds the limit"),
        ("{}".encode("utf-16"), "the file is UTF-16, and notebooks are UTF-8: save it as UTF-8"),
        (b'{\n"a": "\xe9"}', "not UTF-8: line 2, byte 8 of the file"),
        (
            b'{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> other\n}',
            "the file holds git conflict markers (line 2): resolve the conflict, then open it again",
        ),
        (b"[]", "a notebook must be an object, not a list"),
        (b"1", "a notebook must be an object, not a number"),
        (b"{}", "missing `nbformat`: this is JSON, but not a notebook"),
        (b'{"nbformat": "4"}', '`nbformat` must be a whole number, not "4"'),
        (b'{"nbformat": true}', "`nbformat` must be a whole number, not true"),
        (b'{"nbformat": 4, "nbformat_minor": -1}', "`nbformat_minor` must be a whole number, not -1"),
        (
            b'{"nbformat": 5}',
            "nbformat 5 is newer than this version of Carnet reads (up to 4): update Carnet",
        ),
        (b'{"nbformat": 1}', "nbformat 1 is too old: open and save it once with IPython 0.12 or later"),
        (b'{"nbformat": 4}', "missing `cells`"),
        (b'{"nbformat": 4, "cells": {}}', "`cells` must be a list, not an object"),
        (b'{"nbformat": 4, "cells": [], "metadata": null}', "`metadata` must be an object, not null"),
        (b'{"nbformat": 3, "worksheets": 1.5}', "`worksheets` must be a list, not a number"),
        (b'{"nbformat": 3, "worksheets": [true]}', "worksheets[0] must be an object, not a boolean"),
        (
            b'{"nbformat": 3, "worksheets": [{"cells": 1}]}',
            "worksheets[0]: `cells` must be a list, not a number",
        ),
        (old_file(3, 1), "cells[0]: a cell must be an object, not a number"),
        (
            old_file(3, {"cell_type": "code", "outputs": 1}),
            "cells[0]: `outputs` must be a list, not a number",
        ),
        (
            old_file(3, {"cell_type": "code", "outputs": [1]}),
            "cells[0].outputs[0]: an output must be an object, not a number",
        ),
        (
            old_file(3, {"cell_type": "code", "outputs": [{}]}),
            "cells[0].outputs[0]: missing `output_type`",
        ),
        (
            old_file(3, {"cell_type": "code", "collapsed": True, "metadata": 1}),
            "worksheets[0].cells[0]: `metadata` must be an object, not a number",
        ),
        (
            old_file(3, {"cell_type": "heading", "source": 1}),
            "worksheets[0].cells[0]: `source` must be a string or a list of strings",
        ),
        (file_of("x"), "cells[0]: a cell must be an object, not a string"),
        (file_of({}), "cells[0]: missing `cell_type`"),
        (file_of({"cell_type": 1}), "cells[0]: `cell_type` must be a string, not a number"),
        (file_of(code(), code(source=1)), "cells[1]: `source` must be a string or a list of strings"),
        (file_of(code(source=["a", 1])), "cells[0]: `source` must be a string or a list of strings"),
        (file_of(code(metadata=[])), "cells[0]: `metadata` must be an object, not a list"),
        (file_of(code(attachments=1)), "cells[0]: `attachments` must be an object, not a number"),
        (
            file_of(code(execution_count="1")),
            'cells[0]: `execution_count` must be a whole number or null, not "1"',
        ),
        (file_of(code(outputs={})), "cells[0]: `outputs` must be a list, not an object"),
        (file_of(code({}, source="x")), "cells[0].outputs[0]: missing `output_type`"),
        (
            file_of(code({"output_type": "stream"}, {"output_type": "stream", "name": 1})),
            "cells[0].outputs[1]: `name` must be a string, not a number",
        ),
        (
            file_of(code({"output_type": "error", "traceback": ["a", None]})),
            "cells[0].outputs[0]: a line of `traceback` must be a string, not null",
        ),
        (
            file_of(code({"output_type": "display_data", "data": []})),
            "cells[0].outputs[0]: `data` must be an object, not a list",
        ),
    ],
    ids=str,
)
def test_nb7_what_is_refused_says_what_and_where(data: bytes, says: str) -> None:
    with pytest.raises(InvalidNotebook) as caught:
        loaded(data)
    assert str(caught.value).startswith(says)


def nested(depth: int) -> bytes:
    """A notebook of exactly this many levels."""
    return (
        b'{"nbformat": 4, "cells": [], "metadata": {"x": ' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}}"
    )


def test_nb7_depth_is_limited() -> None:
    assert loaded(encode(loaded(nested(MAX_DEPTH)))) == loaded(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(
            InvalidNotebook, match=r"^lists and objects are nested more than 500 levels deep$"
        ):
            loaded(nested(depth))
    with pytest.raises(InvalidNotebook, match=r"^lists and objects are nested more than 500 levels deep$"):
        loaded(b"[NaN," * 100_000)


def test_nb7_half_surrogate_pairs_become_replacement_characters() -> None:
    source = rb'"\ud83d \\ud83d \\\ude00 \ud83d\ude00 \uD83D\n \ude00\ud83d"'
    data = file_of(code()).replace(b'"source": []', b'"source": ' + source)

    assert loaded(data).cells[0].source == "\ufffd \\ud83d \\\ufffd 😀 \ufffd\n \ufffd\ufffd"


def test_nb7_half_surrogate_pairs_from_a_kernel_do_not_stop_a_save() -> None:
    cell = Cell(CellId("c"), "raw", "a\ud83db")

    assert loaded(encode(Notebook((cell,)))).cells[0].source == "a\ufffdb"
    # NaN takes the slow way.
    assert loaded(encode(Notebook((cell,), metadata={"n": float("nan")}))).cells[0].source == "a\ufffdb"


def test_nb7_a_byte_order_mark_is_no_harm() -> None:
    assert loaded(b"\xef\xbb\xbf" + file_of()) == Notebook()


# --- NB8: blobs out


def test_nb8_blobs_are_written_into_the_file() -> None:
    blobs = Blobs()
    refs = {
        media_type: blobs.new(data, media_type)
        for media_type, data in {
            "text/plain": "a\né".encode(),
            "image/png": b"\x00\xff",
            "application/x+json": b'{"a": [1]}',
            "image/svg+xml": b"<svg/>",
        }.items()
    }
    refs["image/jpeg"] = replace(blobs.new(b"\x00", "image/jpeg"), newline=True)
    spills = tuple(Spill(blobs.new(text, "text/plain"), 1) for text in (b"2\n", "3é\n".encode()))
    outputs: tuple[Output, ...] = (
        DisplayData({"text/html": "<b>"}, blobs=refs),
        ExecuteResult(blobs={"image/png": refs["image/png"]}, execution_count=1),
        Stream("stdout", text="4", head="1\n", spilled=spills),
    )

    notebook = Notebook((Cell(CellId("c"), "code", outputs=outputs),))
    written = json.loads(encode(notebook, blobs=blobs.get_bytes))
    assert encode(notebook, blobs=blobs.get_bytes, large_length=1) == encode(notebook, blobs=blobs.get_bytes)

    shown, result, stream = written["cells"][0]["outputs"]
    assert shown["data"] == {
        "text/html": ["<b>"],
        "text/plain": ["a\n", "é"],
        "image/png": "AP8=",
        "image/jpeg": "AA==\n",
        "image/svg+xml": ["<svg/>"],
        "application/x+json": {"a": [1]},
    }
    assert result["data"] == {"image/png": "AP8="}
    assert stream["text"] == ["1\n", "2\n", "3é\n", "4"]


def test_nb8_a_blob_is_asked_for_by_name() -> None:
    cell = Cell(
        CellId("c"), "code", outputs=(DisplayData(blobs={"image/png": BlobRef("ab12", 1, "image/png")}),)
    )

    with pytest.raises(
        LookupError, match=r"^blob ab12 is needed to write this notebook, and no blobs were given$"
    ):
        encode(Notebook((cell,)))


def test_nb8_types() -> None:
    json_types = ["application/json", "application/x+json", "application/vnd.vegalite.v6.json"]
    assert [is_json_type(name) for name in (*json_types, "model/x+json", "text/json")] == [
        *(True, True, True, False, False),
    ]
    text_types = [
        "text/html",
        "image/svg+xml",
        "application/javascript",
        "application/mathml+xml",
        "image/png",
    ]
    assert [is_text_type(name) for name in text_types] == [True, True, True, True, False]


# --- NB9: large values into blobs


def extracted(output: Output, limit_bytes: int) -> tuple[Output, Blobs]:
    """The output after extraction, having checked that it is written the same as before."""
    blobs = Blobs()
    before = Notebook((Cell(CellId("a"), "raw"), Cell(CellId("c"), "code", outputs=(ErrorOutput(), output))))
    after = extract_large(before, limit_bytes=limit_bytes, new_blob=blobs.new)
    assert encode(after, blobs=blobs.get_bytes) == encode(before)
    return after.cells[1].outputs[1], blobs


def test_nb9_large_values_move_to_blobs() -> None:
    data: JsonObject = {
        "text/plain": "0123456789",
        "text/html": "0123456789é",
        "image/png": "AP8A" * 3,
        "image/jpeg": "AP8A" * 3 + "\n",
        "application/x+json": {"key": [1, 2.5, "é"]},
    }

    result, blobs = extracted(DisplayData(data, display_id="d"), limit_bytes=10)

    assert result == DisplayData(
        {"text/plain": "0123456789"},
        blobs={
            "text/html": BlobRef("blob0", 12, "text/html"),
            "image/png": BlobRef("blob1", 9, "image/png"),
            "image/jpeg": BlobRef("blob2", 9, "image/jpeg", newline=True),
            "application/x+json": BlobRef("blob3", 20, "application/x+json"),
        },
        display_id="d",
    )
    assert blobs["blob1"] == b"\x00\xff\x00" * 3
    assert json.loads(blobs["blob3"]) == data["application/x+json"]


@pytest.mark.parametrize(
    "data",
    [
        {"image/png": "AP8A\nAP8A\nAP8A\n"},  # broken into lines
        {"image/png": "AP8A AP8A AP8A"},
        {"image/png": "é" * 20},
        {"image/png": "A" * 21},
        {"application/x": "not base64 at all"},
        {"application/json": ["a", float("nan"), "b"]},
        {"text/html": {"not": "a string"}},
        {"application/json": {"a": 1}},
    ],
)
def test_nb9_what_would_not_come_back_the_same_stays(data: JsonObject) -> None:
    output = ExecuteResult(data)
    result, blobs = extracted(output, limit_bytes=10)

    assert result is output
    assert blobs == {}


def test_nb9_nothing_large_gives_the_same_notebook() -> None:
    notebook = Notebook((Cell(CellId("c"), "code", outputs=(Stream("stdout", "x"),)),))

    assert extract_large(notebook, limit_bytes=1, new_blob=Blobs().new) is notebook


def test_nb9_a_long_stream_keeps_head_and_tail() -> None:
    result, blobs = extracted(Stream("stdout", "".join(f"line {n}\n" for n in range(10))), limit_bytes=40)

    assert result == Stream(
        "stdout",
        text="line 8\nline 9\n",
        head="line 0\n",
        spilled=(Spill(BlobRef("blob0", 49, "text/plain"), 7),),
    )
    assert blobs["blob0"].startswith(b"line 1\n")


def test_nb9_a_long_line_is_cut() -> None:
    result, _ = extracted(Stream("stdout", "x" * 100), limit_bytes=40)

    assert result == Stream(
        "stdout", "x" * 20, head="x" * 10, spilled=(Spill(BlobRef("blob0", 70, "text/plain"), 0),)
    )


def test_nb9_a_stream_that_spilled_keeps_its_head() -> None:
    blobs = Blobs()
    first = Spill(blobs.new(b"spilled before\n", "text/plain"), 1)
    stream = Stream("stdout", "a\nb\nc\n" * 5, head="head\n", spilled=(first,))
    before = Notebook((Cell(CellId("c"), "code", outputs=(stream,)),))

    after = extract_large(before, limit_bytes=20, new_blob=blobs.new)

    (result,) = after.cells[0].outputs
    assert result == replace(
        stream, text="c\na\nb\nc\n", spilled=(first, Spill(BlobRef("blob1", 22, "text/plain"), 11))
    )
    assert encode(after, blobs=blobs.get_bytes) == encode(before, blobs=blobs.get_bytes)


def test_nb9_a_line_that_is_being_written_over_stays_whole() -> None:
    bar = "x" * 50
    assert extracted(Stream("stdout", bar, column=3), limit_bytes=40)[0] == Stream("stdout", bar, column=3)

    result, _ = extracted(Stream("stdout", "a\n" * 10 + bar, column=3), limit_bytes=40)
    assert result == Stream(
        "stdout", bar, head="a\n" * 5, spilled=(Spill(BlobRef("blob0", 10, "text/plain"), 5),), column=3
    )


@pytest.mark.slow
@given(
    st.lists(st.sampled_from(["a", "\n", "é", "longer line\n", "x" * 30]), max_size=20).map("".join),
    st.integers(0, 60),
)
def test_nb9_a_stream_is_never_changed(text: str, limit_bytes: int) -> None:
    result, _ = extracted(Stream("stdout", text), limit_bytes)

    assert isinstance(result, Stream)
    assert len(result.head) + len(result.text) <= max(limit_bytes, 0) or result.text == text


def test_the_model_is_a_wire_value() -> None:
    """Snapshots and frames carry notebooks as they are."""
    notebook = loaded(
        file_of(code({"output_type": "error"}, {"output_type": "display_data", "data": {"x": [1]}}))
    )

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(notebook), type=Notebook) == notebook

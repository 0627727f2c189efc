"""S27: the code of a notebook as a script."""

import json

import pytest

from carnet.storage.script import is_our_script, notebook_script

HEAD = "Written by Carnet from n.ipynb. Changes made here are overwritten."


def test_code_stays_and_the_rest_becomes_comments() -> None:
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "\n", "text"]},
            {"cell_type": "code", "source": ["a = 1\n", "a"], "execution_count": 3},
            {"cell_type": "raw", "source": "raw"},
            {"cell_type": "code", "source": "b", "execution_count": None},
        ]
    }
    assert notebook_script(json.dumps(notebook).encode(), "n.ipynb") == (
        ".py",
        f"# {HEAD}\n\n# # Title\n#\n# text\n\n# In[3]:\n\na = 1\na\n\n# raw\n\n# In[ ]:\n\nb\n".encode(),
    )


@pytest.mark.parametrize(
    ("extension", "suffix", "comment"),
    [(".jl", ".jl", "#"), (".js", ".js", "//"), ("../x", ".py", "#"), (3, ".py", "#"), (".a/b", ".py", "#")],
)
def test_the_suffix_is_that_of_the_language(extension: object, suffix: str, comment: str) -> None:
    notebook = {"cells": [], "metadata": {"language_info": {"file_extension": extension}}}
    assert notebook_script(json.dumps(notebook).encode(), "n.ipynb") == (
        suffix,
        f"{comment} {HEAD}\n".encode(),
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b'{"cells": 1}', b'{"cells": [1]}', b'{"cells": [{"source": 1}]}', b"\xff"],
)
def test_what_is_not_a_notebook_has_no_script(data: bytes) -> None:
    assert notebook_script(data, "n.ipynb") is None


def test_our_scripts_are_known_by_their_first_line() -> None:
    assert is_our_script(f"# {HEAD}\nx".encode())
    assert not is_our_script(f"x = 1\n# {HEAD}\n".encode())
    assert not is_our_script(b"")

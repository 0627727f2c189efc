"""The configuration file that shows everything and sets nothing (S15)."""

import re
from pathlib import Path

from carnet.config.app import read_files
from carnet.config.generate import KERNELS, SERVER, Row, Section, config_file
from carnet.config.settings import NAMES, default_of


def test_s15_as_it_is_it_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ipython_notebook_config.py"
    path.write_text(config_file([SERVER, *KERNELS]))

    found = read_files([path])

    assert (found.values, dict(found.other)) == ({}, {})


def test_s15_every_setting_is_there_and_its_line_gives_the_default(tmp_path: Path) -> None:
    path = tmp_path / "ipython_notebook_config.py"
    path.write_text(re.sub(r"^# (c\.NotebookApp)", r"\1", config_file([SERVER]), flags=re.MULTILINE))

    found = read_files([path])

    assert found.values == {name: default_of(name) for name in NAMES}


def test_a_setting_has_help_and_default() -> None:
    text = config_file([Section("A", "What it is.", [Row("b", "Long " * 40, "x")])])

    assert "# A\n" in text
    assert "# What it is.\n" in text
    assert "## Long Long" in text
    assert "#  Default: 'x'\n# c.A.b = 'x'\n" in text
    assert max(len(line) for line in text.splitlines()) <= 110

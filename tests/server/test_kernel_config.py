"""What Python kernels are given of our configuration (S16); that they take it: tests/original."""

import json
from pathlib import Path

from carnet.config.load import Loaded, load
from carnet.server.kernel_config import FILE, kernel_arguments
from tests.server.serving import clean_environment


def loaded(folder: Path, text: str, *arguments: str) -> Loaded:
    path = folder / "a_config.py"
    path.write_text(text)
    return load([f"--config={path}", *arguments], clean_environment(folder), folder)


def test_s16_settings_go_into_a_private_file(tmp_path: Path) -> None:
    arguments = kernel_arguments(loaded(tmp_path, "c.IPKernelApp.pylab = 'inline'\n"), tmp_path)

    assert arguments == (f"--config={tmp_path / FILE}",)
    assert json.loads((tmp_path / FILE).read_text()) == {"IPKernelApp": {"pylab": "inline"}}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_s22_the_profile_goes_along(tmp_path: Path) -> None:
    (tmp_path / "ipython" / "profile_x").mkdir(parents=True)
    (tmp_path / "here").mkdir()

    assert kernel_arguments(loaded(tmp_path, "", "--profile=x"), tmp_path) == ("--profile=x",)
    there = kernel_arguments(loaded(tmp_path, "", f"--profile-dir={tmp_path / 'here'}"), tmp_path)
    assert there == (f"--profile-dir={tmp_path / 'here'}",)


def test_what_is_not_set_any_more_is_gone(tmp_path: Path) -> None:
    kernel_arguments(loaded(tmp_path, "c.IPKernelApp.pylab = 'inline'\n"), tmp_path)

    assert kernel_arguments(loaded(tmp_path, ""), tmp_path) == ()
    assert not (tmp_path / FILE).exists()

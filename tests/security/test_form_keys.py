"""The key of form tokens, kept (AC8)."""

from pathlib import Path

from carnet import database
from carnet.security.form_keys import form_key


def test_ac8_a_key_is_made_once_for_a_state_folder(tmp_path: Path) -> None:
    one, other = database.connect(tmp_path / "one"), database.connect(tmp_path / "other")
    made = form_key(one)
    one.close()
    again = database.connect(tmp_path / "one")

    assert len(made) == 32
    assert form_key(again) == made != form_key(other)
    again.close()
    other.close()

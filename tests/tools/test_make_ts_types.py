"""The page's types are those of the wire."""

from pathlib import Path

import pytest

from tools import make_ts_types


def test_the_committed_file_is_up_to_date() -> None:
    assert make_ts_types.TARGET.read_text(encoding="utf-8") == make_ts_types.Writer().text()


def test_check_says_when_it_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_ts_types, "TARGET", tmp_path / "core" / "wire.ts")

    assert make_ts_types.main(["--check"]) == 1
    assert "not up to date" in capsys.readouterr().out

    assert make_ts_types.main([]) == 0
    assert make_ts_types.main(["--check"]) == 0

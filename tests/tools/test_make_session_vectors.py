"""The vectors for the page's reducer are those of this reducer, and say something."""

import json
from pathlib import Path

import pytest

from carnet.core.session.operations import Operation
from tools import make_session_vectors


def test_the_committed_file_is_up_to_date() -> None:
    assert make_session_vectors.TARGET.read_text(encoding="utf-8") == make_session_vectors.contents()


def test_every_operation_is_in_it_and_does_something() -> None:
    stories = json.loads(make_session_vectors.contents())["scenarios"]
    steps = [step for story in stories for step in story["steps"]]
    told = {
        operation["op"]
        for step in steps
        if len(step["after"]) > 1
        for operation in step["entry"].get("ops", ())
    }

    assert len(steps) > 300
    silent = {"show-page", "tell-comm", "comm-sent", "mark-send", "comm-handled"}
    assert told | silent == {operation.__struct_config__.tag for operation in Operation.__args__}


def test_check_says_when_it_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_session_vectors, "TARGET", tmp_path / "vectors" / "session.json")

    assert make_session_vectors.main(["--check"]) == 1
    assert "not up to date" in capsys.readouterr().out

    assert make_session_vectors.main([]) == 0
    assert make_session_vectors.main(["--check"]) == 0

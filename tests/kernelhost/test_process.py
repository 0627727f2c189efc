"""Facts about processes (HO40 to HO46)."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from carnet.kernelhost import process
from carnet.kernelhost.process import MARK_VARIABLE, MemoryLimits, ProcessMark


def test_ho62_a_mark_is_of_one_process_only() -> None:
    mark = process.mark_of(os.getpid())
    assert process.is_alive(mark)
    assert mark.started is not None
    assert not process.is_alive(ProcessMark(mark.pid, mark.started + 1))


def test_ho62_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = process.mark_of(child.pid)
    assert process.is_alive(mark)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.is_alive(mark)
    child.communicate()
    assert not process.is_alive(mark)


def test_ho42_memory_is_told_where_it_is_known() -> None:
    now, peak = process.resident_bytes(os.getpid()), process.peak_bytes(os.getpid())
    assert now is not None
    assert peak is not None
    assert 1 << 20 < now <= peak
    assert process.resident_bytes(2**22 + 1) is None
    assert process.peak_bytes(2**22 + 1) is None


def test_ho42_nobody_was_killed_for_memory_here() -> None:
    limits = MemoryLimits(os.getpid())
    assert not limits.killed_since()
    limit = limits.limit_bytes()
    assert limit is None or limit > 1 << 20


def test_ho45_what_left_the_group_is_found_by_its_mark() -> None:
    token = f"test{os.getpid()}"
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, MARK_VARIABLE: token},
        start_new_session=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    assert process.left_behind(token) == [child.pid]
    assert process.left_behind(token[:-1]) == []
    process.kill_left_behind(None, token)
    child.communicate()
    assert child.returncode == -signal.SIGKILL


def test_ho42_an_out_of_memory_kill_is_counted(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\noom 1\noom_kill 3\n", encoding="utf-8")
    (tmp_path / "memory.max").write_text("104857600\n", encoding="utf-8")
    limits = MemoryLimits(os.getpid(), groups=[(2, tmp_path)])
    assert not limits.killed_since()
    events.write_text("low 0\noom 2\noom_kill 4\n", encoding="utf-8")
    assert limits.killed_since()
    assert limits.limit_bytes() == 104_857_600
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert limits.limit_bytes() is None

"""The run queue on disk (HO21)."""

from pathlib import Path

from carnet.ids import BatchId, RunId
from carnet.kernelhost.queue import Run
from carnet.kernelhost.runlog import BatchFailed, Over, Reordered, RunLog, Sent, Submitted, restore


def a_run(run_id: str, batch_id: str = "b") -> Run:
    return Run(RunId(run_id), BatchId(batch_id), f"code of {run_id}", "cell")


def written(path: Path) -> RunLog:
    log = RunLog(path)
    log.write(*(Submitted(a_run(name)) for name in "1234"))
    log.write(Sent(RunId("1")))
    log.write(Over(RunId("1")))
    log.write(Sent(RunId("2")))
    log.write(Reordered([RunId("4"), RunId("3")]))
    log.write(BatchFailed(BatchId("x")))
    return log


def test_ho21_a_queue_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs.log"
    written(path).close()
    queue = restore(path)
    assert queue.running == a_run("2")
    assert queue.queued == [a_run("4"), a_run("3")]
    assert queue.known == {"1", "2", "3", "4"}
    assert queue.failed_batches == {"x"}


def test_ho21_a_file_written_anew_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "runs.log"
    log = written(path)
    before = path.stat().st_size
    log.rewrite(restore(path))
    assert path.stat().st_size < before
    log.write(Submitted(a_run("5")), Over(RunId("2")))
    log.close()
    queue = restore(path)
    assert queue.running is None
    assert queue.queued == [a_run("4"), a_run("3"), a_run("5")]
    assert queue.known == {"1", "2", "3", "4", "5"}


def test_ho21_a_torn_line_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.log"
    written(path).close()
    with open(path, "ab") as file:
        file.write(b"\0\0\0\x50torn")
    assert restore(path).running == a_run("2")


def test_ho21_no_file_is_an_empty_queue(tmp_path: Path) -> None:
    queue = restore(tmp_path / "runs.log")
    assert (queue.running, queue.queued, queue.known) == (None, [], set())


def test_ho1_the_file_is_private(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "runs.log")
    log.write(Submitted(a_run("1")))
    log.rewrite(restore(log.path))
    log.close()
    assert log.path.stat().st_mode & 0o777 == 0o600

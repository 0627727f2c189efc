"""The run queue, rule by rule (HO20 to HO27)."""

from carnet.ids import BatchId, RunId
from carnet.kernelhost.queue import AGAIN_LIMIT, Action, Drop, Finish, Run, RunQueue, Send


def a_run(run_id: str, batch_id: str = "b", *, stop_on_error: bool = True) -> Run:
    return Run(RunId(run_id), BatchId(batch_id), f"code of {run_id}", f"cell of {run_id}", stop_on_error)


def an_open_queue(*runs: Run) -> RunQueue:
    queue = RunQueue()
    queue.opened()
    for run in runs:
        queue.submit(run)
    return queue


def dropped(run_id: str, reason: str) -> Drop:
    return Drop(RunId(run_id), reason)  # type: ignore[arg-type]  # tests write the reason as it is


def finished(queue: RunQueue, run_id: str, status: str = "ok") -> list[Action]:
    return [*queue.replied(RunId(run_id), status), *queue.idle(RunId(run_id))]


def test_ho20_a_known_run_is_ignored_for_ever() -> None:
    queue = RunQueue()
    queue.opened()
    assert queue.submit(a_run("1")) == [Send(a_run("1"))]
    assert queue.submit(a_run("1")) == []
    assert finished(queue, "1") == [Finish(RunId("1"))]
    assert queue.submit(a_run("1")) == []


def test_ho22_nothing_is_sent_before_the_kernel_is_ready() -> None:
    queue = RunQueue()
    assert queue.submit(a_run("1")) == []
    assert queue.submit(a_run("2")) == []
    assert queue.opened() == [Send(a_run("1"))]
    assert queue.queued == [a_run("2")]


def test_ho22_the_next_run_waits_for_reply_and_idle() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    assert queue.replied(RunId("1"), "ok") == []
    assert queue.half_done
    assert queue.idle(RunId("1")) == [Finish(RunId("1")), Send(a_run("2"))]
    assert not queue.half_done


def test_ho22_idle_may_come_before_the_reply() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    assert queue.idle(RunId("1")) == []
    assert queue.half_done
    assert queue.replied(RunId("1"), "ok") == [Finish(RunId("1")), Send(a_run("2"))]


def test_ho22_what_others_ask_does_not_finish_a_run() -> None:
    queue = an_open_queue(a_run("1"))
    assert queue.idle(RunId("a completion")) == []
    assert queue.replied(RunId("another"), "error") == []
    assert queue.running == a_run("1")


def test_ho22_a_second_reply_or_idle_changes_nothing() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    queue.replied(RunId("1"), "ok")
    assert queue.replied(RunId("1"), "error") == []
    assert queue.idle(RunId("1")) == [Finish(RunId("1")), Send(a_run("2"))]
    assert queue.idle(RunId("1")) == []


def test_ho23_an_error_drops_the_rest_of_its_batch_and_no_other() -> None:
    queue = an_open_queue(a_run("1", "x"), a_run("2", "x"), a_run("3", "y"), a_run("4", "x"))
    assert queue.replied(RunId("1"), "error") == [dropped("2", "batch-failed"), dropped("4", "batch-failed")]
    assert queue.idle(RunId("1")) == [Finish(RunId("1")), Send(a_run("3", "y"))]


def test_ho23_a_run_that_comes_after_its_batch_failed_is_dropped() -> None:
    queue = an_open_queue(a_run("1", "x"))
    finished(queue, "1", "error")
    assert queue.submit(a_run("2", "x")) == [dropped("2", "batch-failed")]


def test_ho23_an_expected_error_drops_nothing() -> None:
    queue = an_open_queue(a_run("1", stop_on_error=False), a_run("2"))
    assert finished(queue, "1", "error") == [Finish(RunId("1")), Send(a_run("2"))]


def test_ho24_a_run_that_was_aborted_for_no_fault_of_its_batch_is_sent_again() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    assert finished(queue, "1", "aborted") == [Send(a_run("1"))]
    assert finished(queue, "1") == [Finish(RunId("1")), Send(a_run("2"))]


def test_ho24_in_the_end_an_abort_stands() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    for _ in range(AGAIN_LIMIT):
        assert finished(queue, "1", "aborted") == [Send(a_run("1"))]
    assert finished(queue, "1", "aborted") == [dropped("2", "batch-failed"), Finish(RunId("1"))]


def test_ho25_cancelled_runs_are_dropped_where_they_wait() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"), a_run("3"))
    assert queue.cancel([RunId("3"), RunId("1"), RunId("unknown")]) == [dropped("3", "cancelled")]
    assert queue.running == a_run("1")
    assert queue.queued == [a_run("2")]


def test_ho25_order_is_changed_for_those_that_wait() -> None:
    queue = an_open_queue(*(a_run(name) for name in "12345"))
    queue.reorder([RunId("5"), RunId("unknown"), RunId("3"), RunId("1")])
    assert [run.run_id for run in queue.queued] == ["5", "3", "2", "4"]


def test_ho26_an_interrupt_drops_all_that_wait() -> None:
    queue = an_open_queue(a_run("1"), a_run("2", "x"), a_run("3", "y"))
    assert queue.cancel_all() == [dropped("2", "cancelled"), dropped("3", "cancelled")]
    assert queue.running == a_run("1")


def test_ho27_a_kernel_that_is_past_a_run_ends_it() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    queue.replied(RunId("1"), "ok")
    assert queue.give_up() == [Finish(RunId("1"), ("idle",)), Send(a_run("2"))]
    queue.idle(RunId("2"))
    assert queue.give_up() == [Finish(RunId("2"), ("reply",))]
    assert queue.give_up() == []


def test_ho28_a_kernel_that_ended_runs_nothing() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    assert queue.closed("kernel-died") == [dropped("2", "kernel-died")]
    assert queue.running is None
    assert queue.submit(a_run("3")) == []
    assert queue.opened() == [Send(a_run("3"))]


def test_ho28_a_restart_drops_what_waits_and_keeps_what_comes_after() -> None:
    queue = an_open_queue(a_run("1"), a_run("2"))
    assert queue.closing("restarted") == [dropped("2", "restarted")]
    assert queue.submit(a_run("3")) == []
    assert finished(queue, "1") == [Finish(RunId("1"))]
    queue.ended()
    assert queue.opened() == [Send(a_run("3"))]


def test_ho24_busy_again_takes_back_the_idle_before() -> None:
    queue = an_open_queue(a_run("1"))
    queue.idle(RunId("1"))
    queue.busy(RunId("1"))
    assert queue.replied(RunId("1"), "ok") == []
    assert queue.idle(RunId("1")) == [Finish(RunId("1"))]

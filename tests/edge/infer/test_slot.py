import numpy as np
import pytest

from edge.backoff import Backoff
from edge.errors import BadDataError, UnavailableError
from edge.infer.backend import Choice, FinalFault
from edge.infer.slot import MEDIAN_OVER, RECENT, Deadline, Slot


class Idle:
    description = "idle"

    def infer(self, inputs: object) -> tuple[()]:
        return ()

    def close(self) -> None:
        pass


def slot(jitter: float = 1.0) -> Slot:
    backoff = Backoff(first_s=1.0, most_s=8.0, jitter=lambda: jitter)
    return Slot(Choice("tpu", Idle), backoff)


def test_each_failure_doubles_the_pause_up_to_the_most() -> None:
    subject, now, pauses = slot(), 100.0, []
    for _ in range(6):
        subject.open(Idle(), now)
        subject.fail(RuntimeError("no"), now)
        pause = next(p / 4 for p in range(1, 100) if subject.is_due(now + p / 4))
        pauses.append(pause)
        now += pause
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@pytest.mark.parametrize(("jitter", "pause"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_chance_shortens_a_pause_to_half_at_most(jitter: float, pause: float) -> None:
    subject = slot(jitter)
    subject.open(Idle(), 0.0)
    subject.fail(RuntimeError("no"), 0.0)
    assert not subject.is_due(pause - 0.01)
    assert subject.is_due(pause)


@pytest.mark.parametrize(("works_s", "again_s"), [(0.5, 2.0), (60.0, 1.0)])
def test_the_pause_starts_anew_only_after_steady_work(works_s: float, again_s: float) -> None:
    subject = slot()
    subject.open(Idle(), 0.0)
    subject.fail(RuntimeError("no"), 0.0)
    subject.open(Idle(), 1.0)
    subject.answer(1.0)
    subject.fail(RuntimeError("no"), 1.0 + works_s)
    assert not subject.is_due(1.0 + works_s + again_s - 0.01)
    assert subject.is_due(1.0 + works_s + again_s)


def test_a_fault_and_a_recovery_are_told_once() -> None:
    subject = slot()
    subject.open(Idle(), 0.0)
    assert subject.answer(1.0) == []
    (fault,) = subject.fail(UnavailableError("gone", "and away"), 0.0)
    assert (fault.type, fault.backend, fault.reason) == ("fault", "tpu", "gone; and away")
    assert subject.fail(RuntimeError("still gone"), 1.0) == []
    subject.open(Idle(), 2.0)
    (recovered,) = subject.answer(1.0)
    assert recovered.type == "recovered"
    assert recovered.reason == "answers again after: still gone"
    assert subject.answer(1.0) == []
    figures = subject.statistics()
    assert (figures.answered, figures.faults, figures.recoveries, figures.fault) == (3, 1, 1, "")


@pytest.mark.parametrize("error", [FinalFault("driver 13, runtime 14"), BadDataError("no model")])
def test_what_time_cannot_mend_is_not_tried_again(error: Exception) -> None:
    subject = slot()
    subject.open(Idle(), 0.0)
    subject.fail(error, 0.0)
    assert not subject.is_due(1e9)


def test_one_that_is_busy_is_left_alone() -> None:
    subject = slot()
    assert not subject.is_due(1e9)  # it is being opened for the first time
    subject.open(Idle(), 0.0)
    assert not subject.is_due(1e9)  # it works
    subject.fail(RuntimeError("no"), 0.0)
    subject.busy = True
    assert not subject.is_due(1e9)


def test_the_deadline_follows_the_median_of_the_latest_answers() -> None:
    subject, deadline = slot(), Deadline(usual_ms=250.0, times=20.0, first_ms=10_000.0)
    subject.open(Idle(), 0.0)
    assert subject.limit_s(deadline, alone=False) == 10.0
    subject.answer(5.0)
    assert subject.limit_s(deadline, alone=False) == 0.25
    assert subject.limit_s(deadline, alone=True) == 10.0
    for _ in range(MEDIAN_OVER):
        subject.answer(600.0)
    assert subject.limit_s(deadline, alone=False) == 12.0
    assert subject.limit_s(deadline, alone=True) == 12.0
    subject.fail(RuntimeError("no"), 0.0)
    subject.open(Idle(), 1.0)
    assert subject.limit_s(deadline, alone=False) == 12.0


def test_percentiles_are_those_of_the_latest_answers() -> None:
    subject = slot()
    subject.open(Idle(), 0.0)
    assert subject.statistics().p50_ms is None
    for ms in range(RECENT + 500):
        subject.answer(float(ms))
    figures = subject.statistics()
    kept = np.arange(500, RECENT + 500)
    wanted = [float(v) for v in np.percentile(kept, (50, 95, 99))]
    assert [figures.p50_ms, figures.p95_ms, figures.p99_ms] == wanted
    assert figures.answered == RECENT + 500

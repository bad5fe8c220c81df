import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from engine_bench import (
    DEATHS,
    PATIENCE_S,
    SHAPES,
    Bench,
    frame,
    raising,
    until,
    value_of,
)

from edge.errors import BadDataError, UnavailableError
from edge.infer.backend import FinalFault
from edge.infer.engine import Engine


@pytest.mark.parametrize("death", DEATHS)
def test_no_frame_is_lost_when_the_best_dies(death: str, bench: Bench) -> None:
    """200 frames, the device dies at the 50th: in order, each once, by the one that says so."""
    engine = bench.engine(shapes=SHAPES)
    bench.tpu.orders = [bench.tpu.right] * 50 + [DEATHS[death]]
    answers, waiting = [], engine.submit(frame(0))
    for value in range(1, 201):
        following = engine.submit(frame(value)) if value < 200 else None
        answers.append(waiting.result(PATIENCE_S))
        waiting = following or waiting
    backends = [answer.backend for answer in answers]
    assert backends == ["tpu"] * 50 + ["cpu"] * 150
    factor = {"tpu": 2.0, "cpu": 3.0}
    assert [value_of(a) for a in answers] == [v * factor[b] for v, b in enumerate(backends)]
    assert bench.tpu.seen == list(range(51))
    assert bench.cpu.seen == list(range(50, 200))
    changes = [(k, c.type, c.backend) for k, a in enumerate(answers) for c in a.changes]
    assert changes == [(50, "fault", "tpu")]


@pytest.mark.parametrize("death", DEATHS)
def test_the_best_answers_again_after_the_pause(death: str, bench: Bench) -> None:
    engine = bench.engine(shapes=SHAPES)
    bench.tpu.orders = [DEATHS[death]]
    assert bench.answer(engine, 1).backend == "cpu"
    until(lambda: bench.tpu.closes == 1)
    bench.clock.advance(0.99)
    bench.housekeeping()
    assert bench.tpu.opens == 1
    bench.clock.advance(0.01)
    recovered = bench.until_answered_by(engine, "tpu")
    assert [(c.type, c.backend) for c in recovered.changes] == [("recovered", "tpu")]
    assert value_of(recovered) == 14.0
    assert bench.answer(engine, 1).changes == ()
    figures = engine.statistics().backends[0]
    assert (figures.faults, figures.recoveries, figures.fault) == (1, 1, "")


def test_a_device_that_dies_while_idle_is_noticed_by_the_next_frame(bench: Bench) -> None:
    engine = bench.engine()
    assert bench.answer(engine, 1).backend == "tpu"
    bench.tpu.always = raising(OSError("unplugged"))
    answer = bench.answer(engine, 2)
    assert (answer.backend, value_of(answer)) == ("cpu", 6.0)
    assert answer.changes[0].reason == "unplugged"


def test_a_hang_past_the_deadline_is_left_behind(bench: Bench) -> None:
    engine = bench.engine()
    assert bench.answer(engine, 1).backend == "tpu"
    gate = bench.gate(bench.tpu)
    bench.tpu.orders = [gate]
    futures = [engine.submit(frame(v)) for v in (2, 3)]
    gate.entered.wait(PATIENCE_S)
    bench.clock.advance(0.2)
    bench.housekeeping()
    assert not futures[0].done()
    bench.clock.advance(0.1)
    answers = [future.result(PATIENCE_S) for future in futures]
    assert [(a.backend, value_of(a)) for a in answers] == [("cpu", 6.0), ("cpu", 9.0)]
    assert answers[0].changes[0].reason == "no answer within 250 ms"


def test_a_hung_device_is_not_opened_again_before_its_call_returned(bench: Bench) -> None:
    engine = bench.engine()
    bench.answer(engine, 1)
    gate = bench.gate(bench.tpu)
    bench.tpu.orders = [gate]
    future = engine.submit(frame(2))
    gate.entered.wait(PATIENCE_S)
    bench.clock.advance(1.0)
    assert future.result(PATIENCE_S).backend == "cpu"
    bench.clock.advance(1000.0)
    bench.housekeeping()
    assert (bench.tpu.opens, bench.tpu.closes) == (1, 0)
    gate.open.set()
    late = bench.until_answered_by(engine, "tpu")
    assert (bench.tpu.opens, bench.tpu.closes) == (2, 1)
    assert value_of(future.result()) == 6.0  # what the hung call returned was thrown away
    assert late.changes[0].type == "recovered"


def test_the_first_answer_may_take_longer(bench: Bench) -> None:
    engine = bench.engine()
    gate = bench.gate(bench.tpu)
    bench.tpu.orders = [gate]
    future = engine.submit(frame(1))
    gate.entered.wait(PATIENCE_S)
    bench.clock.advance(9.9)
    bench.housekeeping()
    assert not future.done()
    gate.open.set()
    assert future.result(PATIENCE_S).backend == "tpu"


def test_the_last_choice_is_waited_for_longer(bench: Bench) -> None:
    engine = bench.engine(bench.cpu)
    bench.answer(engine, 1)
    gate = bench.gate(bench.cpu)
    bench.cpu.orders = [gate]
    future = engine.submit(frame(2))
    gate.entered.wait(PATIENCE_S)
    bench.clock.advance(9.9)
    bench.housekeeping()
    assert not future.done()
    bench.clock.advance(0.2)
    with pytest.raises(UnavailableError, match="cpu: no answer within 10000 ms"):
        future.result(PATIENCE_S)


def test_a_choice_that_cannot_open_is_a_fault_of_the_first_answer(bench: Bench) -> None:
    bench.tpu.open_error = OSError("libedgetpu.so.1: cannot open")
    engine = bench.engine()
    answer = bench.answer(engine, 1)
    assert answer.backend == "cpu"
    assert [(c.type, c.reason) for c in answer.changes] == [
        ("fault", "libedgetpu.so.1: cannot open")
    ]
    bench.tpu.open_error = None
    bench.clock.advance(1.0)
    assert bench.until_answered_by(engine, "tpu").changes[0].type == "recovered"


def test_an_opening_that_hangs_holds_nobody_up(bench: Bench) -> None:
    bench.tpu.open_gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        starting: Future[Engine] = pool.submit(bench.engine)
        until(lambda: bench.tpu.opens == 1)
        bench.clock.advance(10.0)
        engine = starting.result(PATIENCE_S)
    answer = bench.answer(engine, 1)
    assert (answer.backend, answer.changes[0].reason) == ("cpu", "not open after 10000 ms")
    bench.tpu.open_gate.set()
    assert bench.until_answered_by(engine, "tpu").changes[0].type == "recovered"
    assert bench.tpu.opens == 1


def test_reopening_never_holds_a_frame_up(bench: Bench) -> None:
    engine = bench.engine()
    bench.tpu.orders = [DEATHS["error"]]
    bench.answer(engine, 1)
    bench.tpu.open_gate = threading.Event()
    bench.clock.advance(1.0)
    until(lambda: bench.tpu.opens == 2)
    assert [bench.answer(engine, v).backend for v in range(5)] == ["cpu"] * 5
    bench.tpu.open_gate.set()
    bench.until_answered_by(engine, "tpu")


def test_a_final_fault_is_not_tried_again(bench: Bench) -> None:
    engine = bench.engine()
    bench.tpu.orders = [raising(FinalFault("runtime and library disagree"))]
    assert bench.answer(engine, 1).backend == "cpu"
    until(lambda: bench.tpu.closes == 1)
    bench.clock.advance(1e6)
    bench.housekeeping()
    assert bench.tpu.opens == 1
    assert bench.answer(engine, 1).backend == "cpu"
    assert engine.statistics().backends[0].fault == "runtime and library disagree"


def test_a_device_that_opens_but_never_answers_is_one_fault(bench: Bench) -> None:
    engine = bench.engine()
    bench.tpu.always = DEATHS["error"]
    changes = list(bench.answer(engine, 1).changes)
    for opens in range(2, 6):
        bench.clock.advance(8.0)
        until(lambda n=opens: bench.tpu.opens == n)  # type: ignore[misc]
        calls = len(bench.tpu.seen)
        while len(bench.tpu.seen) == calls:
            changes += bench.answer(engine, 1).changes
    assert [change.type for change in changes] == ["fault"]


def test_when_none_is_left_every_fault_is_named_at_once(bench: Bench) -> None:
    engine = bench.engine()
    bench.tpu.orders, bench.cpu.orders = [DEATHS["exit"]], [raising(RuntimeError("no memory"))]
    with pytest.raises(UnavailableError) as raised:
        bench.answer(engine, 1)
    assert raised.value.faults == ("tpu: 3", "cpu: no memory")
    with pytest.raises(UnavailableError):
        bench.answer(engine, 2)
    bench.clock.advance(1.0)
    until(lambda: bench.tpu.opens == bench.cpu.opens == 2)
    until(lambda: engine.submit(frame(3)).exception(PATIENCE_S) is None)
    assert bench.answer(engine, 4).backend in ("tpu", "cpu")


def test_an_engine_that_opens_nothing_names_every_fault(bench: Bench) -> None:
    bench.tpu.open_error, bench.cpu.open_error = OSError("no stick"), BadDataError("x", "y")
    with pytest.raises(UnavailableError) as raised:
        bench.engine()
    assert raised.value.faults == ("tpu: no stick", "cpu: x; y")


def test_a_model_that_no_choice_can_open_is_bad_data(bench: Bench) -> None:
    bench.cpu.open_error = BadDataError("litert refuses the model: junk")
    with pytest.raises(BadDataError, match="cpu: litert refuses the model: junk"):
        bench.engine(bench.cpu)


def test_a_frame_that_does_not_fit_is_not_the_backends_fault(bench: Bench) -> None:
    engine = bench.engine()
    bench.tpu.orders = [raising(BadDataError("input 'x' has shape (3,)"))]
    with pytest.raises(BadDataError, match="has shape"):
        bench.answer(engine, 1)
    answer = bench.answer(engine, 2)
    assert (answer.backend, answer.changes, bench.cpu.seen) == ("tpu", (), [])


def test_a_device_that_says_it_died_is_given_up_without_a_frame(bench: Bench) -> None:
    bench.tpu.tells = True
    engine = bench.engine()
    assert bench.answer(engine, 1).backend == "tpu"
    (tell,) = bench.tpu.listeners
    tell(OSError("unplugged"))
    assert engine.statistics().backends[0].fault == "unplugged"
    until(lambda: bench.tpu.closes == 1)
    bench.clock.advance(1.0)
    until(lambda: bench.tpu.opens == 2)
    tell(OSError("the old one again"))  # what it still says is nobody's fault
    answer = bench.until_answered_by(engine, "tpu")
    assert bench.tpu.seen.count(1.0) == 1
    assert [c.type for c in answer.changes][-1] == "recovered"


def test_a_device_that_dies_as_it_answers_is_given_up_after_that(bench: Bench) -> None:
    bench.tpu.tells = True
    engine = bench.engine()
    bench.answer(engine, 1)
    gate = bench.gate(bench.tpu)
    bench.tpu.orders = [gate]
    future = engine.submit(frame(2))
    gate.entered.wait(PATIENCE_S)
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(bench.tpu.listeners[0], OSError("unplugged"))
        bench.housekeeping()
        assert engine.statistics().backends[0].faults == 0  # the call may still end well
        gate.open.set()
        assert future.result(PATIENCE_S).backend == "tpu"
        told.result(PATIENCE_S)
    assert engine.statistics().backends[0].fault == "unplugged"
    assert bench.answer(engine, 3).backend == "cpu"

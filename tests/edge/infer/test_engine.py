import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import bundle as bundles
from edge.errors import BadDataError, UnavailableError, UsageError
from edge.infer.backend import Backend, Choice, FinalFault, Reals
from edge.infer.cpu import open_cpu
from edge.infer.engine import Answer, Engine
from edge.infer.runtime import pick
from edge.infer.slot import Backoff
from edge.scene import Prepared

PATIENCE_S = 20.0  # real seconds until a test gives up
STEADY = Backoff(first_s=1.0, most_s=8.0, jitter=lambda: 1.0)


class Clock:
    """Seconds that pass only when told; counts how often it is read."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + PATIENCE_S
    never = threading.Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.001)


class Device:
    """A processor that obeys: what the engine opens is one of these.

    The answer to a frame with value v is v * factor, so that every answer tells who gave it.
    """

    def __init__(self, name: str, factor: float, clock: Clock) -> None:
        self.name, self.factor, self.clock = name, factor, clock
        self.orders: list[Callable[[float], Reals]] = []  # the next answers, in order
        self.always: Callable[[float], Reals] | None = None  # every answer
        self.open_error: BaseException | None = None
        self.open_gate: threading.Event | None = None
        self.cost_s = 0.0
        self.seen: list[float] = []
        self.opens = self.closes = 0

    def choice(self) -> Choice:
        return Choice(self.name, self.open)

    def open(self) -> Backend:
        self.opens += 1
        if self.open_gate:
            self.open_gate.wait()
        if self.open_error:
            raise self.open_error
        return Opened(self)

    def right(self, value: float) -> Reals:
        return (np.full((1, 3), value * self.factor, np.float32),)


class Opened:
    def __init__(self, device: Device) -> None:
        self.device = device

    @property
    def description(self) -> str:
        return f"fake {self.device.name}"

    def infer(self, inputs: Sequence[Any]) -> Reals:
        device, value = self.device, float(inputs[0][0])
        device.seen.append(value)
        device.clock.advance(device.cost_s)
        order = device.orders.pop(0) if device.orders else device.always or device.right
        return order(value)

    def close(self) -> None:
        self.device.closes += 1


class Gate:
    """An answer that does not come until the gate is opened."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, value: float) -> Reals:
        self.entered.set()
        self.open.wait()
        return self.device.right(value)


def raising(error: BaseException) -> Callable[[float], Reals]:
    def answer(value: float) -> Reals:
        raise error

    return answer


def frame(value: float, camera: str = "a") -> Prepared:
    return Prepared(camera, (np.array([value]),))


def value_of(answer: Answer) -> float:
    return float(answer.outputs[0][0, 0])


class Bench:
    """Two devices under one engine and one clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tpu = Device("tpu", 2.0, self.clock)
        self.cpu = Device("cpu", 3.0, self.clock)
        self.gates: list[Gate] = []
        self.engines: list[Engine] = []

    def engine(self, *devices: Device, **options: Any) -> Engine:
        options = {"backoff": STEADY, "poll_s": 0.002, "close_wait_s": 5.0, **options}
        choices = [device.choice() for device in devices or (self.tpu, self.cpu)]
        self.engines.append(Engine(choices, clock=self.clock, **options))
        return self.engines[-1]

    def gate(self, device: Device) -> Gate:
        self.gates.append(Gate(device))
        return self.gates[-1]

    def housekeeping(self) -> None:
        """Wait until the housekeeper has looked around a few times."""
        start = self.clock.reads
        until(lambda: self.clock.reads >= start + 10)

    def answer(self, engine: Engine, value: float) -> Answer:
        return engine.submit(frame(value)).result(PATIENCE_S)

    def until_answered_by(self, engine: Engine, name: str) -> Answer:
        answers: list[Answer] = []

        def answered() -> bool:
            answers.append(self.answer(engine, 7.0))
            return answers[-1].backend == name

        until(answered)
        return answers[-1]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for gate in bench.gates:
        gate.open.set()
    for engine in bench.engines:
        engine.close()


SHAPES = [(1, 3)]
DEATHS: dict[str, Callable[[float], Reals]] = {
    "error": raising(RuntimeError("invoke failed")),
    "exit": raising(SystemExit(3)),
    "interrupt": raising(KeyboardInterrupt()),
    "memory": raising(MemoryError()),
    "shape": lambda value: (np.zeros((1, 4), np.float32),),
    "count": lambda value: (np.zeros((1, 3), np.float32),) * 2,
    "nothing": lambda value: None,  # type: ignore[dict-item,return-value]
}


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


def test_a_camera_with_a_hundred_frames_does_not_starve_one_with_one(bench: Bench) -> None:
    engine = bench.engine(bench.cpu)
    gate = bench.gate(bench.cpu)
    bench.cpu.orders = [gate]
    first = engine.submit(frame(-1, "a"))
    gate.entered.wait(PATIENCE_S)
    many = [engine.submit(frame(v, "a")) for v in range(100)]
    one = engine.submit(frame(1000, "b"))
    two = [engine.submit(frame(v, "c")) for v in (2000, 2001)]
    gate.open.set()
    for future in [first, one, *two, *many]:
        future.result(PATIENCE_S)
    assert bench.cpu.seen == [-1, 0, 1000, 2000, 1, 2001, *range(2, 100)]


def test_cameras_on_threads_of_their_own_get_their_answers_in_order(bench: Bench) -> None:
    engine = bench.engine(bench.cpu)

    def film(camera: int) -> list[float]:
        futures = [engine.submit(frame(camera * 1000 + v, str(camera))) for v in range(50)]
        return [value_of(future.result(PATIENCE_S)) for future in futures]

    with ThreadPoolExecutor(4) as pool:
        for camera, answers in enumerate(pool.map(film, range(4))):
            assert answers == [3.0 * (camera * 1000 + v) for v in range(50)]
    for camera in range(4):
        seen = [v for v in bench.cpu.seen if v // 1000 == camera]
        assert seen == sorted(seen)
        assert len(seen) == 50


def test_a_cancelled_frame_is_not_answered(bench: Bench) -> None:
    engine = bench.engine(bench.cpu)
    gate = bench.gate(bench.cpu)
    bench.cpu.orders = [gate]
    futures = [engine.submit(frame(v)) for v in range(3)]
    gate.entered.wait(PATIENCE_S)
    assert futures[1].cancel()
    gate.open.set()
    assert value_of(futures[2].result(PATIENCE_S)) == 6.0
    assert bench.cpu.seen == [0.0, 2.0]


def test_closing_lets_the_frame_under_way_end_and_cancels_the_rest(bench: Bench) -> None:
    engine = bench.engine()
    gate = bench.gate(bench.tpu)
    bench.tpu.orders = [gate]
    futures = [engine.submit(frame(v)) for v in range(3)]
    gate.entered.wait(PATIENCE_S)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(engine.close)
        until(futures[2].cancelled)
        assert not futures[0].done()
        gate.open.set()
        closing.result(PATIENCE_S)
    assert futures[0].result(0).backend == "tpu"
    with pytest.raises(CancelledError):
        futures[1].result(0)
    assert (bench.tpu.closes, bench.cpu.closes) == (1, 1)
    with pytest.raises(UnavailableError, match="the engine is closed"):
        engine.submit(frame(1))
    engine.close()
    assert (bench.tpu.closes, bench.cpu.closes) == (1, 1)


def test_closing_does_not_wait_for_ever(bench: Bench) -> None:
    engine = bench.engine(close_wait_s=0.05)
    gate = bench.gate(bench.tpu)
    bench.tpu.orders = [gate]
    future = engine.submit(frame(1))
    gate.entered.wait(PATIENCE_S)
    engine.close()
    with pytest.raises(UnavailableError, match="tpu had no answer when the engine was closed"):
        future.result(0)
    assert (bench.tpu.closes, bench.cpu.closes) == (0, 1)
    gate.open.set()  # the call returns late: only now may its backend be freed
    until(lambda: bench.tpu.closes == 1)


def test_a_context_manager_closes(bench: Bench) -> None:
    with bench.engine() as engine:
        bench.answer(engine, 1)
    assert (bench.tpu.closes, bench.cpu.closes) == (1, 1)


@pytest.mark.parametrize("names", [[], ["cpu", "cpu"]])
def test_choices_need_different_names(names: list[str], bench: Bench) -> None:
    with pytest.raises(UsageError, match="choices of different names"):
        Engine([Choice(name, bench.cpu.open) for name in names])


def test_statistics_tell_who_did_what_and_how_fast(bench: Bench) -> None:
    engine = bench.engine()
    bench.tpu.cost_s, bench.cpu.cost_s = 0.005, 0.040
    bench.tpu.orders = [bench.tpu.right] * 6 + [DEATHS["error"]]
    answers = [bench.answer(engine, v) for v in range(10)]
    assert answers[0].infer_ms == pytest.approx(5.0)
    assert answers[-1].infer_ms == pytest.approx(40.0)
    figures = engine.statistics()
    tpu, cpu = figures.backends
    assert (figures.submitted, figures.answered) == (10, 10)
    assert (tpu.name, tpu.description, tpu.answered, tpu.faults) == ("tpu", "fake tpu", 6, 1)
    assert (cpu.name, cpu.answered, cpu.faults, cpu.recoveries) == ("cpu", 4, 0, 0)
    assert tpu.fault == "invoke failed"
    for mark in (tpu.p50_ms, tpu.p95_ms, tpu.p99_ms):
        assert mark == pytest.approx(5.0)
    assert cpu.p50_ms == pytest.approx(40.0)


def test_unknown_output_sizes_are_not_compared(bench: Bench) -> None:
    engine = bench.engine(shapes=[(1, -1)])
    bench.tpu.orders = [DEATHS["shape"]]
    assert bench.answer(engine, 1).backend == "tpu"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("ab")), max_size=40))
def test_whatever_fails_each_frame_is_answered_once_or_has_every_fault(
    script: list[tuple[bool, bool, str]],
) -> None:
    """Each row: whether the best and the other choice fail on that frame, and its camera."""
    bench = Bench()
    fails = {float(v): row for v, row in enumerate(script)}
    for place, device in enumerate((bench.tpu, bench.cpu)):

        def answer(value: float, place: int = place, device: Device = device) -> Reals:
            if fails[value][place]:
                raise RuntimeError(f"{device.name} fails on {value}")
            return device.right(value)

        device.always = answer
    with bench.engine() as engine:
        futures = [engine.submit(frame(v, row[2])) for v, row in enumerate(script)]
        for value, future in enumerate(futures):
            error = future.exception(PATIENCE_S)
            if error is None:
                answer_ = future.result()
                factor = {"tpu": 2.0, "cpu": 3.0}[answer_.backend]
                assert value_of(answer_) == value * factor
            else:
                assert isinstance(error, UnavailableError)
                assert [fault.split(":")[0] for fault in error.faults] == ["tpu", "cpu"]
        for device in (bench.tpu, bench.cpu):
            assert len(set(device.seen)) == len(device.seen)
        figures = engine.statistics()
    assert figures.submitted == len(script)
    assert figures.answered == sum(f.exception() is None for f in futures)


def test_the_real_cpu_takes_over_with_its_own_answers(bench: Bench, shared: Path) -> None:
    model = bundles.read_bare(shared / "data/mlperf-tiny/kws_ref_model.tflite")
    runtime = pick()
    alone = open_cpu(model, runtime)
    rng = np.random.default_rng(0)
    frames = [rng.normal(0, 30, (49, 10, 1)).astype(np.float32) for _ in range(20)]
    if model.inputs[0].kind == "image":
        frames = [rng.integers(0, 256, (49, 10, 1), dtype=np.uint8) for _ in range(20)]

    class Stick(Opened):
        calls = 0

        def infer(self, inputs: Sequence[Any]) -> Reals:
            Stick.calls += 1
            if Stick.calls > 10:
                raise RuntimeError("unplugged")
            return (np.zeros((1, 12), np.float32),)

    choices = [
        Choice("tpu", lambda: Stick(bench.tpu)),
        Choice("cpu", lambda: open_cpu(model, runtime)),
    ]
    with Engine(
        choices, clock=bench.clock, shapes=[spec.shape for spec in model.outputs]
    ) as engine:
        futures = [engine.submit(Prepared("a", (pixels,))) for pixels in frames]
        answers = [future.result(PATIENCE_S) for future in futures]
    assert [a.backend for a in answers] == ["tpu"] * 10 + ["cpu"] * 10
    for answer, pixels in zip(answers[10:], frames[10:], strict=True):
        assert np.array_equal(answer.outputs[0], alone.infer((pixels,))[0])

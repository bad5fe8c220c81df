from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_bench import (
    DEATHS,
    PATIENCE_S,
    Bench,
    Device,
    Opened,
    frame,
    until,
    value_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import bundle as bundles
from edge.errors import UnavailableError, UsageError
from edge.infer.backend import Choice, Reals
from edge.infer.cpu import open_cpu
from edge.infer.engine import Engine
from edge.infer.runtime import pick
from edge.scene import Prepared


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


@pytest.mark.parametrize(
    ("known", "backend"),
    [((1, -1), "tpu"), ((), "tpu"), ((-1, 4), "tpu"), ((-1, 3), "cpu"), ((1, -1, 4), "cpu")],
)
def test_only_the_sizes_that_are_known_are_compared(
    bench: Bench, known: tuple[int, ...], backend: str
) -> None:
    engine = bench.engine(shapes=[known])
    bench.tpu.orders = [DEATHS["shape"]]  # (1, 4)
    size = tuple(abs(side) for side in known)
    bench.cpu.always = lambda value: (np.zeros(size, np.float32),)
    assert bench.answer(engine, 1).backend == backend


def test_a_bare_model_of_open_output_size_is_answered(shared: Path) -> None:
    name = "data/suites/litert/tflite/testdata/dynamic_shapes.bin.tflite"
    model = bundles.read_bare(shared / name)
    # the third input is the start of a slice
    inputs = tuple(np.zeros(spec.shape, np.float32) for spec in model.inputs)
    runtime = pick()
    cpu = Choice("cpu", lambda: open_cpu(model, runtime))
    with Engine([cpu], shapes=[spec.shape for spec in model.outputs]) as engine:
        (output,) = engine.submit(Prepared("a", inputs)).result(PATIENCE_S).outputs
    assert (output.shape[0], output.shape[2]) == (8, 1024)


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

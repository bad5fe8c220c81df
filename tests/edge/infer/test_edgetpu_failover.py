"""No frame is lost, none comes twice, and each answer is right, whatever becomes of the stick."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgetpu_standin import Stick, standin_outputs
from engine_bench import PATIENCE_S, until
from machine_trees import add_usb_tpu
from numpy.typing import NDArray

from edge import tflite
from edge.bundle import Bundle
from edge.infer import border
from edge.infer.backend import Choice, Reals
from edge.infer.cpu import open_cpu
from edge.infer.edgetpu import Settings, open_edgetpu
from edge.infer.engine import Answer, Engine
from edge.infer.preflight import Machine
from edge.infer.runtime import Runtime
from edge.infer.slot import Backoff, Deadline
from edge.scene import Prepared

FRAMES = 200
QUICK = Backoff(first_s=0.05, most_s=0.2)
# Generous, because the machine may be busy: only a hang may pass it.
DEADLINE = Deadline(usual_ms=1500.0, times=20.0, first_ms=PATIENCE_S * 1e3)


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(11)
    return [rng.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(FRAMES)]


@pytest.fixture(scope="module")
def wanted(
    visitors: Bundle, runtime: Runtime, pictures: list[NDArray[np.uint8]]
) -> dict[str, list[Reals]]:
    """Return what either must answer to each picture; no picture has the same from both."""
    assert visitors.edgetpu_model is not None
    graph = tflite.read(visitors.edgetpu_model)
    enter, leave = border.enter(visitors.inputs[0]), border.leave(visitors.outputs[0])
    cpu = open_cpu(visitors, runtime)
    by_cpu = [cpu.infer([shown]) for shown in pictures]
    cpu.close()
    by_tpu = [(leave(standin_outputs(graph, [enter(shown)])[0]),) for shown in pictures]
    assert not any(map(np.array_equal, by_cpu, by_tpu))
    return {"cpu": by_cpu, "edgetpu": by_tpu}


Opener = Callable[..., Engine]


@pytest.fixture
def engine_on(
    visitors: Bundle, runtime: Runtime, library: Path, stick: Stick, machine_root: Path
) -> Iterator[Opener]:
    """Open engines with a stick and the CPU; both are freed at the end."""
    engines: list[Engine] = []

    def open_one(*devices: str, deadline: Deadline = DEADLINE) -> Engine:
        settings = Settings(str(library), deadline=deadline, machine=Machine(machine_root))
        tpus = [
            Choice(name, lambda at=at: open_edgetpu(visitors, runtime, at, settings))  # type: ignore[misc]
            for name, at in zip(devices or ("edgetpu",), devices or ("usb:0",), strict=True)
        ]
        cpu = Choice("cpu", lambda: open_cpu(visitors, runtime))
        shapes = [output.shape for output in visitors.outputs]
        engines.append(
            Engine([*tpus, cpu], deadline=deadline, backoff=QUICK, shapes=shapes, poll_s=0.01)
        )
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.close()


def feed(
    engine: Engine, pictures: list[NDArray[np.uint8]], before: Callable[[int], None]
) -> list[Answer]:
    """Hand over each picture once, two ahead as the camera loop does; the answers in order."""
    answers: list[Answer] = []
    waiting: list[Future[Answer]] = []
    for index, shown in enumerate(pictures):
        before(index)
        waiting.append(engine.submit(Prepared("camera", (shown,))))
        if len(waiting) == 2:
            answers.append(waiting.pop(0).result(PATIENCE_S))
    return answers + [future.result(PATIENCE_S) for future in waiting]


def nothing(index: int) -> None:
    """Let it go on."""


def check(answers: list[Answer], wanted: dict[str, list[Reals]], engine: Engine) -> Counter[str]:
    """See that each frame was answered once, in order and rightly; who answered how many."""
    assert len(answers) == FRAMES
    for index, answer in enumerate(answers):
        name = answer.backend.partition(":")[0].replace("usb", "edgetpu")
        (output,), (right,) = answer.outputs, wanted[name][index]
        assert np.array_equal(output, right), f"frame {index} by {answer.backend}"
    figures = engine.statistics()
    assert (figures.submitted, figures.answered) == (FRAMES, FRAMES)
    return Counter(answer.backend for answer in answers)


# what the stick does in its first start; the second start behaves
BUSY = {
    "abort": ("killed by SIGABRT", "after=30 then=abort"),
    "segfault": ("killed by SIGSEGV", "after=30 then=segfault"),
    "hang": ("no answer within", "after=30 then=hang"),
    "error": ("the stand-in fails as told", "after=30 then=error"),
    "exit": ("ended with status 3", "after=30 then=exit"),
    "unplug": ("killed by SIGABRT", "invoke_us=500"),
}


@pytest.mark.parametrize("death", BUSY)
def test_death_at_work_loses_no_frame_and_it_comes_back(
    death: str,
    engine_on: Opener,
    stick: Stick,
    pictures: list[NDArray[np.uint8]],
    wanted: dict[str, list[Reals]],
) -> None:
    says, plan = BUSY[death]
    stick.plan(plan, "")
    engine = engine_on()

    def before(index: int) -> None:
        if death == "unplug" and index == 30:
            stick.unplug()
        if index == 60:
            until(lambda: engine.statistics().backends[0].faults == 1)
        if death == "unplug" and index == 90:
            stick.plug()
        if index == 120:  # the second start is open, and its first answer proves it
            until(lambda: stick.starts >= 2 and engine.statistics().backends[0].description != "")
            until_open(engine)

    answers = feed(engine, pictures, before)
    counts = check(answers, wanted, engine)
    assert counts["cpu"] >= 1
    assert counts["edgetpu"] >= 60
    changes = [change for answer in answers for change in answer.changes]
    assert [(change.type, change.backend) for change in changes] == [
        ("fault", "edgetpu"), ("recovered", "edgetpu"),
    ]  # fmt: skip
    assert says in changes[0].reason
    figures = engine.statistics().backends[0]
    assert (figures.faults, figures.recoveries, figures.fault) == (1, 1, "")


def until_open(engine: Engine) -> None:
    """Wait until the engine has its first choice open again."""
    until(lambda: engine._slots[0].backend is not None)


@pytest.mark.parametrize("how", ["unplug", "kill"])
def test_death_while_idle_is_known_before_the_next_frame(
    how: str,
    engine_on: Opener,
    stick: Stick,
    pictures: list[NDArray[np.uint8]],
    wanted: dict[str, list[Reals]],
) -> None:
    engine = engine_on()

    def before(index: int) -> None:
        if index != 50:
            return
        until(lambda: engine.statistics().answered == 50)
        if how == "unplug":
            stick.unplug()
        else:
            os.kill(engine._slots[0].backend.pid, 9)  # type: ignore[union-attr]
        until(lambda: engine.statistics().backends[0].faults == 1)
        if how == "unplug":
            stick.plug()

    answers = feed(engine, pictures, before)
    check(answers, wanted, engine)
    kinds = [(k, c.type) for k, answer in enumerate(answers) for c in answer.changes]
    assert kinds[0] == (50, "fault")
    assert "SIGABRT" in answers[50].changes[0].reason or how == "kill"


STARTS = {
    "abort": ("create=abort", "killed by SIGABRT"),
    "segfault": ("create=segfault", "killed by SIGSEGV"),
    "hang": ("create=hang", "no answer within"),
    "error": ("create=fail", "finds no Edge TPU it can use"),
    "exit": ("create=exit", "ended with status 3"),
    "unplug": ("", "no Edge TPU it can use"),
}


@pytest.mark.parametrize("death", STARTS)
def test_death_while_starting_leaves_the_frames_to_the_cpu(
    death: str,
    engine_on: Opener,
    stick: Stick,
    pictures: list[NDArray[np.uint8]],
    wanted: dict[str, list[Reals]],
) -> None:
    plan, says = STARTS[death]
    stick.plan(plan, "")
    if death == "unplug":
        stick.unplug()
    limit_ms = 2000.0 if death == "hang" else PATIENCE_S * 1e3
    engine = engine_on(deadline=replace(DEADLINE, first_ms=limit_ms))

    def before(index: int) -> None:
        if index == 100:
            stick.plug()
            until_open(engine)

    answers = feed(engine, pictures, before)
    counts = check(answers, wanted, engine)
    assert answers[0].backend == "cpu" or death == "hang"
    assert counts["edgetpu"] >= 90
    changes = [change for answer in answers for change in answer.changes]
    assert [change.type for change in changes] == ["fault", "recovered"]
    assert says in changes[0].reason or "not open after" in changes[0].reason


def test_disagreement_is_not_tried_again(
    engine_on: Opener,
    stick: Stick,
    pictures: list[NDArray[np.uint8]],
    wanted: dict[str, list[Reals]],
) -> None:
    stick.plan("prepare=Internal:_Unsupported_data_type_in_custom_op_handler:_0")
    engine = engine_on()
    answers = feed(engine, pictures, nothing)
    assert check(answers, wanted, engine) == {"cpu": FRAMES}
    assert not engine._slots[0].is_due(float("inf"))
    assert stick.starts == 1
    assert "disagree" in engine.statistics().backends[0].fault


def test_the_second_stick_takes_over_from_the_first(
    engine_on: Opener,
    stick: Stick,
    machine_root: Path,
    pictures: list[NDArray[np.uint8]],
    wanted: dict[str, list[Reals]],
) -> None:
    add_usb_tpu(machine_root, "2-1", "1a6e:089a", bus=2, device=3)
    engine = engine_on("usb:0", "usb:1")
    assert sorted(stick.devices) == ["usb:0", "usb:1"]

    def before(index: int) -> None:
        if index in (50, 100):
            stick.unplug(f"usb:{index // 100}")
            until(lambda: engine.statistics().backends[index // 100].faults == 1)

    answers = feed(engine, pictures, before)
    counts = check(answers, wanted, engine)
    assert set(counts) == {"usb:0", "usb:1", "cpu"}
    assert counts["usb:1"] >= 40
    assert counts["cpu"] >= 95

"""What the child around an Edge TPU costs: `python benchmarks/edgetpu_loop.py`.

A stand-in library answers after a given time. Measured: the camera loop's rate over that of bare
invokes in this process, pair by pair; the time that the child adds to one answer; and what a
camera of five frames a second takes of the processor and of memory. Exits 1 when a gate is missed.
A bare invoke of the stand-in sleeps, so busy neighbours slow down the loop alone: on a machine that
is not quiet, run it as `chrt -r 5 python benchmarks/edgetpu_loop.py`.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from loop_rate import FRAME_PX, PICTURES, SHARED, Memory
from numpy.typing import NDArray
from standin import MOBILENET, VWW, Standin, paired

from edge.bundle import Bundle
from edge.config import EngineConfig
from edge.infer import border
from edge.infer.choices import open_engine
from edge.infer.edgetpu import EdgeTpuBackend
from edge.infer.runtime import PACKAGES, Runtime, pick
from edge.infer.slot import Deadline
from edge.loop import Loop
from edge.scene import Frame

PAIRS = 7
SECONDS = 1.5  # each half of a pair takes about this long
RATES = ((5000, 0.90), (2500, 0.85))  # us of an invoke, least share of the bare rate
SIDES_PX = (96, 224, 320)
ANSWERS = 1000
FPS = 5.0
Pictures = list[NDArray[np.uint8]]


def in_process(standin: Standin, model: Bundle, runtime: Runtime) -> Any:
    """Return an interpreter of the compiled model on the stand-in, in this very process."""
    module = __import__(PACKAGES[runtime.name].module, fromlist=["load_delegate"])
    delegate = module.load_delegate(str(standin.library), {"device": "usb:0"})
    interpreter = module.Interpreter(
        model_content=model.edgetpu_model, experimental_delegates=[delegate], num_threads=1
    )
    interpreter.allocate_tensors()
    return interpreter


def engine_config(standin: Standin) -> EngineConfig:
    """Return an engine on the stand-in; no busy neighbour shall look like a hang."""
    return EngineConfig(edgetpu_library=str(standin.library), root=standin.root, deadline_ms=5000.0)


def bare_rate(interpreter: Any, count: int) -> float:
    """Return invokes a second of an interpreter that does nothing else."""
    interpreter.invoke()
    start = time.perf_counter()
    for _ in range(count):
        interpreter.invoke()
    return count / (time.perf_counter() - start)


def loop_rate(
    standin: Standin, model: Bundle, runtime: Runtime, pictures: Pictures, count: int
) -> float:
    """Return frames a second of the whole loop, without sinks, the stick in its child."""
    config = engine_config(standin)
    with open_engine(model, runtime, config) as engine:
        Loop(model, engine, Memory(pictures, 20)).run([])
        result = Loop(model, engine, Memory(pictures, count)).run([])
    assert result.backends == {"edgetpu": count}, result.backends
    return result.fps


def rates(
    standin: Standin, model: Bundle, runtime: Runtime, pictures: Pictures, invoke_us: int
) -> list[float]:
    """Return loop rate over bare rate, pair by pair, in turns."""
    standin.stick.plan(f"invoke_us={invoke_us}")
    interpreter = in_process(standin, model, runtime)
    count = max(20, round(SECONDS * 1e6 / invoke_us))
    ratios = []
    for pair in range(PAIRS):
        if pair % 2:
            loop = loop_rate(standin, model, runtime, pictures, count)
        bare = bare_rate(interpreter, count)
        if not pair % 2:
            loop = loop_rate(standin, model, runtime, pictures, count)
        ratios.append(loop / bare)
        print(f"  bare {bare:8.1f}/s  loop {loop:8.1f}/s  {loop / bare:.3f}", flush=True)
    return ratios


def answer_here(interpreter: Any, model: Bundle) -> Callable[[NDArray[np.uint8]], Any]:
    """Return what a program without a child would do for one answer."""
    enter, leave = border.enter(model.inputs[0]), border.leave(model.outputs[0])
    into = interpreter.get_input_details()[0]["index"]
    out = interpreter.get_output_details()[0]["index"]

    def answer(pixels: NDArray[np.uint8]) -> Any:
        interpreter.set_tensor(into, enter(pixels))
        interpreter.invoke()
        return leave(interpreter.get_tensor(out))

    return answer


def added(standin: Standin, runtime: Runtime, side_px: int) -> tuple[float, float, float]:
    """Return (p50 here, p50 added, p99 added) in ms of an answer; here and there in turns."""
    standin.stick.plan("invoke_us=2500")
    model = paired(MOBILENET, side_px)
    pixels = np.random.default_rng(1).integers(0, 256, (side_px, side_px, 3), np.uint8)
    here = answer_here(in_process(standin, model, runtime), model)
    backend = EdgeTpuBackend(
        model, model.edgetpu_model or b"", runtime, "usb:0", standin.settings(Deadline())
    )
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ANSWERS):
        for kept, call in ((times[0], here), (times[1], lambda p: backend.infer([p]))):
            start = time.perf_counter()
            call(pixels)
            kept.append((time.perf_counter() - start) * 1e3)
    backend.close()
    (p50, p99), (child50, child99) = (np.percentile(t, (50, 99)) for t in times)
    return float(p50), float(child50 - p50), float(child99 - p99)


class Paced(Memory):
    """Pictures at the pace of a camera."""

    def read(self) -> Frame | None:
        """Wait for the next one."""
        threading.Event().wait(1 / FPS)
        return super().read()


def used(pid: int) -> tuple[float, float]:
    """Return (seconds of the processor, MB of memory that are its own or its share)."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(words[11]) + int(words[12])
    shares = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    pss_kb = next(int(line.split()[1]) for line in shares if line.startswith("Pss:"))
    return ticks / os.sysconf("SC_CLK_TCK"), pss_kb / 1024


def child_of(pid: int) -> int:
    """Return the only child process."""
    (child,) = {
        int(number)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for number in (task / "children").read_text().split()
    }
    return child


def at_five_a_second(
    standin: Standin, model: Bundle, runtime: Runtime, pictures: Pictures, seconds: float
) -> None:
    """Print what parent and child take at the pace of a slow camera."""
    standin.stick.plan("invoke_us=5000")
    config = engine_config(standin)
    with open_engine(model, runtime, config) as engine:
        Loop(model, engine, Memory(pictures, 20)).run([])
        pids = {"parent": os.getpid(), "child": child_of(os.getpid())}
        before = {name: used(pid) for name, pid in pids.items()}
        start = time.perf_counter()
        Loop(model, engine, Paced(pictures, round(seconds * FPS))).run([])
        spent = time.perf_counter() - start
        for name, pid in pids.items():
            (cpu, _), (after, mb) = before[name], used(pid)
            print(f"  {name:<8}{(after - cpu) / spent:7.1%} of one core, {mb:6.1f} MB")


def main() -> int:
    """Measure all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--seconds", type=float, default=20.0, help="At five frames a second.")
    arguments = parser.parse_args()
    runtime = pick(arguments.runtime)
    folder = SHARED / "data/coral/images"
    pictures = [cv2.resize(cv2.imread(str(folder / name)), FRAME_PX) for name in PICTURES]
    missed = False
    with tempfile.TemporaryDirectory() as place:
        standin = Standin(Path(place))
        model = paired(MOBILENET)
        for invoke_us, gate in RATES:
            print(f"an invoke of {invoke_us / 1e3:g} ms, 224 px, {runtime.description}")
            median = statistics.median(rates(standin, model, runtime, pictures, invoke_us))
            missed |= median < gate
            verdict = "ok" if median >= gate else "MISSED"
            print(f"  median {median:.3f}, gate {gate:.2f}: {verdict}")
        print("one answer, without and with the child")
        for side_px in SIDES_PX:
            here, p50, p99 = added(standin, runtime, side_px)
            print(f"  {side_px} px: {here:.2f} ms, + {p50:.3f} ms (p50), + {p99:.3f} ms (p99)")
        print(f"{FPS:g} frames a second")
        at_five_a_second(standin, paired(VWW), runtime, pictures, arguments.seconds)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

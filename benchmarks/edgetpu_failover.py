"""How soon a lost Edge TPU is noticed: `python benchmarks/edgetpu_failover.py`.

A stand-in library writes down when it aborts, crashes, exits or loses its device; what counts is
the time from there until the parent knows, and from there until the CPU has answered the very
frame. A hang counts from its deadline. Medians; exits 1 when a gate is missed.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from standin import VWW, Standin, paired

from edge.bundle import Bundle
from edge.errors import UnavailableError
from edge.infer.backend import Array, Choice, Reals
from edge.infer.cpu import open_cpu
from edge.infer.edgetpu import EdgeTpuBackend
from edge.infer.engine import Engine
from edge.infer.runtime import Runtime, pick
from edge.infer.slot import Backoff, Deadline
from edge.scene import Prepared

ROUNDS = 10
KINDS = ("abort", "segfault", "exit", "hang", "error")
DEADLINE = Deadline(usual_ms=250.0, times=0.0)  # 250 ms whatever the median
NOTICED_MS = 20.0  # gate: from the child's end, or from the deadline
ANSWERED_MS = 10.0  # gate: from then until the answer, beyond one inference on the CPU
ONCE = Backoff(first_s=3600.0, most_s=3600.0)


@dataclass(slots=True)
class Watched:
    """The backend, noting when a frame was begun and when it failed."""

    backend: EdgeTpuBackend
    begun_ns: int = 0
    failed_ns: int = 0
    death_ns: int = 0
    dead: threading.Event = field(default_factory=threading.Event)

    @property
    def description(self) -> str:
        """Return the backend's."""
        return self.backend.description

    def infer(self, inputs: Sequence[Array]) -> Reals:
        """Answer, or note the time."""
        self.begun_ns = time.monotonic_ns()
        try:
            return self.backend.infer(inputs)
        except UnavailableError:
            self.failed_ns = time.monotonic_ns()
            raise

    def report(self, error: BaseException) -> None:
        """Note the time of a death while idle."""
        self.death_ns = time.monotonic_ns()
        self.dead.set()

    def close(self) -> None:
        """Close the backend."""
        self.backend.close()


def frame(seed: int) -> Prepared:
    """Return a picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), np.uint8)
    return Prepared("camera", (pixels,))


def cpu_ms(model: Bundle, runtime: Runtime) -> float:
    """Return the median of one inference on the CPU."""
    cpu = open_cpu(model, runtime)
    times = []
    for seed in range(50):
        start = time.perf_counter()
        cpu.infer(frame(seed).inputs)
        times.append((time.perf_counter() - start) * 1e3)
    cpu.close()
    return statistics.median(times)


def die(kind: str, standin: Standin, model: Bundle, runtime: Runtime) -> tuple[float, float]:
    """Return ms from the end (the deadline for a hang) to the notice, and from there to answer."""
    standin.stick.plan(f"invoke_us=2000 after=6 then={kind}")
    watched: list[Watched] = []

    def open_tpu() -> Watched:
        watched.append(Watched(standin.open(model, runtime, DEADLINE)))
        return watched[-1]

    choices = [Choice("edgetpu", open_tpu), Choice("cpu", lambda: open_cpu(model, runtime))]
    with Engine(choices, deadline=DEADLINE, backoff=ONCE) as engine:
        for seed in range(5):
            assert engine.submit(frame(seed)).result().backend == "edgetpu"
        answer = engine.submit(frame(5)).result()
        answered_ns = time.monotonic_ns()
    assert answer.backend == "cpu", answer
    (tpu,) = watched
    if kind == "hang":
        noticed = (tpu.failed_ns - tpu.begun_ns) / 1e6 - DEADLINE.usual_ms
    else:
        noticed = (tpu.failed_ns - standin.stick.ended_ns) / 1e6
    return noticed, (answered_ns - tpu.failed_ns) / 1e6


def unplug_idle(standin: Standin, model: Bundle, runtime: Runtime) -> float:
    """Return ms from the abort of an idle child to the notice."""
    standin.stick.plan("")
    watched = Watched(standin.open(model, runtime, DEADLINE))
    watched.backend.on_death(watched.report)
    watched.infer(frame(0).inputs)
    standin.stick.unplug()
    assert watched.dead.wait(30.0)
    ended_ns = standin.stick.ended_ns
    standin.stick.plug()
    watched.close()
    return (watched.death_ns - ended_ns) / 1e6


def told(what: str, figures: list[float], gate: float) -> bool:
    """Print a median beside its gate; return whether it was missed."""
    median = statistics.median(figures)
    verdict = "ok" if median <= gate else "MISSED"
    print(f"{what:<46} {median:7.2f} ms, worst {max(figures):7.2f}, gate {gate:5.1f}: {verdict}")
    return median > gate


def main() -> int:
    """Measure every way to die; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # every fault is wanted here
    runtime = pick(arguments.runtime)
    model = paired(VWW)
    alone = cpu_ms(model, runtime)
    print(f"{runtime.description}; one inference on the CPU takes {alone:.2f} ms")
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        standin = Standin(Path(folder))
        for kind in KINDS:
            rounds = [die(kind, standin, model, runtime) for _ in range(arguments.rounds)]
            after = "deadline" if kind == "hang" else "end"
            missed |= told(f"{kind}: {after} to notice", [r[0] for r in rounds], NOTICED_MS)
            beyond = [r[1] - alone for r in rounds]
            missed |= told(f"{kind}: notice to answer, beyond the CPU's", beyond, ANSWERED_MS)
        idle = [unplug_idle(standin, model, runtime) for _ in range(arguments.rounds)]
        missed |= told("unplugged while idle: end to notice", idle, NOTICED_MS)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

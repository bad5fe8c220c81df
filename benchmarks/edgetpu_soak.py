"""Hours of faults in minutes: `python benchmarks/edgetpu_soak.py --minutes 20`.

A stand-in for the Edge TPU dies in a random way every few seconds, at work, idle and while it
starts, and comes back. Every answer is compared with what that backend must say of that picture.
Memory, open files, threads and children of this process are read every two seconds; the first
fifth is warm-up. Exits 1 when a frame is lost or wrong, or when one of the four grows.
"""

import argparse
import logging
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from standin import VWW, Standin, paired

from edge import tflite
from edge.backoff import Backoff
from edge.bundle import Bundle
from edge.infer import border
from edge.infer.backend import Choice, Reals
from edge.infer.cpu import open_cpu
from edge.infer.engine import Engine
from edge.infer.runtime import Runtime, pick
from edge.infer.slot import Deadline
from edge.scene import Prepared

PICTURES = 64
FPS = 100.0
SAMPLE_S = 2.0
FAULT_S = (0.5, 4.0)  # time from one fault to the next
DEATHS = ("abort", "segfault", "hang", "error", "exit")
# Most that the median of the last quarter may exceed that of the first.
GATES = {"memory_mb": 4.0, "files": 1.0, "threads": 1.0, "children": 1.0}
DEADLINE = Deadline(usual_ms=250.0, first_ms=10_000.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """This process at one moment."""

    minute: float
    memory_mb: float
    files: int
    threads: int
    children: int


def sample(start: float) -> Sample:
    """Return how much this process holds now."""
    proc = Path("/proc/self")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    tasks = list((proc / "task").iterdir())
    children = 0
    for task in tasks:
        try:
            children += len((task / "children").read_text().split())
        except OSError:  # the thread has just ended
            continue
    return Sample(
        (time.monotonic() - start) / 60,
        int(status["RssAnon"].split()[0]) / 1024,
        len(os.listdir(proc / "fd")),  # noqa: PTH208 - a Path would open one more
        len(tasks),
        children,
    )


def expected(
    model: Bundle, runtime: Runtime, pictures: Sequence[NDArray[np.uint8]]
) -> dict[str, list[Reals]]:
    """Return what each backend must say of each picture."""
    from edgetpu_standin import standin_outputs

    graph = tflite.read(model.edgetpu_model or b"")
    enter, leave = border.enter(model.inputs[0]), border.leave(model.outputs[0])
    cpu = open_cpu(model, runtime)
    by_cpu = [cpu.infer((shown,)) for shown in pictures]
    cpu.close()
    by_tpu = [(leave(standin_outputs(graph, [enter(shown)])[0]),) for shown in pictures]
    return {"cpu": by_cpu, "edgetpu": by_tpu}


def trouble(standin: Standin, stop: threading.Event, seed: int) -> None:
    """Have the stick die now and then until told to stop."""
    chance = random.Random(seed)  # noqa: S311 - reproducible faults, no secrets
    while not stop.wait(chance.uniform(*FAULT_S)):
        what = chance.choice((*DEATHS, "unplug", "start"))
        if what == "unplug":
            standin.stick.unplug()
            stop.wait(chance.uniform(0.1, 2.0))
            standin.stick.plug()
        elif what == "start":
            standin.stick.plan(f"create={chance.choice(('abort', 'segfault', 'exit', 'fail'))}")
        else:
            # the next start dies after a while: the faults follow from each other
            standin.stick.plan(f"invoke_us=1000 after={chance.randint(1, 300)} then={what}")
    standin.stick.plug()


def soak(
    engine: Engine,
    pictures: Sequence[NDArray[np.uint8]],
    wanted: dict[str, list[Reals]],
    minutes: float,
) -> tuple[list[Sample], Counter[str], int]:
    """Feed frames; return the samples, who answered, and how many answers were wrong."""
    start = time.monotonic()
    samples, counts, wrong, index = [sample(start)], Counter[str](), 0, 0
    while (now := time.monotonic() - start) < minutes * 60:
        place = index % PICTURES
        answer = engine.submit(Prepared("camera", (pictures[place],))).result()
        counts[answer.backend] += 1
        wrong += not np.array_equal(answer.outputs[0], wanted[answer.backend][place][0])
        index += 1
        if now > len(samples) * SAMPLE_S:
            samples.append(sample(start))
        ahead = index / FPS - now
        if ahead > 0:
            time.sleep(ahead)
    return samples, counts, wrong


def judge(samples: list[Sample]) -> bool:
    """Print first, last and slope of each figure after warm-up; return whether one grows."""
    kept = samples[len(samples) // 5 :]
    quarter = max(1, len(kept) // 4)
    grows = False
    for name, gate in GATES.items():
        values = [float(getattr(each, name)) for each in kept]
        first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
        slope = np.polyfit([each.minute for each in kept], values, 1)[0] if len(kept) > 2 else 0.0
        verdict = "ok" if last - first <= gate else "GROWS"
        grows |= last - first > gate
        print(
            f"{name:<10} first quarter {first:7.1f}, last {last:7.1f}, most {max(values):7.1f}, "
            f"slope {slope:+.3f} a minute, gate +{gate:g}: {verdict}"
        )
    return grows


def main() -> int:
    """Soak; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # faults are what this is about
    runtime, model = pick(arguments.runtime), paired(VWW)
    rng = np.random.default_rng(arguments.seed)
    pictures = [rng.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(PICTURES)]
    wanted = expected(model, runtime, pictures)
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        standin = Standin(Path(folder))
        standin.stick.plan("invoke_us=1000 after=200 then=abort")
        choices = [
            Choice("edgetpu", lambda: standin.open(model, runtime, DEADLINE)),
            Choice("cpu", lambda: open_cpu(model, runtime)),
        ]
        shapes = [output.shape for output in model.outputs]
        backoff = Backoff(first_s=0.2, most_s=1.0)
        maker = threading.Thread(target=trouble, args=(standin, stop, arguments.seed))
        with Engine(choices, deadline=DEADLINE, backoff=backoff, shapes=shapes) as engine:
            maker.start()
            samples, counts, wrong = soak(engine, pictures, wanted, arguments.minutes)
            stop.set()
            maker.join()
            figures = engine.statistics()
            starts = standin.stick.starts
    tpu = figures.backends[0]
    lost = figures.submitted - sum(counts.values())
    print(f"{figures.submitted} frames: {dict(counts)}, {lost} lost, {wrong} wrong")
    print(f"{starts} starts, {tpu.faults} faults, {tpu.recoveries} recoveries")
    grows = judge(samples)
    return int(grows or lost > 0 or wrong > 0 or tpu.recoveries == 0)


if __name__ == "__main__":
    sys.exit(main())

"""How much of the model's bare rate the camera loop reaches: `python benchmarks/loop_rate.py`.

Pictures are decoded and in memory. Each pair times the bare invoke and the whole loop (read,
prepare, infer, decode) right after one another, so that what else the machine does falls on both;
the median of nine pairs counts. Frames are resized as this project's own models want it
(linear). Exits 1 when a gate is missed.
"""

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle, read_bare
from edge.config import EngineConfig
from edge.infer import border
from edge.infer.choices import open_engine
from edge.infer.runtime import Runtime, build, pick
from edge.loop import Loop
from edge.scene import Frame
from edge.vision.prepare import prepare

PAIRS = 9
SECONDS = 1.0  # each half of a pair takes about this long
SHARED = Path(os.environ.get("EDGE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
PICTURES = ("cat.bmp", "cat_720p.jpg", "hot_dog.jpg", "grace_hopper.bmp")
FRAME_PX = (640, 480)


@dataclass(frozen=True, slots=True)
class Case:
    """A model and the least share of its bare rate."""

    name: str
    model: str
    gate: float


CASES = (
    Case("MobileNetV2 1.0, 224 px", "coral/mobilenet_v2_1.0_224_quant.tflite", 0.95),
    Case(
        "MobileNetV2 0.35, 96 px",
        "tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite",
        0.80,
    ),
)


class Memory:
    """A source of decoded pictures, one after the other, `count` in all."""

    live = False
    description = "pictures in memory"
    fps = None

    def __init__(self, pictures: list[NDArray[np.uint8]], count: int) -> None:
        """Keep the pictures."""
        self._pictures, self._count, self._index = pictures, count, 0
        self._utc = datetime.now(UTC)

    def read(self) -> Frame | None:
        """Return the next one."""
        if self._index == self._count:
            return None
        bgr = self._pictures[self._index % len(self._pictures)]
        self._index += 1
        return Frame("memory", self._index, time.monotonic_ns(), self._utc, bgr)

    def close(self) -> None:
        """Do nothing."""


def bare_rate(
    bundle: Bundle, runtime: Runtime, pictures: list[NDArray[np.uint8]], count: int
) -> float:
    """Return invokes a second of an interpreter that does nothing else, on a real picture.

    Zeros would not do: kernels that quantise as they go skip them.
    """
    interpreter = build(runtime, bundle.model)
    spec = bundle.inputs[0]
    entered = border.enter(spec)(prepare(pictures[0], spec).pixels)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], entered)
    interpreter.invoke()
    start = time.perf_counter()
    for _ in range(count):
        interpreter.invoke()
    return count / (time.perf_counter() - start)


def loop_rate(
    bundle: Bundle, runtime: Runtime, pictures: list[NDArray[np.uint8]], count: int
) -> float:
    """Return frames a second of the whole loop, without sinks."""
    with open_engine(bundle, runtime, EngineConfig()) as engine:
        Loop(bundle, engine, Memory(pictures, 2)).run([])
        return Loop(bundle, engine, Memory(pictures, count)).run([]).fps


def measure(case: Case, runtime: Runtime, pictures: list[NDArray[np.uint8]]) -> list[float]:
    """Return loop rate over bare rate, pair by pair."""
    bare = read_bare(SHARED / "data" / case.model)
    bundle = replace(bare, inputs=(replace(bare.inputs[0], interpolation="linear"),))
    count = max(10, round(SECONDS * bare_rate(bundle, runtime, pictures, 10)))
    ratios = []
    for pair in range(PAIRS):
        # in turns, because the machine may slow down or speed up steadily
        if pair % 2:
            loop = loop_rate(bundle, runtime, pictures, count)
        alone = bare_rate(bundle, runtime, pictures, count)
        if not pair % 2:
            loop = loop_rate(bundle, runtime, pictures, count)
        ratios.append(loop / alone)
        print(f"  bare {alone:8.1f}/s  loop {loop:8.1f}/s  {loop / alone:.3f}", flush=True)
    return ratios


def main() -> int:
    """Measure every case; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", default="auto")
    runtime = pick(parser.parse_args().runtime)
    folder = SHARED / "data/coral/images"
    pictures = [cv2.resize(cv2.imread(str(folder / name)), FRAME_PX) for name in PICTURES]
    missed = False
    for case in CASES:
        print(f"{case.name} on {runtime.description}, frames of {FRAME_PX[0]} x {FRAME_PX[1]}")
        median = statistics.median(measure(case, runtime, pictures))
        missed |= median < case.gate
        verdict = "ok" if median >= case.gate else "MISSED"
        print(f"  median {median:.3f}, gate {case.gate:.2f}: {verdict}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

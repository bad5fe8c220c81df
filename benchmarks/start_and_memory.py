"""What `edge run` costs over a 15-line script: `python benchmarks/start_and_memory.py`.

Both recognise one picture with the same runtime and model; the time runs from the start of the
process to its first line of output, the memory is the peak of the process. They run in turns, so
that what else the machine does falls on both; medians count, without the first run of each, which
writes the byte code that an installation brings. The model is a bundle; a bare `.tflite`, which is
first tried in a child, is shown beside it. Exits 1 when a gate is missed.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edge import bundle as bundles
from edge.infer.runtime import pick

RUNS = 11
MOST_TIMES = 1.3
MOST_MORE_MB = 40.0
ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("EDGE_SHARED", ROOT.parent / "shared"))
MODEL = SHARED / "data/coral/mobilenet_v2_1.0_224_quant.tflite"
LABELS = SHARED / "data/coral/labels/imagenet_labels.txt"
PICTURE = SHARED / "data/coral/images/cat.bmp"

SCRIPT = """
import sys
import cv2
import numpy as np
from {module} import Interpreter
model, labels, picture = sys.argv[1:]
names = open(labels).read().splitlines()
interpreter = Interpreter(model, num_threads=1)
interpreter.allocate_tensors()
spec = interpreter.get_input_details()[0]
rgb = cv2.cvtColor(cv2.imread(picture), cv2.COLOR_BGR2RGB)
interpreter.set_tensor(spec["index"], cv2.resize(rgb, tuple(spec["shape"][2:0:-1]))[None])
interpreter.invoke()
scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
print(names[int(np.argmax(scores))], flush=True)
"""
MODULES = {
    "litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Start to first line, and peak memory, of one run."""

    first_ms: float
    peak_mb: float


def measure(words: list[str]) -> Cost:
    """Return what one run costs; its result must be the cat."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        first_ms = (time.perf_counter() - start) * 1e3
        child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert "Egyptian cat" in line, f"{words} said {line!r}"
    return Cost(first_ms, usage.ru_maxrss / 1024)


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is compared: the script, and edge with a bundle and with a bare file."""
    files = [str(MODEL), str(LABELS), str(PICTURE)]
    script = SCRIPT.format(module=MODULES[pick().name])
    edge = [sys.executable, "-c", "from edge.cli import main; main()", "run"]
    try:
        bundles.write(bundles.read_bare(MODEL, LABELS), folder, {})
    except ModuleNotFoundError as error:
        sys.exit(f"writing the bundle needs {error.name}: run this where training is installed")
    return {
        "script": [sys.executable, "-c", script, *files],
        "edge, bundle": [*edge, str(folder), "--source", files[2]],
        "edge, bare file": [*edge, files[0], "--labels", files[1], "--source", files[2]],
    }


def main() -> int:
    """Measure and compare; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        compared = commands(Path(folder) / "bundle")
        costs: dict[str, list[Cost]] = {name: [] for name in compared}
        for run in range(RUNS + 1):
            for name, words in compared.items():
                cost = measure(words)
                if run:
                    costs[name].append(cost)
    print(f"{pick().description}, {RUNS} runs each, in turns, medians")
    firsts = {name: statistics.median(c.first_ms for c in found) for name, found in costs.items()}
    peaks = {name: statistics.median(c.peak_mb for c in found) for name, found in costs.items()}
    for name in compared:
        times, more = firsts[name] / firsts["script"], peaks[name] - peaks["script"]
        print(
            f"  {name:<16}{firsts[name]:7.0f} ms ({times:.2f}x) {peaks[name]:7.1f} MB ({more:+.1f})"
        )
    late = firsts["edge, bundle"] > MOST_TIMES * firsts["script"]
    large = peaks["edge, bundle"] > peaks["script"] + MOST_MORE_MB
    print(f"  gate {MOST_TIMES}x: {'MISSED' if late else 'ok'}")
    print(f"  gate +{MOST_MORE_MB:.0f} MB: {'MISSED' if large else 'ok'}")
    return int(late or large)


if __name__ == "__main__":
    sys.exit(main())

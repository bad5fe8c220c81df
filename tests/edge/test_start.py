"""What `edge run` loads before its first answer, counted in modules instead of milliseconds."""

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.infer.runtime import pick

ROOT = Path(__file__).resolve().parents[2]
# The command line; as it ends it says on standard error what its process holds.
CODE = """
import atexit, os, sys
class Depth:
    # finds no module, but sees how deep in calls numpy is imported
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            frame = sys._getframe()
            while frame := frame.f_back:
                self.frames = 1 + getattr(self, "frames", 0)
depth = Depth()
sys.meta_path.insert(0, depth)
from edge.cli import main
def told():
    held = [m for name, m in list(sys.modules.items())
            if name.startswith("edge.") and not name.startswith("edge.tflite")]
    classes = [c for m in held for c in vars(m).values()
               if isinstance(c, type) and c.__module__ == m.__name__]
    standard = [c.__name__ for c in classes
                if getattr(getattr(c, "__dataclass_params__", None), "frozen", False)]
    print(repr((sorted(sys.modules), standard, os.environ.get("OPENBLAS_NUM_THREADS"),
          depth.frames)), file=sys.stderr)
atexit.register(told)
main()
"""
NEVER = (
    "asyncio", "email", "importlib.metadata", "json", "keras", "rich", "subprocess",
    "tempfile", "tensorflow", "tomli_w", "tornado", "zipfile",
    "edge.bundle.bare", "edge.bundle.embed", "edge.bundle.writing", "edge.cost", "edge.demo",
    "edge.infer.judge", "edge.metadata", "edge.sinks.address", "edge.sinks.jsonl",
    "edge.sinks.stills", "edge.sinks.video", "edge.sinks.web", "edge.training",
)  # fmt: skip
# Loaded only where the runtime does not verify a file itself, so that it is parsed first.
SCHEMA = ("tflite", "flatbuffers", "edge.tflite", "edge.bundle.model")
MOST_STANDARD = 1
MOST_FRAMES = 16


def run(*words: object, code: str = CODE) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "-c", code, "run", *map(str, words)],
        capture_output=True, text=True, timeout=120.0, env=environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_run_of_a_bundle_loads_no_more_than_it_needs(visitors: Path, shared: Path) -> None:
    done = run(visitors, "--source", shared / "data/coral/images/cat.bmp")
    assert done.returncode == 0, done.stderr
    assert "cat.bmp: no_person" in done.stdout
    modules, standard, blas_threads, frames = ast.literal_eval(done.stderr.splitlines()[-1])
    assert [name for name in NEVER if name in modules] == []
    loaded = [name for name in SCHEMA if name in modules]
    assert loaded == ([] if pick().verifies_models else list(SCHEMA))
    # each costs a start about 0.4 ms more than one of edge.records
    assert len(standard) <= MOST_STANDARD, f"use edge.records: {standard}"
    assert blas_threads == "1"
    # each frame costs a part of the 16 kB that Python 3.11 maps at a time
    assert frames <= MOST_FRAMES


def as_model(visitors: Path, model: bytes) -> None:
    """Put another model into a bundle, with the hash that suits it."""
    record = visitors / "model.toml"
    lines = record.read_text().splitlines()
    entry = f'bytes = {len(model)}, sha256 = "{hashlib.sha256(model).hexdigest()}"'
    kept = [line for line in lines if not line.startswith('"model.tflite"')]
    record.write_text("\n".join([*kept, f'"model.tflite" = {{ {entry} }}', ""]))
    (visitors / "model.tflite").write_bytes(model)


def damaged(model: bytes) -> bytes:
    return model[: len(model) // 2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (damaged, ""),  # each runtime has words of its own
        (lambda model: b"no model at all", ""),
        (None, "input 'image': scale is 0.5; the model's is 0.0039"),
    ],
)
def test_a_bundle_that_is_not_its_model_is_refused_in_one_line(
    visitors: Path, shared: Path, change: Any, words: str
) -> None:
    if change:
        as_model(visitors, change((visitors / "model.tflite").read_bytes()))
    else:
        record = visitors / "model.toml"
        record.write_text(record.read_text().replace("scale = 0.003921568859368563", "scale = 0.5"))
    picture = shared / "data/coral/images/cat.bmp"
    done = run(visitors, "--source", picture, code="from edge.cli import main; main()")
    assert done.returncode == 65, done.stderr
    (line,) = (text for text in done.stderr.splitlines() if text.startswith("edge: "))
    assert words in line
    assert "Traceback" not in done.stderr
    assert done.stdout == ""

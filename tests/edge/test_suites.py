"""Every peer's model that the suites' manifest says the reference kernels run, answers here.

One child answers many models, one after the other: a model can kill it, and the next child goes on
behind that model.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.infer.runtime import pick

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 300.0
CHILD = """
import json, sys
from dataclasses import replace
import numpy as np
from edge import bundle as bundles
from edge.errors import EdgeError
from edge.infer.cpu import open_cpu
from edge.infer.runtime import pick

runtime = pick()
for path in json.load(sys.stdin):
    print("begin", path, flush=True)
    rng = np.random.default_rng(0)
    try:
        bare = bundles.read(path)
        inputs = tuple(replace(spec, kind="tensor") for spec in bare.inputs)
        backend = open_cpu(replace(bare, inputs=inputs, states=()), runtime)
        most = {spec.name: 1 if spec.dtype == "bool" else 2 for spec in inputs}
        given = [np.rint(rng.uniform(0, most[s.name], s.shape)) * (s.scale or 1.0) for s in inputs]
        answers = backend.infer(given)
        fits = all(-1 in s.shape or s.shape in ((), a.shape)
                   for s, a in zip(bare.outputs, answers, strict=True))
        print("end" if fits else "shapes differ", flush=True)
    except (EdgeError, RuntimeError) as error:
        print("refused", json.dumps(str(error)), flush=True)
"""
COMPOSITE = "Op builtin_code out of range: 206"
# What tflite-runtime 2.14, of 2023, does not have yet.
TOO_NEW = {
    "ai-edge-quantizer/models/sdpa_composite.tflite": COMPOSITE,
    "ai-edge-quantizer/models/simple_composite.tflite": COMPOSITE,
    "derived-int8/LiteRT__norm.int8.tflite": "Div only supports",
    "derived-int8/LiteRT__rope.int8.tflite": "Div only supports",
    "derived-int8/LiteRT__sqrt_mean_mul_ops.int8.tflite": "INT8 is unsupported by op Sqrt",
    "derived-int8/tflite2onnx__abs-sqrt_float32.int8.tflite": "INT8 is unsupported by op Sqrt",
    "litert/litert/test/testdata/l2_norm_composite.tflite": COMPOSITE,
    "litert/litert/test/testdata/simple_group_norm_op.tflite": COMPOSITE,
    "litert/litert/test/testdata/static_w8_a16_quantized_attn_vec_einsum.tflite": "batch_matmul",
    "litert/litert/test/testdata/static_w8_a16_quantized_v_einsum.tflite": "batch_matmul",
    "litert/tflite/delegates/xnnpack/odml_sdpa_composite_gqa.tflite.bin.tflite": COMPOSITE,
}


def runnable(suites: Path) -> list[Path]:
    """Return the models whose column `ref` says yes."""
    lines = (suites / "MANIFEST.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:2] == "| "]
    column = rows[0].index("ref")
    return [suites / row[0] for row in rows[1:] if len(row) > column and row[column] == "yes"]


def answer(paths: list[Path]) -> dict[str, str]:
    """Return what became of each model: `end`, or why not."""
    found: dict[str, str] = {}
    while len(found) < len(paths):
        left = [str(path) for path in paths[len(found) :]]
        done = subprocess.run(
            [sys.executable, "-c", CHILD], input=json.dumps(left), capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=DEADLINE_S,
        )  # fmt: skip
        before = len(found)
        for line in done.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "begin":
                found[rest] = f"killed the child: {done.returncode}"
            elif word in ("end", "refused", "shapes"):
                found[list(found)[-1]] = line
        assert len(found) > before, done.stderr
    return found


@pytest.fixture(scope="module")
def suites(shared: Path) -> Path:
    return shared / "data" / "suites"


def test_every_peers_model_that_can_run_answers(suites: Path) -> None:
    paths = runnable(suites)
    assert len(paths) > 380
    found = {str(Path(p).relative_to(suites)): end for p, end in answer(paths).items()}
    expected = TOO_NEW if pick().name == "tflite-runtime" else {}
    bad = {name: end for name, end in found.items() if end != "end"}
    assert bad.keys() == expected.keys(), bad
    assert all(bad[name].startswith("refused") and words in bad[name]
               for name, words in expected.items())  # fmt: skip

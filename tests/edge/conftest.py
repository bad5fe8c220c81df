"""A bundle that was written by hand, not by the code under test."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

VWW = "mlperf-tiny/vww_96_int8.tflite"
SCALE = 0.003921568859368563  # of that file, as float32
RECORD = f"""
format = 1
name = "visitors"
version = 3
task = "classify"
created = 2026-11-25T10:12:00Z
created_by = "embedded-edge 0.1.0"
license = "proprietary"
[[input]]
name = "image"
kind = "image"
shape = [1, 96, 96, 3]
dtype = "int8"
scale = {SCALE}
zero_point = -128
color = "rgb"
resize = "letterbox"
interpolation = "area"
fill = 100
mean = [0.0, 0.0, 0.0]
std = [255.0, 255.0, 255.0]
[[output]]
name = "scores"
role = "scores"
shape = [1, 2]
dtype = "int8"
scale = 0.00390625
zero_point = -128
[decode]
decoder = "classify"
background = false
[thresholds]
default = 0.5
label = {{ person = 0.6 }}
[score]
metric = "top1"
float = {{ value = 0.741, low = 0.713, high = 0.768, n = 1003 }}
int8 = {{ value = 0.721, low = 0.693, high = 0.748, n = 1003 }}
[data]
train = 1153
seed = 1
[requires]
litert_min = "2.1"
macs = 7489664
[golden]
count = 2
max_abs_diff = 2
"""
LABELS = "no_person\nperson\n"


def files_table(folder: Path) -> str:
    lines = ["[files]"]
    for name in ("model.tflite", "labels.txt", "golden.npz"):
        data = (folder / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        lines.append(f'"{name}" = {{ bytes = {len(data)}, sha256 = "{digest}" }}')
    return "\n".join(lines) + "\n"


@pytest.fixture
def golden_arrays() -> dict[str, NDArray[Any]]:
    """Return the golden vectors of the bundle: two of them."""
    rng = np.random.default_rng(7)
    return {
        "input0": rng.integers(-128, 128, (2, 1, 96, 96, 3)).astype(np.int8),
        "output0": rng.integers(-128, 128, (2, 1, 2)).astype(np.int8),
    }


@pytest.fixture
def visitors(shared: Path, tmp_path: Path, golden_arrays: dict[str, NDArray[Any]]) -> Path:
    """Return the folder of a bundle: is there a visitor, yes or no."""
    made = tmp_path / "visitors"
    made.mkdir()
    (made / "model.tflite").write_bytes((shared / "data" / VWW).read_bytes())
    (made / "labels.txt").write_text(LABELS)
    np.savez(made / "golden.npz", **dict[str, Any](golden_arrays))
    (made / "model.toml").write_text(RECORD + files_table(made))
    return made

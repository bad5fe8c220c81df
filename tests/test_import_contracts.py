"""Each import contract fails when a file breaks it, in a copy of the packages."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT = Path(sys.executable).with_name("lint-imports")

# The file that is planted, its text, the contract that must be reported as broken.
VIOLATIONS = [
    ("edge/helpers.py", "", "rooms of edge"),
    ("edge/scene.py", "import edge.vision", "rooms of edge"),
    ("edge/bundle.py", "def f():\n    import edge.training", "rooms of edge"),
    ("edge/vision/planted.py", "import edge.camera.source", "rooms of edge"),
    ("edge/infer/planted.py", "from edge import training", "rooms of edge"),
    ("edge/sinks/planted.py", "import edge.infer.backend", "rooms of edge"),
    ("edge/tflite/planted.py", "import edge.metadata", "rooms of edge"),
    ("firmware_export/helpers.py", "", "rooms of firmware_export"),
    ("firmware_export/plan.py", "import firmware_export.ops", "rooms of firmware_export"),
    ("devices/helpers.py", "", "rooms of devices"),
    ("devices/catalogue.py", "import devices.needs", "rooms of devices"),
    ("devices/planted.py", "import edge.errors", "packages"),
    ("edge/vision/planted.py", "import tensorflow.lite", "tensorflow only in edge.training"),
    ("edge/cli/planted.py", "def f():\n    import keras", "tensorflow only in edge.training"),
    ("edge/infer/planted.py", "import cv2", "no OpenCV in edge.infer"),
    ("edge/cost.py", "import tflite", "the TFLite schema only in edge.tflite and edge.metadata"),
    (
        "edge/vision/planted.py",
        "import flatbuffers",
        "the TFLite schema only in edge.tflite and edge.metadata",
    ),
    (
        "edge/camera/planted.py",
        "import sklearn.svm",
        "scikit-learn and matplotlib only in edge.training and edge.demo",
    ),
]


def copy_packages(folder: Path) -> None:
    """Copy what import-linter reads."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in ("edge", "devices", "firmware_export"):
        shutil.copytree(ROOT / package, folder / package)


def broken_contracts(folder: Path) -> set[str]:
    """Return the names of the contracts that import-linter reports as broken."""
    command = [str(LINT), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    words = [line.rpartition(" BROKEN") for line in done.stdout.splitlines()]
    broken = {name for name, sign, _ in words if sign}
    assert (done.returncode == 0) == (not broken), done.stdout + done.stderr
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    return broken


def test_the_packages_keep_every_contract(tmp_path):
    copy_packages(tmp_path)
    assert broken_contracts(tmp_path) == set()


@pytest.mark.parametrize(("name", "text", "contract"), VIOLATIONS)
def test_a_violation_breaks_its_contract(tmp_path, name, text, contract):
    copy_packages(tmp_path)
    file = tmp_path / name
    before = file.read_text() if file.exists() else '"""Planted."""\n'
    file.write_text(f"{before}\n{text}\n")
    assert contract in broken_contracts(tmp_path)


def test_only_the_command_line_may_join_export_and_the_rest(tmp_path):
    copy_packages(tmp_path)
    (tmp_path / "edge" / "cli" / "planted.py").write_text("import firmware_export\n")
    assert broken_contracts(tmp_path) == set()
    (tmp_path / "edge" / "vision" / "planted.py").write_text("import firmware_export\n")
    # the export uses edge's rooms, so a room that imports it reaches its neighbours too
    assert broken_contracts(tmp_path) >= {"packages"}

"""`edge run` with a stick, through the whole command: what is answered, said and written."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgetpu_standin import Stick, build_library, compiled_twin
from machine_trees import add_usb_tpu

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 90.0
NAME = "mobilenet_v1_0.25_128_quant"
# The command on another machine: its /sys, its /dev and its library are made ones.
EDGE = """
import sys
from dataclasses import replace
from pathlib import Path
from edge.cli import main
from edge.cli.run import BACKENDS
root, library = sys.argv.pop(1), sys.argv.pop(1)
for name, engine in BACKENDS.items():
    BACKENDS[name] = replace(engine, root=Path(root), edgetpu_library=library, deadline_ms=5000.0)
main()
"""


class Bench:
    """A folder with a model, its compiled twin, pictures, a stick and a machine."""

    def __init__(self, folder: Path, library: Path, shared: Path) -> None:
        self.folder, self.library = folder, library
        self.stick = Stick(folder / "stick")
        self.machine = folder / "machine"
        self.machine.mkdir()
        self.cpu = Path(shutil.copy(shared / f"data/coral/{NAME}.tflite", folder))
        self.compiled = Path(shutil.copy(shared / f"data/coral/{NAME}_edgetpu.tflite", folder))
        (folder / "pictures").mkdir()
        rng = np.random.default_rng(5)
        for index in range(40):
            shown = rng.integers(0, 256, (128, 128, 3), np.uint8)
            cv2.imwrite(str(folder / f"pictures/{index:02}.png"), shown)

    def plug(self) -> None:
        add_usb_tpu(self.machine, "1-1", "18d1:9302", bus=1, device=2)

    def run(self, model: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", EDGE, str(self.machine), str(self.library)]
        options = ["--source", str(self.folder / "pictures"), "--no-window"]
        env = os.environ | {"PYTHONPATH": str(ROOT), "EDGETPU_STANDIN": str(self.stick.folder)}
        return subprocess.run(
            [*command, "--json", "run", str(model), *options, *words],
            capture_output=True, text=True, env=env, cwd=self.folder, timeout=DEADLINE_S,
        )  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("edgetpu"))


@pytest.fixture
def bench(tmp_path: Path, library: Path, shared: Path) -> Bench:
    return Bench(tmp_path, library, shared)


@pytest.mark.parametrize("given", ["cpu", "compiled"])
def test_a_stick_that_aborts_is_in_events_scenes_and_statistics(given: str, bench: Bench):
    bench.plug()
    bench.stick.plan("after=11 then=abort", "create=abort")
    done = bench.run(getattr(bench, given), "--jsonl", "out.jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (bench.folder / "out.jsonl").read_text().splitlines()]
    scenes = [line for line in lines if line["type"] == "scene"]
    assert [scene["index"] for scene in scenes] == list(range(40))
    assert [scene["backend"] for scene in scenes] == ["edgetpu"] * 10 + ["cpu"] * 30
    (fault,) = [line for line in lines if line["type"] != "scene"]
    assert (fault["type"], fault["backend"]) == ("fault", "edgetpu")
    assert "killed by SIGABRT" in fault["label"]
    statistics = json.loads(done.stdout)
    assert statistics["backends"] == {"edgetpu": 10, "cpu": 30}
    assert [change["type"] for change in statistics["changes"]] == ["fault"]
    assert "edgetpu: Edge TPU usb:0 by" in done.stderr
    assert f"guessed: {NAME}" in done.stderr


def test_the_compiled_model_of_a_bundle_is_used(bench: Bench, visitors: Path):
    """A bundle holds both models under names of its own."""
    compiled = compiled_twin((visitors / "model.tflite").read_bytes())
    (visitors / "model_edgetpu.tflite").write_bytes(compiled)
    digest = hashlib.sha256(compiled).hexdigest()
    with (visitors / "model.toml").open("a") as record:
        entry = f'{{ bytes = {len(compiled)}, sha256 = "{digest}" }}'
        record.write(f'"model_edgetpu.tflite" = {entry}\n')
    bench.plug()
    done = bench.run(visitors, "--backend", "edgetpu:usb:0")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backends"] == {"edgetpu": 40}
    assert bench.stick.devices == ["usb:0"]


def test_without_a_stick_the_cpu_answers(bench: Bench):
    done = bench.run(bench.compiled)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backends"] == {"cpu": 40}
    assert "is compiled, but no Edge TPU is here" in done.stderr


def test_the_stick_alone_answers_where_the_cpu_model_is_missing(bench: Bench):
    bench.plug()
    bench.cpu.unlink()
    done = bench.run(bench.compiled)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backends"] == {"edgetpu": 40}


@pytest.mark.parametrize(
    ("words", "cpu", "plugged", "says"),
    [
        ([], False, False, f"its CPU model is missing: .*/{NAME}.tflite"),
        (["--backend", "cpu"], False, True, f"its CPU model is missing: .*/{NAME}.tflite"),
        (["--backend", "edgetpu"], True, False, "no Edge TPU found"),
        (["--backend", "edgetpu"], True, True, "edgetpu: the Edge TPU's process ended"),
        (["--backend", "edgetpu:usb:1"], True, True, "edgetpu: no Edge TPU usb:1; found: usb:0"),
    ],
)
def test_no_way_to_answer_is_one_line(
    words: list[str], cpu: bool, plugged: bool, says: str, bench: Bench
):
    if not cpu:
        bench.cpu.unlink()
    if plugged:
        bench.plug()
    bench.stick.plan("create=abort")
    done = bench.run(bench.compiled, *words)
    lines = [line for line in done.stderr.splitlines() if line.startswith("edge: ")]
    assert (done.returncode, len(lines)) == (69, 1), done.stderr
    assert re.search(says, lines[0])


def test_a_forced_stick_that_dies_later_leaves_the_frames_to_the_cpu(bench: Bench):
    bench.plug()
    bench.stick.plan("after=6 then=exit", "create=exit")
    done = bench.run(bench.cpu, "--backend", "edgetpu")
    assert done.returncode == 0, done.stderr
    assert Counter(json.loads(done.stdout)["backends"]) == {"edgetpu": 5, "cpu": 35}

"""The bench that the engine's tests share, and a stand-in for a Coral stick."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from edgetpu_standin import Stick, build_library, compiled_twin
from engine_bench import Bench
from machine_trees import add_usb_tpu

from edge import bundle
from edge.bundle import Bundle
from edge.infer.runtime import Runtime, pick


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Return devices, a clock and engines; what still hangs or runs at the end is let go."""
    bench = Bench()
    yield bench
    for gate in bench.gates:
        gate.open.set()
    for engine in bench.engines:
        engine.close()


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    """Return the runtime that a run picks here."""
    return pick()


@pytest.fixture(scope="session")
def visitors(shared: Path) -> Bundle:
    """Return a model of this project's kind, with its compiled twin."""
    read = bundle.read_bare(shared / "data/mlperf-tiny/vww_96_int8.tflite")
    return replace(read, edgetpu_model=compiled_twin(read.model))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the stand-in for libedgetpu."""
    return build_library(tmp_path_factory.mktemp("edgetpu"))


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stick:
    """Return what every process started from here on has for a stick."""
    stick = Stick(tmp_path / "stick")
    monkeypatch.setenv("EDGETPU_STANDIN", str(stick.folder))
    return stick


@pytest.fixture
def machine_root(tmp_path: Path) -> Path:
    """Return the root of a machine with one Edge TPU on USB."""
    root = tmp_path / "machine"
    add_usb_tpu(root, "1-1", "18d1:9302", bus=1, device=2)
    return root

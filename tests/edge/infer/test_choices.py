"""Which backends a run gets, and what it says where it gets none."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from edgetpu_standin import Stick
from machine_trees import add_apex, add_usb_tpu

from edge import bundle
from edge.bundle import Bundle
from edge.config import EngineConfig
from edge.errors import BadDataError, NotFoundError, UnavailableError
from edge.infer.choices import choices, open_engine
from edge.infer.runtime import Runtime
from edge.infer.slot import Deadline

REQUIRED = EngineConfig(edgetpu_required=True, deadline_ms=20_000.0)


def names(model: Bundle, runtime: Runtime, config: EngineConfig) -> list[str]:
    return [choice.name for choice in choices(model, runtime, config, Deadline())]


def test_auto_takes_the_stick_that_is_there_then_the_cpu(
    visitors: Bundle, runtime: Runtime, machine_root: Path
) -> None:
    assert names(visitors, runtime, EngineConfig(root=machine_root)) == ["edgetpu", "cpu"]


def test_every_edge_tpu_is_a_choice_of_its_own(
    visitors: Bundle, runtime: Runtime, machine_root: Path
) -> None:
    add_usb_tpu(machine_root, "2-1", "1a6e:089a", bus=2, device=9)
    add_apex(machine_root, 0, "0000:01:00.0")
    found = names(visitors, runtime, EngineConfig(root=machine_root))
    assert found == ["edgetpu:usb:0", "edgetpu:usb:1", "edgetpu:pci:0", "cpu"]
    one = EngineConfig(root=machine_root, edgetpu=("pci:0",))
    assert names(visitors, runtime, one) == ["edgetpu", "cpu"]


def test_auto_without_a_stick_is_the_cpu_and_says_so(
    visitors: Bundle, runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert names(visitors, runtime, EngineConfig(root=tmp_path)) == ["cpu"]
    assert "is compiled, but no Edge TPU is here" in caplog.text


def test_auto_without_a_compiled_model_does_not_look_for_a_stick(
    visitors: Bundle, runtime: Runtime, machine_root: Path
) -> None:
    plain = replace(visitors, edgetpu_model=None)
    assert names(plain, runtime, EngineConfig(root=machine_root)) == ["cpu"]


def test_the_cpu_alone_is_the_cpu(visitors: Bundle, runtime: Runtime, machine_root: Path) -> None:
    assert names(visitors, runtime, EngineConfig(("cpu",), root=machine_root)) == ["cpu"]


def test_required_needs_a_compiled_model(
    visitors: Bundle, runtime: Runtime, machine_root: Path
) -> None:
    plain = replace(visitors, edgetpu_model=None)
    with pytest.raises(NotFoundError, match=r"has no X_edgetpu.tflite beside it: .*compile it"):
        names(plain, runtime, replace(REQUIRED, root=machine_root))
    kept = replace(plain, folder=Path("a folder"))
    with pytest.raises(NotFoundError, match=r"holds no .*: edge compile 'a folder' adds one$"):
        names(kept, runtime, replace(REQUIRED, root=machine_root))


def test_required_without_any_stick_names_the_cure(
    visitors: Bundle, runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError, match=r"no Edge TPU found: .*plug one in"):
        open_engine(visitors, runtime, replace(REQUIRED, root=tmp_path))


def test_required_sticks_that_cannot_start_are_all_named(
    visitors: Bundle, runtime: Runtime, machine_root: Path, library: Path, stick: Stick
) -> None:
    add_usb_tpu(machine_root, "2-1", "1a6e:089a", bus=2, device=9)
    stick.plan("create=abort")
    config = replace(REQUIRED, root=machine_root, edgetpu_library=str(library))
    with pytest.raises(UnavailableError) as raised:
        open_engine(visitors, runtime, replace(config, edgetpu=("usb:0", "usb:7")))
    first, second = raised.value.faults
    assert first.startswith("edgetpu:usb:0: the Edge TPU's process ended while")
    assert second == "edgetpu:usb:7: no Edge TPU usb:7; found: usb:0, usb:1"


def test_one_required_stick_that_works_is_enough(
    visitors: Bundle, runtime: Runtime, machine_root: Path, library: Path, stick: Stick
) -> None:
    config = replace(REQUIRED, root=machine_root, edgetpu_library=str(library))
    with open_engine(visitors, runtime, replace(config, edgetpu=("usb:7", "usb:0"))) as engine:
        faults = [backend.fault for backend in engine.statistics().backends]
    assert faults == ["no Edge TPU usb:7; found: usb:0", "", ""]


def test_auto_with_a_stick_that_cannot_start_goes_on_with_the_cpu(
    visitors: Bundle, runtime: Runtime, machine_root: Path
) -> None:
    config = EngineConfig(root=machine_root, edgetpu_library=str(machine_root / "absent.so"))
    with open_engine(visitors, runtime, config) as engine:
        tpu, cpu = engine.statistics().backends
    assert "absent.so is not installed; install libedgetpu1-std" in tpu.fault
    assert cpu.fault == ""


def test_a_recurrent_model_runs_on_the_cpu_and_says_so(
    visitors: Bundle, runtime: Runtime, machine_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recurrent = replace(visitors, states=(("before", "after"),))
    with caplog.at_level(logging.INFO):
        assert names(recurrent, runtime, EngineConfig(root=machine_root)) == ["cpu"]
    assert "only the CPU feeds its states back" in caplog.text
    with pytest.raises(BadDataError, match=r"is recurrent: .*take --backend cpu"):
        names(recurrent, runtime, replace(REQUIRED, root=machine_root))


@pytest.fixture
def compiled_alone(shared: Path, tmp_path: Path) -> Bundle:
    """Return a compiled model that lies in a folder by itself."""
    name = "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    shutil.copy(shared / "data/coral" / name, tmp_path / name)
    return bundle.with_twin(tmp_path / name, bundle.read_bare)


def test_compiled_without_stick_and_cpu_model_names_the_missing_file(
    compiled_alone: Bundle, runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError) as raised:
        names(compiled_alone, runtime, EngineConfig(root=tmp_path))
    (line,) = raised.value.faults
    missing = tmp_path / "mobilenet_v1_0.25_128_quant.tflite"
    assert line.endswith(f"its CPU model is missing: {missing}")


def test_compiled_without_cpu_model_runs_on_the_stick_alone(
    compiled_alone: Bundle,
    runtime: Runtime,
    machine_root: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert names(compiled_alone, runtime, EngineConfig(root=machine_root)) == ["edgetpu"]
    assert "no CPU model" in caplog.text

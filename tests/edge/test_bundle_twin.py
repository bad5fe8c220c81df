"""A model and its compiled twin side by side are one bundle, whichever is named."""

import shutil
from pathlib import Path

import pytest

from edge import bundle
from edge.bundle import read_bare, with_twin

NAME = "mobilenet_v1_0.25_128_quant"
OTHER = "split_concat"


@pytest.fixture
def cpu(shared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(shared / f"data/coral/{NAME}.tflite", tmp_path))


@pytest.fixture
def compiled(shared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(shared / f"data/coral/{NAME}_edgetpu.tflite", tmp_path))


def test_the_cpu_model_finds_its_twin(cpu: Path, compiled: Path) -> None:
    found = with_twin(cpu, read_bare)
    assert (found.model, found.edgetpu_model) == (cpu.read_bytes(), compiled.read_bytes())
    assert found.cpu_missing == ""
    assert f"{NAME}_edgetpu.tflite beside it is used where there is an Edge TPU" in found.guesses


def test_the_compiled_model_finds_its_twin(cpu: Path, compiled: Path) -> None:
    found = with_twin(compiled, read_bare)
    assert (found.model, found.edgetpu_model) == (cpu.read_bytes(), compiled.read_bytes())
    assert found.cpu_missing == ""
    assert f"{NAME}.tflite beside it answers where the Edge TPU does not" in found.guesses


def test_a_model_without_a_twin_stays_alone(cpu: Path) -> None:
    assert with_twin(cpu, read_bare) == read_bare(cpu)


def test_a_compiled_model_alone_names_the_one_that_is_missing(compiled: Path, cpu: Path) -> None:
    cpu.unlink()
    found = with_twin(compiled, read_bare)
    assert found.model == found.edgetpu_model == compiled.read_bytes()
    assert found.cpu_missing == str(cpu)


def test_a_compiled_model_of_another_name_says_how_to_name_the_pair(compiled: Path) -> None:
    other = compiled.rename(compiled.with_name("stick.tflite"))
    assert "of stick.tflite (name the pair X.tflite and X_edgetpu" in (
        with_twin(other, read_bare).cpu_missing
    )


def test_a_twin_in_name_only_is_not_used_and_said(cpu: Path) -> None:
    shutil.copy(cpu, cpu.with_name(f"{NAME}_edgetpu.tflite"))
    for path in (cpu, cpu.with_name(f"{NAME}_edgetpu.tflite")):
        found = with_twin(path, read_bare)
        assert (found.edgetpu_model, found.cpu_missing) == (None, "")
    assert "beside it has no operator for the Edge TPU" in with_twin(cpu, read_bare).guesses[-1]


def test_a_folder_is_read_as_it_is(visitors: Path) -> None:
    assert with_twin(visitors, bundle.read) == bundle.read(visitors)

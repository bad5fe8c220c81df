"""What a runtime computes beside the reference kernels, and when that is an error."""

from pathlib import Path

import numpy as np
import pytest

from edge import tflite
from edge.bundle import Output
from edge.errors import BadDataError
from edge.training.parity import (
    Parity,
    before_squash,
    compare,
    flipped,
    parity_faults,
    run,
    runtime_names,
)

RESNET = "mlperf-tiny/pretrainedResnet_quant.tflite"


def frames(count: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(1).integers(-128, 128, (count, *shape)).astype(np.int8)


@pytest.fixture(scope="module")
def resnet(shared: Path) -> bytes:
    return (shared / "data" / RESNET).read_bytes()


def test_reference_kernels_answer_the_same_twice(resnet: bytes) -> None:
    inputs = (frames(3, (32, 32, 3)),)
    name = runtime_names()[0]
    first, again = (run(resnet, inputs, name, "reference") for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.ptp(first[0].astype(int)) > 100


def test_every_runtime_here_agrees_with_the_reference_on_a_real_model(resnet: bytes) -> None:
    output = Output("scores", "scores", (1, 10), "int8", 1 / 256, -128)
    found = compare(resnet, (frames(24, (32, 32, 3)),), [output], runtime_names())
    assert [p.runtime for p in found] == list(runtime_names())
    for parity in found:
        assert parity.squash == "SOFTMAX"
        assert 0 < parity.max_steps < 30
        assert parity.n == 24
    assert [p for p in found if p.typical_steps > 8] == []


def test_the_tensor_before_softmax_is_looked_at(resnet: bytes) -> None:
    graph = tflite.read(resnet)
    ((index, squash),) = before_squash(graph)
    assert squash == "SOFTMAX"
    assert graph.operators[-1].inputs == (index,)
    inner = tflite.with_outputs(resnet, [index])
    inputs = (frames(2, (32, 32, 3)),)
    logits = run(inner, inputs, runtime_names()[0], "reference")[0]
    scores = run(resnet, inputs, runtime_names()[0], "reference")[0]
    assert np.array_equal(logits.argmax(1), scores.argmax(1))
    assert not np.array_equal(logits, scores)


def test_an_output_without_softmax_is_itself(shared: Path) -> None:
    graph = tflite.read((shared / "data/mlperf-tiny/ad01_int8.tflite").read_bytes())
    assert before_squash(graph) == ((graph.outputs[0], ""),)


def test_a_model_that_no_runtime_takes_is_one_line(shared: Path) -> None:
    model = (shared / "data/tflite-micro/person_detect.tflite").read_bytes()
    with pytest.raises(BadDataError, match="cannot run this model") as caught:
        run(model, (frames(1, (96, 96, 1)),), runtime_names()[0])
    assert "\n" not in caught.value.faults[0]


def test_a_runtime_that_dies_is_one_line(shared: Path) -> None:
    model = (shared / "data/tflite-micro/keyword_scrambled_8bit.tflite").read_bytes()
    shape = tflite.read(model).tensors[tflite.read(model).inputs[0]].shape[1:]
    with pytest.raises(BadDataError, match=r"dies on this model|cannot run this model"):
        run(model, (frames(1, shape),), runtime_names()[0], "reference")


def test_a_tie_has_no_best_class_to_flip() -> None:
    want = np.array([[5, 5, 1], [9, 2, 1], [1, 2, 9]], np.int8)
    have = np.array([[4, 5, 1], [9, 2, 1], [1, 9, 8]], np.int8)
    assert flipped(want, have).tolist() == [False, False, True]


def parity(typical: float = 1, most: int = 3, flips: float | None = 0.0) -> Parity:
    return Parity("litert", "scores", "", most, typical, 0.1, flips, 64)


@pytest.mark.parametrize("found", [parity(8, 30), parity(0, 0, None), parity(2, 9, 0.05)], ids=str)
def test_rounding_is_no_fault(found: Parity) -> None:
    assert parity_faults([found]) == ()


@pytest.mark.parametrize("found", [parity(8.5, 9), parity(1, 3, 0.051)], ids=str)
def test_a_wrong_operator_is_a_fault_with_figures(found: Parity) -> None:
    (fault,) = parity_faults([found, parity()])
    assert "scores on litert" in fault
    assert "allowed: 8 steps in the median input and 5%" in fault

"""Recurrent models: outputs come back as inputs of the next answer."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tiny_models import Made, Step, tiny_model

from edge import bundle as bundles
from edge.bundle import Bundle, Decode, Input, Output
from edge.errors import BadDataError
from edge.infer.cpu import open_cpu
from edge.infer.runtime import pick
from edge.recognizer import picture_input

RUNTIME = pick()
ADD = 0
SHAPE = (1, 8, 8, 3)
ZERO_POINT = 5


def counting(states: tuple[tuple[str, str], ...], dtype: str = "int8") -> Bundle:
    """Return a model whose output is picture + state; both in steps of 1."""
    scale, zero_point = (1.0, ZERO_POINT) if dtype == "int8" else (0.0, 0)
    names = ("image", "before", "after")
    tensors = [Made(name, SHAPE, dtype, scale, zero_point) for name in names]
    model = tiny_model(tensors, [0, 1], [2], [Step(ADD, (0, 1), (2,))])
    image = Input("image", "image", SHAPE, dtype, scale, zero_point, mean=(0.0,), std=(1.0,))
    before = Input("before", "tensor", SHAPE, dtype, scale, zero_point)
    after = Output("after", "raw", SHAPE, dtype, scale, zero_point)
    return Bundle("counter", "raw", (image, before), (after,), Decode(), (), model, states=states)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_state_begins_at_nought_and_is_what_came_out_before(dtype: str) -> None:
    bundle = counting((("before", "after"),), dtype)
    backend = open_cpu(bundle, RUNTIME)
    pixels = np.full(SHAPE[1:], 3, np.uint8)
    sums = [float(backend.infer((pixels,))[0].mean()) for _ in range(4)]
    assert sums == [3.0, 6.0, 9.0, 12.0]
    fresh = open_cpu(bundle, RUNTIME)
    assert float(fresh.infer((pixels,))[0].mean()) == 3.0


def test_without_states_every_input_is_asked_for() -> None:
    backend = open_cpu(counting(()), RUNTIME)
    pixels, state = np.full(SHAPE[1:], 3, np.uint8), np.full(SHAPE[1:], 40.0, np.float32)
    for _ in range(2):
        assert float(backend.infer((pixels, state))[0].mean()) == 43.0
    with pytest.raises(BadDataError, match="1 inputs given; the model takes 2"):
        backend.infer((pixels,))


def test_a_state_is_no_input_of_a_picture() -> None:
    assert picture_input(counting((("before", "after"),))).name == "image"
    with pytest.raises(BadDataError, match="does not take one picture"):
        picture_input(counting(()))


def test_two_states_come_back_each_to_its_own_input(shared: Path) -> None:
    """A quantised model of another project: states of float [1, 2] and int32 among four inputs."""
    path = "suites/derived-int8/mediapipe__feedback_tensor_test_model.int8.tflite"
    bare = bundles.read(shared / "data" / path)
    ints, pair = bare.inputs[2], bare.inputs[3]
    fed = {(*out.shape, out.dtype): out.name for out in bare.outputs}
    states = tuple((spec.name, fed[(*spec.shape, spec.dtype)]) for spec in (ints, pair))
    recurrent = dataclasses.replace(bare, states=states)
    backend, plain = open_cpu(recurrent, RUNTIME), open_cpu(bare, RUNTIME)
    given = [np.full(spec.shape, spec.scale * 3, np.float32) for spec in bare.inputs[:2]]
    held = [np.zeros(spec.shape, np.float32) for spec in (ints, pair)]
    names = [spec.name for spec in bare.outputs]
    for _ in range(3):
        wanted = plain.infer((*given, *held))
        got = backend.infer(given)
        for a, b in zip(got, wanted, strict=True):
            assert np.array_equal(a, b)
        held = [wanted[names.index(name)] for _, name in states]

"""How training saw pixels is found out: from the model, the numbers, or BatchNormalization."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import to_real, toy_pictures

from edge.bundle import Input
from edge.training.calibration import Material, realise
from edge.training.load import load
from edge.training.pixels import guess, is_picture, mismatch, rescaling_inside

pytestmark = pytest.mark.train

PIXELS, _ = toy_pictures(64, seed=9)


def rescaling(scale: float, offset: float) -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [keras.Input((24, 24, 3)), layers.Rescaling(scale, offset), layers.Conv2D(4, 3)]
    )


def material(values: np.ndarray) -> Material:
    return Material(rows=tuple((row,) for row in values))


def spec(mean: float, std: float) -> Input:
    return Input("image", "image", (1, 24, 24, 3), "int8", 0.0, 0, mean=(mean,), std=(std,))


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (1 / 127.5, -1.0)])
def test_a_rescaling_inside_takes_plain_pixels(scale: float, offset: float) -> None:
    model = load(rescaling(scale, offset))
    assert rescaling_inside(model, 0) == f"x * {scale:.3g}"
    found = guess(model, 0, material(PIXELS), (PIXELS.astype(np.float32),))
    assert (found.mean, found.std) == (0.0, 1.0)
    assert "scales pixels itself" in found.why


def test_other_factors_are_no_rescaling_of_pixels() -> None:
    assert rescaling_inside(load(rescaling(2.0, 0.0)), 0) == ""


def test_batch_normalization_remembers_what_training_saw(classifier: Any) -> None:
    found = guess(load(classifier), 0, material(PIXELS), (PIXELS.astype(np.float32),))
    assert (found.mean, found.std) == (127.5, 127.5)
    assert "first BatchNormalization" in found.why


def test_a_real_model_that_saw_plain_pixels_is_recognised(shared: Path) -> None:
    model = load(shared / "data/mlperf-tiny/pretrainedResnet.h5")
    pixels = np.stack([p[:16, :16].repeat(2, 0).repeat(2, 1) for p in PIXELS])
    found = guess(model, 0, material(pixels), (pixels.astype(np.float32),))
    assert (found.mean, found.std) == (0.0, 1.0)


@pytest.mark.parametrize(("scaling", "expected"), [
    ((0.0, 255.0), (0.0, 255.0)), ((127.5, 127.5), (127.5, 127.5)), ((0.0, 1.0), (0.0, 1.0)),
])  # fmt: skip
def test_float_arrays_tell_their_range(
    classifier: Any, scaling: tuple[float, float], expected: tuple[float, float]
) -> None:
    mean, std = scaling
    values = ((PIXELS - mean) / std).astype(np.float32)
    found = guess(load(classifier), 0, material(values), None)
    assert (found.mean, found.std) == expected


def test_a_range_that_training_never_saw_is_named_with_the_right_one(classifier: Any) -> None:
    model = load(classifier)
    wrong = spec(0.0, 1.0)
    line = mismatch(model, [wrong], realise(material(PIXELS), [wrong]))
    assert "training saw pixels as -1..1" in line
    assert "give mean 127.5, std 127.5" in line
    right = spec(127.5, 127.5)
    assert mismatch(model, [right], (to_real(PIXELS),)) == ""


def test_a_batch_normalization_that_never_learned_has_no_say() -> None:
    import keras

    layers = keras.layers
    model = load(
        keras.Sequential(
            [keras.Input((24, 24, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()]
        )
    )
    found = guess(model, 0, material(PIXELS), (PIXELS.astype(np.float32),))
    assert (found.mean, found.std) == (0.0, 255.0)
    assert "nothing says" in found.why


def test_pictures_are_told_from_tensors() -> None:
    port = load(rescaling(1.0, 0.0)).inputs[0]
    assert is_picture(port, material(PIXELS))
    assert is_picture(port, Material(paths=(Path("a.png"),)))

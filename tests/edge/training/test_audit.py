"""Representative data that convert without complaint and ruin a model are refused, in one line."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys import toy_pictures

from edge.bundle import Input
from edge.training.audit import audit_samples, is_wrapped, neighbour_correlation

Pixels = NDArray[np.uint8]
PIXELS, _ = toy_pictures(200, seed=3)
SCALINGS = {"0..1": (0.0, 255.0), "-1..1": (127.5, 127.5), "0..255": (0.0, 1.0)}


def spec(scaling: str, kind: str = "image") -> Input:
    mean, std = SCALINGS[scaling]
    return Input("image", kind, (1, 24, 24, 3), "int8", 0.0, 0, mean=(mean,), std=(std,))  # type: ignore[arg-type]


def real(pixels: Pixels, scaling: str) -> NDArray[np.float32]:
    mean, std = SCALINGS[scaling]
    return ((pixels - mean) / std).astype(np.float32)


def spoiled(index: int, value: float) -> Callable[[], NDArray[np.float32]]:
    def make() -> NDArray[np.float32]:
        samples = real(PIXELS, "0..1")
        samples[index, 3, 4, 1] = value
        return samples

    return make


def noise() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 1, PIXELS.shape).astype(np.float32)


# What is given for a model that was trained on 0..1 -> what the one line must say.
RUINS: dict[str, tuple[Callable[[], NDArray[np.float32]], str]] = {
    "pixels of 0..255": (lambda: real(PIXELS, "0..255"), "look like 0..255"),
    "pixels of -1..1": (lambda: real(PIXELS, "-1..1"), "look like -1..1"),
    "a hundredth": (lambda: real(PIXELS, "0..1") / 100, "a small part of the range"),
    "uniform noise": (noise, "noise, not pictures"),
    "all zeros": (lambda: np.zeros(PIXELS.shape, np.float32), "every value of every sample is 0"),
    "one constant": (lambda: np.full(PIXELS.shape, 0.5, np.float32), "sample is 0.5"),
    "plain colours": (
        lambda: np.broadcast_to(
            np.linspace(0, 1, 200, dtype=np.float32)[:, None, None, None], PIXELS.shape
        ),
        "200 of 200 samples hold one constant",
    ),
    "one picture again": (
        lambda: np.repeat(real(PIXELS[:1], "0..1"), 50, axis=0), "all 50 samples are the same"
    ),
    "NaN in one": (spoiled(17, np.nan), "NaN or infinity in 1 of 200 samples (first: sample 17)"),
    "infinity in one": (spoiled(5, -np.inf), "(first: sample 5)"),
    "an outlier of 10,000": (spoiled(137, 10_000.0), "sample 137 reaches 1e+04"),
    "too few": (lambda: real(PIXELS[:3], "0..1"), "3 calibration samples are too few"),
    "none": (lambda: real(PIXELS[:0], "0..1"), "no calibration sample"),
    "uint8 viewed as int8": (
        lambda: PIXELS.view(np.int8).astype(np.float32), "uint8 pictures viewed as int8"
    ),
    "uint8 viewed as int8 over 255": (
        lambda: PIXELS.view(np.int8).astype(np.float32) / 255, "uint8 pictures viewed as int8"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUINS)
def test_what_ruins_a_model_is_named_in_one_line(name: str) -> None:
    make, expected = RUINS[name]
    faults = audit_samples((np.array(make()),), (spec("0..1"),)).faults
    assert len(faults) == 1
    assert expected in faults[0]
    assert "\n" not in faults[0]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_pictures_as_in_training_pass(scaling: str) -> None:
    audit = audit_samples((real(PIXELS, scaling),), (spec(scaling),))
    assert audit.faults == ()
    assert audit.notes == ()


@pytest.mark.parametrize(("given_as", "wanted"), [
    ("0..1", "-1..1"), ("0..255", "-1..1"), ("0..1", "0..255"), ("-1..1", "0..255"),
])  # fmt: skip
def test_every_confusion_of_the_usual_ranges_is_found(given_as: str, wanted: str) -> None:
    faults = audit_samples((real(PIXELS, given_as),), (spec(wanted),)).faults
    assert len(faults) == 1
    assert f"look like {given_as}" in faults[0]


def test_int8_view_is_found_where_the_range_is_right() -> None:
    viewed = PIXELS.view(np.int8).astype(np.float32) / 127.5
    faults = audit_samples((viewed,), (spec("-1..1"),)).faults
    assert len(faults) == 1
    assert "viewed as int8" in faults[0]


def test_all_faults_are_said_at_once() -> None:
    bad = real(PIXELS[:8], "0..255")
    bad[3, 0, 0, 0] = np.nan
    bad[5, 0, 0, 0] = 1e9
    other = Input("size", "tensor", (1, 4), "int8", 0.0, 0)
    faults = audit_samples((bad, np.zeros((8, 4), np.float32)), (spec("0..1"), other)).faults
    text = "\n".join(faults)
    for part in ("too few", "NaN", "sample 5", "look like 0..255", "input 'size': every value"):
        assert part in text


def test_dark_pictures_that_were_prepared_here_are_no_fault() -> None:
    dark = real((PIXELS // 8).astype(np.uint8), "0..1")
    assert audit_samples((dark,), (spec("0..1"),), prepared=True).faults == ()
    assert audit_samples((dark,), (spec("0..1"),)).faults != ()


def test_few_samples_are_said_aloud_but_taken() -> None:
    audit = audit_samples((real(PIXELS[:50], "0..1"),), (spec("0..1"),))
    assert audit.faults == ()
    assert "50 calibration samples" in audit.notes[0]


def test_a_tensor_may_hold_noise_and_any_range() -> None:
    values = np.random.default_rng(1).normal(0, 40, (64, 24, 24, 3)).astype(np.float32)
    assert audit_samples((values,), (spec("0..1", "tensor"),)).faults == ()


def test_heavy_tails_are_no_outliers() -> None:
    values = np.random.default_rng(1).laplace(0, 1, (200, 49)).astype(np.float32)
    port = Input("mfcc", "tensor", (1, 49), "int8", 0.0, 0)
    assert audit_samples((values,), (port,)).faults == ()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), gain=st.floats(0.3, 1.0), scaling=st.sampled_from(list(SCALINGS))
)
def test_real_pictures_are_never_called_wrapped_or_noise(
    seed: int, gain: float, scaling: str
) -> None:
    pixels = (toy_pictures(12, seed)[0] * gain).astype(np.uint8)
    pictures = real(pixels, scaling)
    assert not is_wrapped(pictures)
    assert neighbour_correlation(pictures) > 0.5


def test_noise_of_any_distribution_has_no_neighbours() -> None:
    rng = np.random.default_rng(2)
    for made in (rng.normal(size=(20, 24, 24, 3)), rng.integers(0, 2, (20, 24, 24, 1))):
        assert abs(neighbour_correlation(made.astype(np.float32))) < 0.1

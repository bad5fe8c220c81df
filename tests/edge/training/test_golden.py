"""Golden inputs are synthetic, reproducible, and their outputs are far apart."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import Bundle, Decode, Input, Output
from edge.training.golden import Batch, farthest, search, smooth_noise, spread
from edge.training.prove import spread_faults, steady

SPEC = Input("image", "image", (1, 12, 12, 3), "int8", 1 / 255, -128)
SAMPLES = (np.random.default_rng(1).uniform(0, 1, (20, 12, 12, 3)).astype(np.float32),)


def brightness(inputs: Batch) -> Batch:
    """Answer as a model would: the mean of each channel."""
    return (np.round(inputs[0].mean(axis=(1, 2))).astype(np.int8),)


def test_outputs_move_over_half_of_the_range() -> None:
    found = search(brightness, [SPEC], SAMPLES, 8, 64)
    assert found[0].shape == (8, 12, 12, 3)
    assert found[0].dtype == np.int8
    assert spread(brightness(found))[0] > 128


def test_the_same_seed_gives_the_same_vectors_and_another_does_not() -> None:
    first, again, other = (search(brightness, [SPEC], SAMPLES, 8, 32, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_no_sample_of_the_user_is_among_them() -> None:
    found = search(brightness, [SPEC], SAMPLES, 8, 64)[0].astype(int)
    samples = np.round(SAMPLES[0] * 255).astype(int) - 128
    apart = np.abs(found[:, None] - samples[None]).mean(axis=(2, 3, 4))
    assert apart.min() > 10


def test_farthest_takes_the_corners() -> None:
    square = np.array([[0, 0], [0, 100], [100, 0], [100, 100], [50, 50], [49, 51]], np.int8)
    assert sorted(farthest((square,), 4)) == [0, 1, 2, 3]


def test_vectors_on_which_runtimes_agree_come_first() -> None:
    outputs = (np.arange(20, dtype=np.int8)[:, None],)
    differs = np.where(np.arange(20) % 2, 9, 1)
    assert all(differs[i] == 1 for i in steady(outputs, differs, 8))
    assert sorted(steady(outputs, np.arange(20)[::-1] + 5, 3)) == [17, 18, 19]


@settings(max_examples=30, deadline=None)
@given(shape=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 1000))
def test_noise_has_any_shape_and_is_finite(shape: list[int], seed: int) -> None:
    noise = smooth_noise(np.random.default_rng(seed), shape)
    assert noise.shape == tuple(shape)
    assert np.isfinite(noise).all()


def test_an_output_that_never_moves_is_a_fault_and_one_that_hardly_moves_a_note() -> None:
    outputs = tuple(
        Output(name, "raw", (1, 2), "int8", 0.1, 0) for name in ("dead", "slow", "live")
    )
    bundle = Bundle("model", "raw", (SPEC,), outputs, Decode(), (), b"")
    still = np.zeros((8, 2), np.int8)
    slow, live = still.copy(), still.copy()
    slow[3, 1], live[3, 1] = 5, 50
    notes, faults = spread_faults(bundle, (still, slow, live), (still, still, still))
    assert [("'slow'" in note, "5 steps" in note) for note in notes] == [(True, True)]
    assert ["'dead'" in fault for fault in faults] == [True]

"""Inputs to compare on: synthetic, seeded, from dark to bright and from flat to wild."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Tensor
from firmware_export.node import NUMPY_TYPES, sample_shape

MOST, LEAST = 1000, 8
BUDGET_MACS = 2e10


def count_for(macs: int) -> int:
    """Return how many inputs a thorough comparison takes: fewer for a larger model."""
    return int(min(max(BUDGET_MACS / max(macs, 1), LEAST), MOST))


def synthetic(inputs: Sequence[Tensor], count: int, seed: int = 1) -> list[NDArray[np.integer]]:
    """Return one array (count, *shape without batch) for each input, in its own dtype.

    Every second one is noise over the whole range; the others have a level and an amplitude of
    their own, which reach parts of a network that noise averages away.
    """
    rng = np.random.default_rng(seed)
    return [_batch(rng, tensor, count) for tensor in inputs]


def _batch(rng: np.random.Generator, tensor: Tensor, count: int) -> NDArray[np.integer]:
    dtype = np.dtype(NUMPY_TYPES[tensor.dtype])
    limits = np.iinfo(dtype)
    sides = sample_shape(tensor)
    noise = rng.uniform(limits.min, limits.max, (count, *sides))
    level = rng.uniform(limits.min, limits.max, (count, *[1] * len(sides)))
    amplitude = rng.uniform(0.0, 0.5, level.shape)
    calm = level + amplitude * (noise - noise.mean(axis=tuple(range(1, noise.ndim)), keepdims=True))
    odd = np.arange(count).reshape(level.shape) % 2 == 1
    result: NDArray[np.integer] = (
        np.where(odd, calm, noise).round().clip(limits.min, limits.max).astype(dtype)
    )
    return result

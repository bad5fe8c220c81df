"""Golden inputs: synthetic, no picture of anybody's, with outputs as far apart as can be found.

Outputs that hardly move pass every comparison. So a pool of structured random inputs is run, the
most different ones are crossed, and those farthest from each other are taken.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Input
from edge.infer.backend import Array
from edge.infer.border import quantise
from edge.training.calibration import Samples
from edge.training.load import Float

Batch = tuple[Array, ...]  # one array (n, ...) per input or output, as the model's tensors hold it
Run = Callable[[Batch], Batch]

ROUNDS = 2  # of crossing
PARENTS = 16
COARSEST, FINEST = 2, 16  # cells along an axis


def search(
    run: Run, specs: Sequence[Input], samples: Samples, count: int, pool: int, seed: int = 1
) -> Batch:
    """Return `count` quantised inputs (n, ...), chosen from `pool` and its crossings.

    `run` answers a batch; `samples`, the calibration data, lend only their mean and deviation.
    """
    rng = np.random.default_rng(seed)
    statistics = [(s.mean(axis=0), s.std(axis=0)) for s in samples]
    inputs = _stacked([_candidate(rng, specs, statistics) for _ in range(pool)])
    outputs = run(inputs)
    for _ in range(ROUNDS):
        parents = farthest(outputs, min(PARENTS, pool))
        crossed = _stacked([_cross(rng, inputs, parents) for _ in range(pool // 2)])
        inputs, outputs = _joined(inputs, crossed), _joined(outputs, run(crossed))
    chosen = farthest(outputs, count)
    return tuple(a[chosen] for a in inputs)


def spread(outputs: Batch) -> list[int]:
    """Return for each output by how many steps its most mobile element moves over the batch."""
    return [int(np.ptp(a.astype(np.int64), axis=0).max()) if len(a) else 0 for a in outputs]


def farthest(outputs: Batch, count: int) -> list[int]:
    """Return indices of outputs far from each other, each output counting alike.

    Greedy: the farthest from all taken so far comes next (Gonzalez, 1985).
    """
    features = np.concatenate([_feature(a) for a in outputs], axis=1)
    chosen = [int(np.square(features - features.mean(axis=0)).sum(axis=1).argmax())]
    distance = np.full(len(features), np.inf)
    while len(chosen) < min(count, len(features)):
        step = np.square(features - features[chosen[-1]]).sum(axis=1)
        distance = np.minimum(distance, step)
        distance[chosen] = -1.0
        chosen.append(int(distance.argmax()))
    return chosen


def _feature(values: Array) -> NDArray[np.float64]:
    flat = values.reshape(len(values), -1).astype(np.float64)
    scale = np.sqrt(np.square(flat - flat.mean(axis=0)).sum(axis=1).mean())
    scaled: NDArray[np.float64] = flat / max(float(scale), 1e-9)
    return scaled


def _stacked(rows: Sequence[Sequence[Array]]) -> Batch:
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def _joined(first: Batch, second: Batch) -> Batch:
    return tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))


def _candidate(
    rng: np.random.Generator, specs: Sequence[Input], statistics: Sequence[tuple[Float, Float]]
) -> list[Array]:
    """Return one quantised input per spec, without the batch: smooth or two-tone random areas."""
    row = []
    for spec, (mean, std) in zip(specs, statistics, strict=True):
        wave = smooth_noise(rng, spec.shape[1:])
        if rng.random() < 0.3:
            wave = np.sign(wave)
        wave = wave * np.exp(rng.uniform(-1.2, 1.2)) + rng.normal()
        limits = np.iinfo(spec.dtype)
        middle = (limits.min + limits.max) / 2 - spec.zero_point
        if rng.random() < 0.5:
            real = mean + std * wave
        else:
            real = (middle + 127.5 * np.clip(wave, -1, 1)) * spec.scale
        row.append(quantise(real, spec.dtype, spec.scale, spec.zero_point))
    return row


def _cross(rng: np.random.Generator, inputs: Batch, parents: Sequence[int]) -> list[Array]:
    first, second = rng.choice(parents, 2)
    row = []
    for values in inputs:
        mask = smooth_noise(rng, values.shape[1:]) > rng.normal() / 2
        row.append(np.where(mask, values[first], values[second]))
    return row


def smooth_noise(rng: np.random.Generator, shape: Sequence[int]) -> NDArray[np.float64]:
    """Return normal noise that is random on a coarse grid and linear between, of this shape.

    The last axis of a shape with several (channels) keeps its own noise.
    """
    cells = 2 ** rng.uniform(np.log2(COARSEST), np.log2(FINEST))
    stretched = shape if len(shape) == 1 else shape[:-1]
    coarse = [max(2, min(size, round(cells))) if size > 1 else 1 for size in stretched]
    values = rng.normal(size=(*coarse, *shape[len(stretched) :]))
    for axis, size in enumerate(stretched):
        at = np.linspace(0, values.shape[axis] - 1, size)
        low = np.minimum(at.astype(int), max(values.shape[axis] - 2, 0))
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        high = np.minimum(low + 1, values.shape[axis] - 1)
        values = values.take(low, axis) * (1 - part) + values.take(high, axis) * part
    return values

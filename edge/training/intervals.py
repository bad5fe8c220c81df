"""95 % intervals: Wilson's for shares, the bootstrap by picture for everything else."""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Interval

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
ROUNDS = 1000

Weights = NDArray[np.float64]


def wilson(successes: int, n: int) -> Interval:
    """Return the share `successes / n` with its score interval (Wilson, 1927, JASA 22:209).

    Unlike the normal approximation it is sound near 0 and 1. Without trials: 0, from 0 to 1.
    """
    if n == 0:
        return Interval(0.0, 0.0, 1.0, 0)
    share = successes / n
    spread = Z_95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 / (1 + spread) * sqrt(share * (1 - share) / n + spread / (4 * n))
    # the formula reaches the ends exactly; rounding must not step over the value there
    return Interval(share, min(centre - half, share), max(centre + half, share), n)


def resamples(n: int, seed: int, rounds: int = ROUNDS) -> Weights:
    """Return how often each of `n` pictures is drawn, float64 (rounds, n), each row's sum n."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=rounds)
    return drawn.astype(np.float64)


def bootstrap(
    statistic: Callable[[Weights], NDArray[np.float64]],
    n: int,
    seed: int = 1,
    rounds: int = ROUNDS,
) -> Interval:
    """Return a statistic of `n` pictures with its percentile interval (Efron, 1979).

    `statistic` takes weights (rounds, n) and returns one value a row; NaN rows, in which it is
    undefined, are left out. Pictures are drawn whole, since the objects of one go together.
    """
    if n == 0:
        return Interval(0.0, 0.0, 1.0, 0)
    value = float(statistic(np.ones((1, n)))[0])
    values = statistic(resamples(n, seed, rounds))
    defined = values[~np.isnan(values)]
    if np.isnan(value) or not len(defined):
        return Interval(0.0, 0.0, 1.0, n)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(value, min(float(low), value), max(float(high), value), n)

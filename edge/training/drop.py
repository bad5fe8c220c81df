"""What quantising costs: float against int8 on the same pictures, and when that is too much."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle, Interval, Score
from edge.errors import BadDataError, EdgeError
from edge.infer.backend import Array, Reals
from edge.infer.cpu import open_cpu
from edge.infer.runtime import Runtime
from edge.training.calibration import to_real
from edge.training.intervals import bootstrap, wilson
from edge.training.load import FloatModel

Hits = NDArray[np.bool_]
Row = tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both scores, and what was lost: float minus int8 with its interval paired by picture."""

    score: Score
    drop: Interval


Evaluate = Callable[[Bundle], Comparison]  # of a bundle in memory


def drop_interval(float_correct: Sequence[float], int8_correct: Sequence[float]) -> Interval:
    """Return the mean of float minus int8 with its 95 % interval, paired by picture.

    Right or wrong (0, 1): Newcombe's method 10 for paired proportions (Statistics in Medicine
    17:2635, 1998), which is honest for few pictures too. Other scores: a bootstrap by picture.
    Raises BadDataError where the lengths differ or nothing is given.
    """
    before, after = np.asarray(float_correct, np.float64), np.asarray(int8_correct, np.float64)
    if before.shape != after.shape or before.ndim != 1 or not len(before):
        raise BadDataError(
            f"scores of {before.size} pictures by the float model, {after.size} by the int8 one; "
            "both need the same, at least one"
        )
    if np.isin(np.concatenate([before, after]), (0.0, 1.0)).all():
        return _newcombe(before == 1, after == 1)
    lost = before - after
    return bootstrap(lambda weights: weights @ lost / weights.sum(axis=1), len(lost))


def _newcombe(before: Hits, after: Hits) -> Interval:
    n = len(before)
    both, only_before = int((before & after).sum()), int((before & ~after).sum())
    only_after, none = int((~before & after).sum()), int((~before & ~after).sum())
    first, second = wilson(both + only_before, n), wilson(both + only_after, n)
    phi = _phi(both, only_before, only_after, none)
    down, up = first.value - first.low, second.high - second.value
    low = sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))
    down, up = second.value - second.low, first.high - first.value
    high = sqrt(max(up**2 - 2 * phi * up * down + down**2, 0.0))
    value = (only_before - only_after) / n
    return Interval(value, value - low, value + high, n)


def _phi(both: int, only_before: int, only_after: int, none: int) -> float:
    """Return the correlation of the pairs, moved towards 0 by the continuity correction."""
    n = both + only_before + only_after + none
    product = (
        (both + only_before) * (only_after + none) * (both + only_after) * (only_before + none)
    )
    if not product:
        return 0.0
    cross = both * none - only_before * only_after
    if cross > 0:
        cross = max(cross - n / 2, 0)  # type: ignore[assignment]
    return cross / sqrt(product)


def require_small_drop(comparison: Comparison, max_drop: float) -> None:
    """Raise EdgeError where int8 is worse than float by more than `max_drop` beyond doubt."""
    lost, score = comparison.drop, comparison.score
    if lost.low > max_drop:
        raise EdgeError(
            f"int8 loses {lost.value:.3f} of {score.metric} (95 % interval {lost.low:.3f} to "
            f"{lost.high:.3f}, n={lost.n}): float {score.float.value:.3f}, int8 "
            f"{score.int8.value:.3f}; allowed is {max_drop:g} (--max-drop); calibrate with "
            "pictures like those of the test, or train longer with BatchNormalization"
        )


def compare_top1(
    model: FloatModel, bundle: Bundle, runtime: Runtime, rows: Iterable[Row], truth: Sequence[int]
) -> Comparison:
    """Return top-1 of the float model and of the bundle on the same prepared rows.

    A row has one array per input without the batch: uint8 pixels, or the model's own numbers;
    `truth` holds class numbers. Both models see the same, so that they differ in the arithmetic
    of the network alone.
    """
    rows = iter(rows)
    first = next(rows)
    # floats for an image are past its mean and std already
    plain = tuple(
        spec if value.dtype == np.uint8 else replace(spec, kind="tensor")
        for spec, value in zip(bundle.inputs, first, strict=True)
    )
    backend = open_cpu(replace(bundle, inputs=plain), runtime)
    before, after = [], []
    try:
        for row, wanted in zip(itertools.chain([first], rows), truth, strict=True):
            reals = [to_real(v, s)[None] for v, s in zip(row, bundle.inputs, strict=True)]
            before.append(_best(model.call(reals)) == wanted)
            after.append(_best(backend.infer(row)) == wanted)
    finally:
        backend.close()
    scores = [wilson(sum(hits), len(hits)) for hits in (before, after)]
    return Comparison(Score("top1", *scores), drop_interval(before, after))


def _best(outputs: Reals | tuple[Array, ...]) -> int:
    return int(np.asarray(outputs[0]).argmax())

"""What is right and what is wrong: matching, precision and recall, average precision, confusion.

A classification is treated as one object a picture and one answer a picture, so that the same
functions score both tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Thresholds
from edge.overlap import iou
from edge.scene import Box, Detection

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Found = Sequence[Sequence[Detection]]
Truth = Sequence[Sequence[tuple[str, Box]]]

MOST_DETECTIONS = 100  # a picture, as COCO counts
RECALLS = np.linspace(0.0, 1.0, 101)  # the points at which COCO reads the precision


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Every answer (D of them, best first within a picture) with whether it found an object.

    `picture`, `kind` int64 (D,): indices of picture and label; `score` float64 (D,); `hit`
    bool (D,); `truth` int64 (n, C): how many objects of each label each picture holds.
    """

    picture: Ints
    kind: Ints
    score: Floats
    hit: NDArray[np.bool_]
    truth: Ints

    @property
    def picture_count(self) -> int:
        """Return how many pictures were looked at."""
        return len(self.truth)


def match(found: Found, truth: Truth, labels: Sequence[str], least_iou: float = 0.5) -> Matches:
    """Match the answers of each picture to its objects, label by label, as COCO does.

    Best score first, each answer takes the free object it overlaps most, if by `least_iou` or
    more. Labels that are not in `labels` count for nothing. The 100 best a picture count.
    """
    index = {label: i for i, label in enumerate(labels)}
    rows: list[tuple[int, int, float, bool]] = []
    counts = np.zeros((len(truth), len(labels)), np.int64)
    for picture, (answers, objects) in enumerate(zip(found, truth, strict=True)):
        for label, _ in objects:
            counts[picture, index[label]] += 1
        ranked = ranked_answers(answers, index)
        pairs = pair(ranked, objects, least_iou, same_label=True)
        rows += [
            (picture, index[d.label], d.score, pairs[i] is not None) for i, d in enumerate(ranked)
        ]
    picture_of, kind, score, hit = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Matches(
        np.array(picture_of, np.int64),
        np.array(kind, np.int64),
        np.array(score, np.float64),
        np.array(hit, np.bool_),
        counts,
    )


def ranked_answers(answers: Sequence[Detection], labels: dict[str, int]) -> list[Detection]:
    """Return the answers with a known label, best first, at most 100; equal scores keep order."""
    known = [d for d in answers if d.label in labels]
    return sorted(known, key=lambda d: -d.score)[:MOST_DETECTIONS]


def pair(
    answers: Sequence[Detection],
    objects: Sequence[tuple[str, Box]],
    least_iou: float,
    same_label: bool,
    taken: set[int] | None = None,
) -> list[int | None]:
    """Return for each answer, in the given order, the index of the object it takes, or None."""
    if not answers or not objects:
        return [None] * len(answers)
    overlaps = iou(_corners([d.box for d in answers]), _corners([box for _, box in objects]))
    free = np.ones(len(objects), bool)
    free[list(taken or ())] = False
    names = np.array([label for label, _ in objects])
    pairs: list[int | None] = []
    for answer, overlap in zip(answers, overlaps, strict=True):
        allowed = free & (names == answer.label) if same_label else free
        candidates = np.where(allowed, overlap, -1.0)
        best = int(candidates.argmax())
        pairs.append(best if candidates[best] >= least_iou else None)
        if pairs[-1] is not None:
            free[best] = False
    return pairs


def outcomes(matches: Matches, thresholds: Thresholds, labels: Sequence[str]) -> Ints:
    """Return right, wrong and missed answers per picture and label, int64 (n, C, 3)."""
    limits = np.array([thresholds.of(label) for label in labels])
    kept = matches.score >= limits[matches.kind]
    counts = np.zeros((*matches.truth.shape, 3), np.int64)
    for column, rows in enumerate((kept & matches.hit, kept & ~matches.hit)):
        np.add.at(counts[..., column], (matches.picture[rows], matches.kind[rows]), 1)
    counts[..., 2] = matches.truth - counts[..., 0]
    return counts


def precision_recall_f1(counts: NDArray[np.generic]) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 of (..., 3) counts right, wrong, missed; 0 / 0 is 0."""
    right, wrong, missed = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    return (
        _ratio(right, right + wrong),
        _ratio(right, right + missed),
        _ratio(2 * right, 2 * right + wrong + missed),
    )


def average_precision(matches: Matches, kind: int, weights: Floats | None = None) -> Floats:
    """Return the average precision of one label per row of picture weights (rounds, n).

    The mean over 101 recalls of the best precision at that recall or beyond (Lin et al., COCO,
    2014). NaN where the weighted pictures hold no object of the label.
    """
    weights = np.ones((1, matches.picture_count)) if weights is None else weights
    objects = weights @ matches.truth[:, kind]
    rows = np.flatnonzero(matches.kind == kind)
    rows = rows[np.argsort(-matches.score[rows], kind="stable")]
    if not len(rows):
        return np.where(objects > 0, 0.0, np.nan)
    drawn = weights[:, matches.picture[rows]]
    right = np.cumsum(drawn * matches.hit[rows], axis=1)
    precision = _ratio(right, np.cumsum(drawn, axis=1))
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = _ratio(right, objects[:, np.newaxis])
    means = np.array([_interpolated(r, p) for r, p in zip(recall, best, strict=True)])
    return np.where(objects > 0, means, np.nan)


def mean_average_precision(matches: Matches, weights: Floats | None = None) -> Floats:
    """Return the mean of the labels' average precisions per row of weights (rounds, n).

    Labels without any object are left out; NaN where no label is left.
    """
    kinds = range(matches.truth.shape[1])
    values = np.array([average_precision(matches, kind, weights) for kind in kinds])
    defined = ~np.isnan(values)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.where(defined.any(axis=0), total / np.maximum(defined.sum(axis=0), 1), np.nan)


def curve(matches: Matches) -> tuple[Floats, Floats, Floats]:
    """Return recall, precision and threshold, float64 (D,), over all labels, as it falls."""
    order = np.argsort(-matches.score, kind="stable")
    right = np.cumsum(matches.hit[order]).astype(np.float64)
    answers = np.arange(1, len(order) + 1, dtype=np.float64)
    objects = np.full(len(order), matches.truth.sum(), np.float64)
    score = matches.score[order]
    # a threshold lets in all answers of one score or none
    whole = np.append(score[1:] != score[:-1], True) if len(score) else np.zeros(0, bool)
    return _ratio(right, objects)[whole], _ratio(right, answers)[whole], score[whole]


def confusion(
    found: Found, truth: Truth, labels: Sequence[str], thresholds: Thresholds, least_iou: float
) -> Ints:
    """Return int64 (C + 1, C + 1): rows are what is there, columns what was said.

    The last row is the background called an object, the last column an object not seen. Right
    answers are those of `match`; what then is left is matched whatever its label.
    """
    index = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels) + 1, len(labels) + 1), np.int64)
    for answers, objects in zip(found, truth, strict=True):
        said = [d for d in ranked_answers(answers, index) if d.score >= thresholds.of(d.label)]
        takes = pair(said, objects, least_iou, same_label=True)
        taken = {i for i in takes if i is not None}
        rest = [d for d, i in zip(said, takes, strict=True) if i is None]
        others = pair(rest, objects, least_iou, same_label=False, taken=taken)
        for i in taken:
            table[index[objects[i][0]], index[objects[i][0]]] += 1
        for answer, other in zip(rest, others, strict=True):
            row = -1 if other is None else index[objects[other][0]]
            table[row, index[answer.label]] += 1
        for unseen in set(range(len(objects))) - taken - set(others):
            table[index[objects[unseen][0]], -1] += 1
    return table


def _interpolated(recall: Floats, precision: Floats) -> float:
    reached = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(precision, 0.0)[reached].mean())


def _ratio(part: Floats, whole: Floats) -> Floats:
    part, whole = np.broadcast_arrays(part, whole)
    result: Floats = np.divide(part, whole, out=np.zeros(whole.shape), where=whole > 0)
    return result


def _corners(boxes: Sequence[Box]) -> Floats:
    return np.array([(b.x0, b.y0, b.x1, b.y1) for b in boxes], np.float64)

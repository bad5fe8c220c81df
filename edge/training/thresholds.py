"""The least scores at which a model speaks, chosen on validation pictures only."""

from collections.abc import Sequence

import numpy as np

from edge.bundle import Thresholds
from edge.training.metrics import Found, Matches, Truth, curve, match

LEAST, MOST = 0.1, 0.9  # below, noise would be called objects; above, int8 could not reach it
PLATEAU = 0.003  # thresholds whose F1 is this close to the best are as good


def f1_by_threshold(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Return candidate thresholds, falling, and the F1 (all labels together) at each."""
    recall, precision, score = curve(matches)
    total = recall + precision
    f1 = np.divide(2 * recall * precision, total, out=np.zeros_like(total), where=total > 0)
    return score, f1


def best_f1(matches: Matches) -> float:
    """Return the best F1 that any threshold gives; 0 without answers."""
    f1 = f1_by_threshold(matches)[1]
    return float(f1.max()) if len(f1) else 0.0


def choose(found: Found, truth: Truth, labels: Sequence[str], least_iou: float = 0.5) -> Thresholds:
    """Return the threshold with the best F1, the middle one where many are as good.

    `found` must hold answers of low score too. Rounded to 0.01.
    """
    scores, f1 = f1_by_threshold(match(found, truth, labels, least_iou))
    if not len(f1):
        return Thresholds()
    good = scores[f1 >= f1.max() - PLATEAU]
    middle = float(np.clip((good.max() + good.min()) / 2, LEAST, MOST))
    return Thresholds(default=round(middle, 2))

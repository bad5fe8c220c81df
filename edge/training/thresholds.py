"""The least scores at which a model speaks, chosen on validation pictures only."""

from collections.abc import Sequence

import numpy as np

from edge.bundle import Thresholds
from edge.training.metrics import Found, Matches, Truth, match

LEAST, MOST = 0.1, 0.9  # below, noise would be called objects; above, int8 could not reach it
PLATEAU = 0.003  # thresholds whose F1 is this close to the best are as good


def f1_by_threshold(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Return candidate thresholds, falling, and the F1 (all labels together) at each."""
    order = np.argsort(-matches.score, kind="stable")
    right = np.cumsum(matches.hit[order])
    said = np.arange(1, len(order) + 1)
    f1 = 2 * right / np.maximum(said + int(matches.truth.sum()), 1)
    score = matches.score[order]
    whole = np.append(score[1:] != score[:-1], True) if len(score) else np.zeros(0, bool)
    return score[whole], f1[whole]


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

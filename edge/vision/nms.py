"""Non-maximum suppression: of boxes that overlap, the best scored stays."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating]


def iou(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Return intersection over union, float64 (n, m), of boxes (n, 4) and (m, 4) as x0 y0 x1 y1.

    A pair without any area has 0.
    """
    a64, b64 = a.astype(np.float64)[:, np.newaxis], b.astype(np.float64)[np.newaxis]
    sides = np.minimum(a64[..., 2:], b64[..., 2:]) - np.maximum(a64[..., :2], b64[..., :2])
    shared = np.prod(np.maximum(sides, 0.0), axis=-1)
    union = _area(a64) + _area(b64) - shared
    result: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared), where=union > 0
    )
    return result


def nms(
    boxes: Boxes, scores: NDArray[np.floating], classes: NDArray[np.integer], limit: float
) -> NDArray[np.intp]:
    """Return the indices of the boxes that stay, best first (int, at most n).

    Greedy, per class: a box goes where a better one of its class overlaps it by more than
    `limit` (IoU 0..1). `boxes` (n, 4), `scores` (n,), `classes` (n,). Equal scores keep order.
    """
    order = np.argsort(-scores, kind="stable")
    # one comparison for all pairs is cheaper than one numpy call per box that stays
    rivals = (iou(boxes[order], boxes[order]) > limit) & (
        classes[order][:, np.newaxis] == classes[order][np.newaxis]
    )
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= ~rivals[i, i + 1 :]
    return order[alive]


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)
    return area

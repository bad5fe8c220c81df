"""Non-maximum suppression: of boxes that overlap, the best scored stays."""

import numpy as np
from numpy.typing import NDArray

from edge.overlap import Boxes, iou


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

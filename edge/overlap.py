"""How much boxes overlap: what suppression, scoring and tracking measure alike."""

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


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)
    return area

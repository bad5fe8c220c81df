"""Objectness, class and side distances per cell to boxes on the frame.

The convention, which the trainer mirrors: cell (row i, column j) of a map (1, h, w, ...) has its
centre at ((j + 0.5) * stride_px, (i + 0.5) * stride_px) of the model's input. `objectness`
(1, h, w, 1) is 0..1; `logits` (1, h, w, C) are the classes, whose softmax is taken here;
`distances` (1, h, w, 4) run from the centre to the left, top, right and bottom side, 0 or more,
in units of distance_unit_px input pixels. score = objectness * largest softmax. This is the
anchor-free box of FCOS (Tian et al., 2019, arXiv:1904.01355).
"""

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BadDataError
from edge.scene import Detection
from edge.vision.candidates import Candidates, settle
from edge.vision.decoder import Real, Reals, by_role, least_threshold, softmax
from edge.vision.geometry import Geometry


def decode_boxes(outputs: Reals, bundle: Bundle, geometry: Geometry) -> tuple[Detection, ...]:
    """Return the boxes at or above their label's threshold, best first, after per-class NMS."""
    return settle(_candidates(outputs, bundle), bundle, geometry)


def _candidates(outputs: Reals, bundle: Bundle) -> Candidates:
    objectness, logits, distances = (
        by_role(outputs, bundle, role)[1] for role in ("objectness", "logits", "distances")
    )
    rows, columns = objectness.shape[1:3]
    cells = objectness.size
    if logits.size % cells or logits.shape[1:3] != (rows, columns) or distances.size != 4 * cells:
        raise BadDataError(
            "the three maps do not fit: objectness, logits, distances are "
            f"{objectness.shape}, {logits.shape}, {distances.shape}; needs (1, h, w, 1|C|4)"
        )
    # a score is never above its objectness, so the others need no softmax
    hot = np.flatnonzero(objectness.reshape(-1) >= least_threshold(bundle))
    classes = softmax(logits.reshape(cells, -1)[hot])
    best = classes.argmax(axis=1)
    scores = objectness.reshape(-1)[hot] * classes[np.arange(len(hot)), best]
    corners = _corners(hot, columns, distances.reshape(cells, 4)[hot], bundle)
    return Candidates(corners, np.minimum(scores, 1.0), best)


def _corners(hot: NDArray[np.intp], columns: int, distances: Real, bundle: Bundle) -> Real:
    centres = np.stack([hot % columns, hot // columns], axis=1) + 0.5
    centres_px = centres * bundle.decode.stride_px
    reach_px = distances * bundle.decode.distance_unit_px
    height, width = bundle.inputs[0].shape[1:3]
    corners_px = np.concatenate([centres_px - reach_px[:, :2], centres_px + reach_px[:, 2:]], 1)
    corners: Real = (corners_px / np.array([width, height, width, height])).astype(np.float32)
    return corners

"""Objectness, class and side distances per cell to boxes on the frame.

The convention, which the trainer mirrors: cell (row i, column j) of a map (1, h, w, ...) has its
centre at ((j + 0.5) * stride_px, (i + 0.5) * stride_px) of the model's input. `objectness`
(1, h, w, 1) is 0..1; `logits` (1, h, w, C) are the classes, whose softmax is taken here;
`distances` (1, h, w, 4) run from the centre to the left, top, right and bottom side, 0 or more,
in units of distance_unit_px input pixels. score = objectness * largest softmax. This is the
anchor-free box of FCOS (Tian et al., 2019, arXiv:1904.01355).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BadDataError
from edge.scene import Box, Detection
from edge.vision.decoder import Real, Reals, by_role, label_of, least_threshold, softmax
from edge.vision.geometry import Geometry
from edge.vision.nms import nms


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Cells that may hold an object: `corners` (n, 4) in fractions of the model's input."""

    corners: Real
    scores: Real
    classes: NDArray[np.intp]


def decode_boxes(outputs: Reals, bundle: Bundle, geometry: Geometry) -> tuple[Detection, ...]:
    """Return the boxes at or above their label's threshold, best first, after per-class NMS."""
    found = _candidates(outputs, bundle)
    limits = [bundle.thresholds.of(label_of(bundle, int(c))) for c in found.classes]
    enough = found.scores >= np.asarray(limits, np.float64)
    corners, scores, classes = found.corners[enough], found.scores[enough], found.classes[enough]
    kept = nms(corners, scores, classes, bundle.decode.nms_iou)
    detections = (
        Detection(
            label_of(bundle, int(classes[i])),
            float(scores[i]),
            geometry.to_frame(Box(*corners[i].tolist())),
        )
        for i in kept
    )
    # what lies wholly in the letterbox border has no area on the frame
    return tuple(d for d in detections if d.box.x1 > d.box.x0 and d.box.y1 > d.box.y0)


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

"""What may be an object, and what becomes of it: the last step of every decoder of boxes."""

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.records import dataclass
from edge.scene import Box, Detection
from edge.vision.decoder import Real, label_of
from edge.vision.geometry import Geometry
from edge.vision.nms import nms

MOST_CANDIDATES = 1000  # suppression compares all pairs: beyond the best of these it would not end


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes that may hold an object.

    `corners` float32 (n, 4) as x0, y0, x1, y1 in fractions of the model's input; `scores` (n,)
    0..1; `classes` (n,) lines of the labels.
    """

    corners: Real
    scores: Real
    classes: NDArray[np.intp]

    def at(self, rows: NDArray[np.intp]) -> "Candidates":
        """Return these rows in their order."""
        return Candidates(self.corners[rows], self.scores[rows], self.classes[rows])


def settle(found: Candidates, bundle: Bundle, geometry: Geometry) -> tuple[Detection, ...]:
    """Return the boxes at or above their label's threshold, best first, after per-class NMS."""
    limits = [bundle.thresholds.of(label_of(bundle, int(c))) for c in found.classes]
    enough = np.flatnonzero(found.scores >= np.asarray(limits, np.float64))
    best = enough[np.argsort(-found.scores[enough], kind="stable")][:MOST_CANDIDATES]
    found = found.at(best)
    kept = found.at(nms(found.corners, found.scores, found.classes, bundle.decode.nms_iou))
    return detections(kept, bundle, geometry)


def detections(found: Candidates, bundle: Bundle, geometry: Geometry) -> tuple[Detection, ...]:
    """Return candidates as detections on the frame, in their order."""
    boxed = (
        Detection(label_of(bundle, int(kind)), float(score), geometry.to_frame(Box(*corners)))
        for corners, score, kind in zip(
            found.corners.tolist(), found.scores, found.classes, strict=True
        )
    )
    # what lies wholly in the letterbox border has no area on the frame
    return tuple(d for d in boxed if d.box.x1 > d.box.x0 and d.box.y1 > d.box.y0)

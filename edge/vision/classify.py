"""Class scores to detections: what the whole picture shows."""

import numpy as np

from edge.bundle import Bundle, Output
from edge.errors import BadDataError
from edge.scene import Detection
from edge.vision.decoder import (
    ROUNDING,
    Real,
    Reals,
    by_role,
    label_of,
    least_threshold,
    softmax,
)
from edge.vision.geometry import Geometry


def decode_classes(
    outputs: Reals,
    bundle: Bundle,
    geometry: Geometry,  # noqa: ARG001 - every decoder takes it
) -> tuple[Detection, ...]:
    """Return every class at or above its threshold, best first, with the full box.

    Reads the output with role `scores` (0..1) or `logits` (softmax is taken here), any shape
    with N values. Class 0 is left out where the bundle says it is the background.
    """
    scores = _scores(*by_role(outputs, bundle, "scores", "logits"))
    first = 1 if bundle.decode.background else 0
    above = first + np.flatnonzero(scores[first:] >= least_threshold(bundle))
    ranked = above[np.argsort(-scores[above], kind="stable")]
    found = (Detection(label_of(bundle, int(i)), float(scores[i])) for i in ranked)
    return tuple(d for d in found if d.score >= bundle.thresholds.of(d.label))


def _scores(output: Output, array: Real) -> Real:
    flat = array.reshape(-1)
    if output.role == "logits":
        return softmax(flat)
    low, high = float(flat.min()), float(flat.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise BadDataError(
            f"output '{output.name}' has role scores but holds {low:.3g} to {high:.3g}; "
            'scores are 0..1 (role = "logits" takes the softmax)'
        )
    return np.clip(flat, 0.0, 1.0)

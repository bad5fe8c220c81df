"""What every decoder is: model outputs and a geometry in, detections on the frame out."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle, Output, Role
from edge.errors import BadDataError
from edge.scene import Detection
from edge.vision.geometry import Geometry

ROUNDING = 0.02  # an int8 border may overshoot 0..1 by its rounding, never by this much

Real: TypeAlias = NDArray[np.float32]
Reals: TypeAlias = tuple[Real, ...]

# One real array per output in bundle order, batch kept -> detections at or above their
# thresholds, in fractions of the frame, best first.
Decoder: TypeAlias = Callable[[Reals, Bundle, Geometry], tuple[Detection, ...]]


def by_role(outputs: Reals, bundle: Bundle, *roles: Role) -> tuple[Output, Real]:
    """Return the first output that has one of `roles`, with its array.

    Raises BadDataError where the bundle names none.
    """
    for output, array in zip(bundle.outputs, outputs, strict=True):
        if output.role in roles:
            return output, array
    got = ", ".join(output.role for output in bundle.outputs) or "none"
    raise BadDataError(
        f"decoder '{bundle.decode.decoder}' needs an output with role {' or '.join(roles)}; "
        f"the model's roles: {got}"
    )


def softmax(logits: Real) -> Real:
    """Return the softmax over the last axis, shifted so that no exponential overflows."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Real = powers / powers.sum(axis=-1, keepdims=True)
    return result


def probabilities(logits: Real, exclusive: bool) -> Real:
    """Return softmax over the last axis where one of its slices must be true, else sigmoids.

    A softmax without a background would find something in every box and cell.
    """
    if exclusive:
        return softmax(logits)
    # a sigmoid in the form that no exponential can overflow
    shrunk = np.exp(-np.abs(logits))
    result = np.where(logits >= 0, 1.0, shrunk) / (1.0 + shrunk)
    return result.astype(np.float32)


def label_of(bundle: Bundle, index: int) -> str:
    """Return line `index` of the labels, or `class N` where the file is short or the line empty."""
    name = bundle.labels[index] if index < len(bundle.labels) else ""
    return name or f"class {index}"


def least_threshold(bundle: Bundle) -> float:
    """Return the lowest of all thresholds: nothing below it can be a detection."""
    return min(bundle.thresholds.default, *bundle.thresholds.label.values(), 1.0)

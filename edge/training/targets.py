"""Labelled boxes as the maps that `tiny-boxes` learns: the mirror of `edge.vision.boxes`.

Objectness is a Gaussian on each object's centre (Zhou et al., 2019, arXiv:1904.07850), the
distances are those of FCOS (Tian et al., 2019, arXiv:1904.01355).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Decode

Real: TypeAlias = NDArray[np.float32]
Whole: TypeAlias = NDArray[np.int32]

SPREAD = 0.2  # standard deviation of the Gaussian in sides of the box
LEAST_SPREAD_CELLS = 0.45  # so that a small object still fills its own cell
NO_OBJECT = -1  # the label of a padding row


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What a batch of n pictures should give on a map of h x w cells.

    `objectness` (n, h, w) is 0..1 and exactly 1 on the cell of each centre; `classes` (n, h, w)
    int32 and `distances` (n, h, w, 4) hold where it is above 0.
    """

    objectness: Real
    classes: Whole
    distances: Real


def encode(boxes: Real, labels: Whole, input_px: tuple[int, int], decode: Decode) -> Targets:
    """Return the maps for boxes (n, k, 4), x0 y0 x1 y1 in fractions of the input.

    `labels` (n, k) names their classes, NO_OBJECT where a row pads. `input_px` is width, height.
    """
    width, height = input_px
    columns, rows = width // decode.stride_px, height // decode.stride_px
    corners_px = boxes.astype(np.float32) * np.array([width, height] * 2, np.float32)
    hills = _hills(corners_px, labels, (rows, columns), decode.stride_px)
    owner = hills.argmax(axis=1)  # (n, h, w): the nearest object, relative to its size
    batch = np.arange(len(boxes))[:, np.newaxis, np.newaxis]
    x, y = _centres(rows, columns, decode.stride_px)
    owned = corners_px[batch, owner]
    sides = np.stack(
        [x - owned[..., 0], y - owned[..., 1], owned[..., 2] - x, owned[..., 3] - y], axis=-1
    )
    distances = np.maximum(sides, 0.0) / decode.distance_unit_px
    classes = np.maximum(labels[batch, owner], 0)
    return Targets(hills.max(axis=1), classes.astype(np.int32), distances.astype(np.float32))


def _hills(corners_px: Real, labels: Whole, cells: tuple[int, int], stride_px: int) -> Real:
    """Return one Gaussian per box, float32 (n, k, h, w); 1 on the cell of its centre."""
    rows, columns = cells
    middle = (corners_px[..., :2] + corners_px[..., 2:]) / 2
    side = corners_px[..., 2:] - corners_px[..., :2]
    spread = np.maximum(side * SPREAD, LEAST_SPREAD_CELLS * stride_px)
    cell = np.floor(middle / stride_px).clip(0, (columns - 1, rows - 1))
    peak = (cell + 0.5) * stride_px
    x, y = _centres(rows, columns, stride_px)
    dx = (x - peak[..., 0, np.newaxis, np.newaxis]) / spread[..., 0, np.newaxis, np.newaxis]
    dy = (y - peak[..., 1, np.newaxis, np.newaxis]) / spread[..., 1, np.newaxis, np.newaxis]
    hills = np.exp(-0.5 * (dx * dx + dy * dy))
    # beyond three deviations there is no object: an exact zero is learnt as background
    hills[hills < 0.011] = 0.0
    hills *= (labels != NO_OBJECT)[..., np.newaxis, np.newaxis]
    return np.asarray(hills, np.float32)


def _centres(rows: int, columns: int, stride_px: int) -> tuple[Real, Real]:
    x = (np.arange(columns, dtype=np.float32) + 0.5) * stride_px
    y = (np.arange(rows, dtype=np.float32) + 0.5) * stride_px
    xx, yy = np.meshgrid(x, y)
    return xx, yy

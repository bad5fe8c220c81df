"""Heat maps of object centres to boxes, in the manner of FOMO and CenterNet.

The map (1, h, w, C) has a score of each class per cell of stride_px; line 0 of the labels may be
the background. Role `heatmap` or `scores` holds 0..1; `logits` go through softmax where there is a
background, else through a sigmoid. Cells at or above their label's threshold that touch, corners
included, belong together unless a valley lies between: each climbs to the highest peak next to it
(watershed by flooding, Vincent and Soille, 1991). One peak is one detection, its score the peak's.

The box is the cells' own, or with an output `sizes` (1, h, w, 2), width and height in cells, that
size around the peak's centre.
"""

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BadDataError
from edge.scene import Detection
from edge.vision.candidates import Candidates, detections, settle
from edge.vision.decoder import ROUNDING, Real, Reals, by_role, label_of, probabilities
from edge.vision.geometry import Geometry

Cell = tuple[int, int]


def decode_centroid(outputs: Reals, bundle: Bundle, geometry: Geometry) -> tuple[Detection, ...]:
    """Return a detection for each peak at or above its label's threshold, best first."""
    heat = _heat(outputs, bundle)
    sizes = _sizes(outputs, bundle, heat)
    first = 1 if bundle.decode.background else 0
    corners, scores, classes = [], [], []
    for kind in range(first, heat.shape[2]):
        limit = bundle.thresholds.of(label_of(bundle, kind))
        for cells in blobs(heat[..., kind], limit):
            peak = cells[0]
            corners.append(_around(peak, sizes) if sizes is not None else _hull(cells))
            scores.append(heat[peak][kind])
            classes.append(kind)
    order = np.argsort(-np.array(scores, np.float32), kind="stable")
    sides = np.array([heat.shape[1], heat.shape[0]] * 2, np.float32)
    found = Candidates(
        np.array(corners, np.float32).reshape(-1, 4) / sides,
        np.minimum(np.array(scores, np.float32), 1.0),
        np.array(classes, np.intp),
    ).at(order)
    return detections(found, bundle, geometry) if sizes is None else settle(found, bundle, geometry)


def blobs(heat: Real, limit: float) -> list[list[Cell]]:
    """Return the cells (row, column) of each peak of a map (h, w), the peak first.

    Cells below `limit`, at 0 or not numbers belong to none.
    """
    rows, columns = np.nonzero((heat >= limit) & (heat > 0))
    order = np.argsort(-heat[rows, columns], kind="stable")
    members: list[list[Cell]] = []
    owner: dict[Cell, int] = {}
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        near = [
            owner[cell]
            for cell in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
            if cell in owner
        ]
        if not near:
            near = [len(members)]
            members.append([])
        own = max(near, key=lambda blob: heat[members[blob][0]] if members[blob] else 0.0)
        members[own].append((row, column))
        owner[row, column] = own
        # a plateau that was entered from two sides is one peak
        for other in set(near) - {own}:
            if heat[members[other][0]] == heat[row, column] == heat[members[own][0]]:
                members[own] += members[other]
                owner |= dict.fromkeys(members[other], own)
                members[other] = []
    return [cells for cells in members if cells]


def _heat(outputs: Reals, bundle: Bundle) -> Real:
    """Return the map (h, w, C) as scores 0..1; raises BadDataError on another."""
    output, array = by_role(outputs, bundle, "heatmap", "scores", "logits")
    height, width = bundle.inputs[0].shape[1:3]
    stride = bundle.decode.stride_px
    if array.ndim != 4 or array.shape[:3] != (1, height // stride, width // stride):
        raise BadDataError(
            f"output '{output.name}' is {list(array.shape)}; an input of {height} x {width} px "
            f"with stride_px {stride} needs [1, {height // stride}, {width // stride}, C]"
        )
    if output.role == "logits":
        return probabilities(array[0], bundle.decode.background)
    low, high = float(array.min()), float(array.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise BadDataError(
            f"output '{output.name}' has role {output.role} but holds {low:.3g} to {high:.3g}; "
            'scores are 0..1 (role = "logits" takes softmax or sigmoid)'
        )
    heat: Real = array[0]
    return heat


def _sizes(outputs: Reals, bundle: Bundle, heat: Real) -> Real | None:
    if all(spec.role != "sizes" for spec in bundle.outputs):
        return None
    output, array = by_role(outputs, bundle, "sizes")
    if array.shape != (1, *heat.shape[:2], 2):
        wanted = [1, *heat.shape[:2], 2]
        raise BadDataError(f"output '{output.name}' is {list(array.shape)}; sizes are {wanted}")
    sizes: Real = array[0]
    return sizes


def _hull(cells: list[Cell]) -> tuple[float, ...]:
    """Return x0, y0, x1, y1 around cells, in cells."""
    low = np.min(cells, axis=0)
    high = np.max(cells, axis=0) + 1
    return float(low[1]), float(low[0]), float(high[1]), float(high[0])


def _around(peak: Cell, sizes: NDArray[np.float32]) -> tuple[float, ...]:
    """Return the box of a size around a peak's centre, in cells; a negative size is none."""
    y, x = peak[0] + 0.5, peak[1] + 0.5
    half_w, half_h = np.maximum(sizes[peak], 0.0) / 2
    return x - float(half_w), y - float(half_h), x + float(half_w), y + float(half_h)

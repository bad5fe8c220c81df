"""Random views of a picture: one warp for all geometry, one lookup table for all light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Real = NDArray[np.float32]

LEAST_VISIBLE = 0.4  # an object of which less is left in view counts as gone


@dataclass(frozen=True, slots=True)
class Variation:
    """How far views differ; 0 (1 for the scales) is the picture as it is."""

    degrees: float = 8.0
    least_scale: float = 0.8
    most_scale: float = 1.25
    shift: float = 0.1  # fractions of the picture
    gain: float = 0.3
    offset: float = 30.0  # 0..255
    gamma: float = 0.3
    tint: float = 0.1


def random_matrix(
    source_px: tuple[int, int], view_px: tuple[int, int], how: Variation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the 2 x 3 matrix from source pixels to view pixels, stretched and varied.

    Turns and scales about the centre of the view; sizes are width, height.
    """
    scale = float(np.exp(rng.uniform(np.log(how.least_scale), np.log(how.most_scale))))
    angle = np.deg2rad(rng.uniform(-how.degrees, how.degrees))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag([view_px[0] / source_px[0], view_px[1] / source_px[1]])
    shift = rng.uniform(-how.shift, how.shift, 2) * np.array(view_px)
    # pixel centres lie at whole numbers in OpenCV, so half a pixel is added and taken off again
    half, centre = np.full(2, 0.5), np.array(view_px) / 2.0
    linear = turn @ stretch
    offset = turn @ (stretch @ half - centre) + centre + shift - half
    return np.concatenate([linear, offset[:, np.newaxis]], axis=1)


def random_table(how: Variation, rng: np.random.Generator) -> Pixels:
    """Return a lookup table, uint8 (1, 256, 3): gamma, gain, offset and tint in one."""
    base = np.linspace(0.0, 1.0, 256)[:, np.newaxis] ** np.exp(rng.uniform(-how.gamma, how.gamma))
    gain = np.exp(rng.uniform(-how.gain, how.gain)) * (1 + rng.uniform(-how.tint, how.tint, 3))
    lit = (base * 255.0 - 127.5) * gain + 127.5 + rng.uniform(-how.offset, how.offset)
    table: Pixels = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    return table[np.newaxis]


def view(
    picture: Pixels, matrix: NDArray[np.float64], table: Pixels, view_px: tuple[int, int]
) -> Pixels:
    """Return the picture seen through matrix and table, uint8 (h, w, 3)."""
    warped = cv2.warpAffine(
        picture, matrix, view_px, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    seen: Pixels = cv2.LUT(warped, table).astype(np.uint8, copy=False)
    return seen


def moved_boxes(
    boxes: Real, matrix: NDArray[np.float64], source_px: tuple[int, int], view_px: tuple[int, int]
) -> tuple[Real, NDArray[np.bool_]]:
    """Return where boxes (k, 4) go, in fractions of the view, and which are still seen.

    A turned box is taken as the ellipse inside it: round objects keep a tight box.
    """
    # fractions of the source -> pixels -> fractions of the view
    linear = matrix[:, :2] @ np.diag(source_px) / np.array(view_px)[:, np.newaxis]
    half_source = matrix[:, :2] @ np.full(2, 0.5)
    offset = (matrix[:, 2] - half_source + 0.5) / np.array(view_px)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ linear.T + offset
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt((half**2) @ (linear.T**2))
    whole = np.concatenate([centre - reach, centre + reach], axis=1)
    cut = whole.clip(0.0, 1.0)
    visible = np.prod(cut[:, 2:] - cut[:, :2], axis=1)
    kept = visible > LEAST_VISIBLE * np.prod(2 * reach, axis=1)
    return cut.astype(np.float32), kept

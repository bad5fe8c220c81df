"""Real handwriting and printed strokes as glyphs: what the composed scenes are made of.

The handwriting is scikit-learn's copy of the UCI digits (8x8, 17 levels), the photographs are
its two sample images; both come with the package, so nothing is downloaded.
"""

import functools
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.training.skeleton import Mask, skeletons

Pixels: TypeAlias = NDArray[np.uint8]
Ink: TypeAlias = NDArray[np.float32]
Split = Literal["train", "val", "test"]

LABELS = tuple("0123456789")
GLYPH_PX = 64  # side of a digit: 8 times the pen data, smooth at every size that a frame shows
LINE_PX = 32  # side of a digit when its middle line is looked for
SOLID = 1.5  # the pen data are grey at the edges of a stroke: this much more of it is ink

# Which stretch of 60 neighbours belongs to which split, repeated over the whole list: fixed, so
# that a held-out digit never teaches; stretches and not single digits, as neighbours share a pen.
STRETCH = 60
HANDWRITING: tuple[Split, ...] = (
    "train", "train", "train", "val", "test", "train", "train", "train", "train", "test",
)  # fmt: skip
PHOTOGRAPHS: dict[Split, str] = {"train": "china.jpg", "val": "china.jpg", "test": "flower.jpg"}

HERSHEY_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


@dataclass(frozen=True, slots=True, eq=False)
class Glyph:
    """One digit: `ink` float32 (h, w), 0 paper .. 1 ink, cut to the ink's own rectangle.

    `line` is the middle of the stroke, one pixel wide on a coarse grid; None for a print.
    """

    label: str
    ink: Ink
    line: Mask | None = None


@functools.cache
def handwriting(split: Split) -> tuple[Glyph, ...]:
    """Return the handwritten digits of a split, enlarged smoothly; no digit is in two splits."""
    images, targets = _pen_data()
    indices = [i for i in range(len(targets)) if digit_split(i) == split]
    lines = skeletons(np.stack([_enlarged(images[i], LINE_PX) for i in indices]) > 0.5)
    return tuple(
        Glyph(LABELS[targets[i]], trimmed(_solid(images[i])), line)
        for i, line in zip(indices, lines, strict=True)
    )


def digit_split(index: int) -> Split:
    """Return the split that digit `index` of load_digits belongs to, always the same."""
    return HANDWRITING[index // STRETCH % len(HANDWRITING)]


@functools.cache
def photograph(split: Split) -> Pixels:
    """Return the photograph, BGR uint8 (427, 640, 3), that a split takes its backgrounds from."""
    from sklearn.datasets import load_sample_image

    rgb = np.asarray(load_sample_image(PHOTOGRAPHS[split]), np.uint8)
    return np.ascontiguousarray(rgb[..., ::-1])


def stroke_digit(label: str, rng: np.random.Generator) -> Glyph:
    """Return a digit of an OpenCV Hershey font with random thickness, bent elastically."""
    canvas = np.zeros((2 * GLYPH_PX, 2 * GLYPH_PX), np.uint8)
    font = HERSHEY_FONTS[rng.integers(len(HERSHEY_FONTS))]
    thickness = int(rng.integers(3, 15))
    scale = 2.6
    (w, h), _ = cv2.getTextSize(label, font, scale, thickness)
    origin = ((canvas.shape[1] - w) // 2, (canvas.shape[0] + h) // 2)
    cv2.putText(canvas, label, origin, font, scale, 255, thickness, cv2.LINE_AA)
    bent = elastic(np.asarray(canvas, np.float32) / 255.0, float(rng.uniform(2.0, 9.0)), rng)
    return Glyph(label, trimmed(bent))


def pen_stroke(glyph: Glyph, rng: np.random.Generator) -> Glyph:
    """Return a handwritten digit drawn again along its middle line, with a random pen."""
    if glyph.line is None:
        return glyph
    side = glyph.line.shape[0] * GLYPH_PX // LINE_PX
    width = int(rng.integers(1, 12))
    fine = cv2.resize(glyph.line.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    padded = cv2.copyMakeBorder(fine, 8, 8, 8, 8, cv2.BORDER_CONSTANT)
    soft = cv2.GaussianBlur(padded, (0, 0), float(rng.uniform(1.2, 2.4)))  # rounds the corners
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    even: Ink = np.asarray(soft / max(float(soft.max()), 1e-3), np.float32)
    drawn = cv2.dilate(even, pen)
    sharp = np.clip((drawn - 0.35) * float(rng.uniform(4.0, 10.0)) + 0.5, 0.0, 1.0)
    bent = elastic(np.asarray(sharp, np.float32), float(rng.uniform(0.0, 4.0)), rng)
    return Glyph(glyph.label, trimmed(bent))


def elastic(ink: Ink, reach_px: float, rng: np.random.Generator) -> Ink:
    """Return `ink` moved by a smooth random field of at most about `reach_px` pixels."""
    height, width = ink.shape
    coarse = rng.uniform(-reach_px, reach_px, (4, 4, 2)).astype(np.float32)
    field = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(ink, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32)


def trimmed(ink: Ink, level: float = 0.35) -> Ink:
    """Return `ink` cut to the rectangle of the pixels above `level`: the box that a person sees."""
    rows = np.flatnonzero(ink.max(axis=1) > level)
    columns = np.flatnonzero(ink.max(axis=0) > level)
    if not len(rows):
        return ink
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


@functools.cache
def _pen_data() -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.asarray(digits.images, np.float32) / 16.0, np.asarray(digits.target)


def _solid(image: NDArray[Any]) -> Ink:
    ink: Ink = np.minimum(_enlarged(image, GLYPH_PX) * np.float32(SOLID), np.float32(1.0))
    return ink


def _enlarged(image: NDArray[Any], side_px: int) -> Ink:
    """Return the 8x8 digit `side_px` high within a border of an eighth."""
    padded = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    side = side_px * 10 // 8
    smooth = cv2.resize(padded, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(smooth, np.float32), 0.0, 1.0)

"""Composed frames: digits placed on photographs or plain walls, with their boxes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from edge.errors import UsageError
from edge.scene import Box
from edge.training.backgrounds import (
    FRAME_PX,
    Real,
    Rng,
    draw_lines,
    draw_shapes,
    photo_crop,
    recoloured,
    wall,
    webcam,
)
from edge.training.dataset import Boxes, Dataset, Sample
from edge.training.digits import (
    LABELS,
    Glyph,
    Ink,
    Pixels,
    Split,
    handwriting,
    pen_stroke,
    photograph,
    stroke_digit,
    trimmed,
)

Style = Literal["plain", "varied", "robust"]

STORED_PX = (128, 96)  # a frame for training is kept this small: 3,000 of them are 111 MB
CONTRAST = 90.0  # least difference of brightness (0..255) between ink and what is under it
GAP_PX = 4  # between two digits
TRIES = 12  # to find a free place for a digit


@dataclass(frozen=True, slots=True)
class Scenery:
    """How frames of one style look; sizes are heights in fractions of the frame."""

    least: float
    most: float
    objects: tuple[int, ...]  # how many digits a frame holds, drawn from this list
    printed: float = 0.0  # share of printed stroke digits
    drawn: float = 0.0  # share of handwritten digits drawn again with a random pen, and tilted
    paper: float = 0.0  # share of digits on a sheet of paper
    wall: float = 0.0  # share of frames with a plain wall in place of the photograph
    shapes: float = 0.0  # share of frames with shapes that are no digits
    recolour: bool = False  # swap and shift the colours of the background
    webcam: bool = False  # uneven light, blur and noise


# plain: what the score is measured on. varied: the same digits, on more than one photograph can
# show. robust: digits as a person would draw them and hold them to a camera.
STYLES: dict[Style, Scenery] = {
    "plain": Scenery(0.20, 0.55, (1, 1, 2, 2, 3, 3)),
    "varied": Scenery(0.18, 0.60, (1, 2, 3, 4, 5), shapes=0.6, recolour=True),
    "robust": Scenery(
        0.15, 0.90, (0, 1, 1, 2, 2, 3, 4), printed=0.4, drawn=1.0, paper=0.5, wall=0.4, shapes=0.5,
        recolour=True, webcam=True,
    ),
}  # fmt: skip

# How many frames of which style each split holds, for the quick and the full demo.
RECIPES: dict[str, dict[Split, dict[Style, int]]] = {
    "plain": {
        "train": {"varied": 2400},
        "val": {"plain": 100, "varied": 150},
        "test": {"plain": 300},
    },
    "robust": {
        "train": {"varied": 1600, "robust": 3200},
        "val": {"plain": 100, "varied": 150, "robust": 100},
        "test": {"plain": 300},
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A glyph as it will lie on the frame: `ink` (h, w) at its final size, and its corner."""

    label: str
    ink: Ink
    x: int
    y: int


def digits_dataset(style: str, seed: int) -> Dataset:
    """Return composed digit scenes; same style (plain, robust) and seed, same pixels.

    `test` is always plain. Train and val digits are never test digits; train and val frames
    show one photograph, test frames the other.
    """
    if style not in RECIPES:
        raise UsageError(f"no digit scenes {style!r}; known: {', '.join(RECIPES)}")
    splits = {split: frames(recipe, split, seed) for split, recipe in RECIPES[style].items()}
    note = "the scenes are composed: real handwriting on crops of two photographs"
    return Dataset("detect", LABELS, splits["train"], splits["val"], splits["test"], (note,))


def frames(recipe: dict[Style, int], split: Split, seed: int) -> tuple[Sample, ...]:
    """Return composed frames of a split, the styles in the recipe's order."""
    glyphs, photo = handwriting(split), photograph(split)
    number = ("train", "val", "test").index(split)
    styles = [style for style, count in recipe.items() for _ in range(count)]

    def one(index: int) -> Sample:
        rng = np.random.default_rng((seed, number, index))
        frame, boxes = compose(STYLES[styles[index]], glyphs, photo, rng)
        if split != "test":
            frame = np.asarray(cv2.resize(frame, STORED_PX, interpolation=cv2.INTER_LINEAR))
        return Sample(bgr=frame, boxes=boxes)

    with ThreadPoolExecutor(2) as pool:  # OpenCV and the larger steps of numpy run side by side
        return tuple(pool.map(one, range(len(styles)), chunksize=16))


def compose(
    scenery: Scenery, glyphs: tuple[Glyph, ...], photo: Pixels, rng: Rng
) -> tuple[Pixels, Boxes]:
    """Return one frame, BGR uint8 of FRAME_PX, and the labelled boxes of its digits."""
    canvas = _background(scenery, photo, rng).astype(np.float32)
    placed: list[Placed] = []
    for _ in range(scenery.objects[rng.integers(len(scenery.objects))]):
        candidate = _place(_glyph(scenery, glyphs, rng), scenery, placed, rng)
        placed += [candidate] if candidate is not None else []
    for item in placed:
        if rng.random() < scenery.paper:
            _lay_paper(canvas, item, placed, rng)
        ink_on(canvas, item, ink_colour(canvas, item, rng))
    finished = webcam(canvas, rng) if scenery.webcam else canvas
    pixels = np.clip(finished, 0, 255).astype(np.uint8)
    return pixels, tuple((item.label, box_of(item)) for item in placed)


def box_of(item: Placed) -> Box:
    """Return where an item lies, in fractions of the frame."""
    width, height = FRAME_PX
    h, w = item.ink.shape
    return Box(item.x / width, item.y / height, (item.x + w) / width, (item.y + h) / height)


def ink_on(canvas: Real, item: Placed, colour: Real) -> None:
    """Blend an item's ink in `colour` (BGR, 0..255) into the canvas, in place."""
    h, w = item.ink.shape
    part = canvas[item.y : item.y + h, item.x : item.x + w]
    part += item.ink[..., np.newaxis] * (colour - part)


def ink_colour(canvas: Real, item: Placed, rng: Rng) -> Real:
    """Return a colour (BGR, 0..255) that stands out against what lies under the item.

    It is lighter or darker than nine tenths of those pixels by CONTRAST, where there is room.
    """
    h, w = item.ink.shape
    grey = canvas[item.y : item.y + h, item.x : item.x + w].mean(axis=2)[::2, ::2]
    dark, light = (float(v) for v in np.percentile(grey, (10, 90)))
    room_above, room_below = 255 - light, dark
    both = min(room_above, room_below) > CONTRAST
    lighter = rng.random() < 0.5 if both else room_above > room_below
    low, high = (min(light + CONTRAST, 240), 255) if lighter else (0, max(dark - CONTRAST, 15))
    return np.clip(rng.uniform(low, high) + rng.uniform(-30, 30, 3), 0, 255).astype(np.float32)


def scaled(ink: Ink, height: int) -> Ink:
    """Return the ink `height` pixels high, its shape kept."""
    width = max(round(ink.shape[1] * height / ink.shape[0]), 2)
    how = cv2.INTER_AREA if height < ink.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(ink, (width, height), interpolation=how), np.float32)


def _background(scenery: Scenery, photo: Pixels, rng: Rng) -> Pixels:
    if rng.random() < scenery.wall:
        frame = wall(rng)
    else:
        frame = photo_crop(photo, rng)
        frame = recoloured(frame, rng) if scenery.recolour else frame
    if rng.random() < scenery.shapes:
        draw_shapes(frame, rng)
    if rng.random() < scenery.shapes and scenery.drawn:
        draw_lines(frame, rng)
    return frame


def _glyph(scenery: Scenery, glyphs: tuple[Glyph, ...], rng: Rng) -> Glyph:
    if rng.random() < scenery.printed:
        glyph = stroke_digit(LABELS[rng.integers(len(LABELS))], rng)
    else:
        glyph = glyphs[rng.integers(len(glyphs))]
    if rng.random() < scenery.drawn:
        glyph = pen_stroke(glyph, rng)
        return Glyph(glyph.label, tilted(glyph.ink, rng))
    return glyph


def _place(glyph: Glyph, scenery: Scenery, placed: list[Placed], rng: Rng) -> Placed | None:
    # as many small as large ones: sizes are drawn on a logarithmic scale
    height = float(np.exp(rng.uniform(np.log(scenery.least), np.log(scenery.most))))
    ink = scaled(glyph.ink, round(height * FRAME_PX[1]))
    h, w = ink.shape
    if w > FRAME_PX[0] - 2:
        return None
    for _ in range(TRIES):
        x = int(rng.integers(FRAME_PX[0] - w + 1))
        y = int(rng.integers(FRAME_PX[1] - h + 1))
        if all(apart((x, y, w, h), other) for other in placed):
            return Placed(glyph.label, ink, x, y)
    return None


def apart(place: tuple[int, int, int, int], other: Placed) -> bool:
    """Return whether a place (x, y, width, height) keeps a gap to another item."""
    x, y, w, h = place
    oh, ow = other.ink.shape
    beside = x + w + GAP_PX <= other.x or other.x + ow + GAP_PX <= x
    return beside or y + h + GAP_PX <= other.y or other.y + oh + GAP_PX <= y


def tilted(ink: Ink, rng: Rng) -> Ink:
    """Return the ink turned by up to 18 degrees, sheared, and seen from a slant."""
    h, w = ink.shape
    pad = max(h, w) // 2
    padded = cv2.copyMakeBorder(ink, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    side_h, side_w = padded.shape[:2]
    angle, shear = np.deg2rad(rng.uniform(-18, 18)), rng.uniform(-0.3, 0.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wide = float(np.exp(rng.uniform(-0.3, 0.5)))  # people write narrow and wide
    tilt = np.eye(3)
    tilt[:2, :2] = turn @ np.array([[wide, shear], [0.0, 1.0]])
    tilt[2, :2] = rng.uniform(-0.12, 0.12, 2) / max(side_w, side_h)
    to_centre, back = np.eye(3), np.eye(3)
    back[:2, 2] = side_w / 2, side_h / 2
    to_centre[:2, 2] = -back[:2, 2]
    warped = cv2.warpPerspective(padded, back @ tilt @ to_centre, (side_w, side_h))
    return trimmed(np.asarray(warped, np.float32))


def _lay_paper(canvas: Real, item: Placed, placed: list[Placed], rng: Rng) -> None:
    """Lay a sheet of paper under an item, unless it would cover another one."""
    h, w = item.ink.shape
    left, top, right, bottom = (int(v) for v in rng.uniform(0.1, 0.7, 4) * max(h, w))
    x0, y0 = max(item.x - left, 0), max(item.y - top, 0)
    x1, y1 = min(item.x + w + right, FRAME_PX[0]), min(item.y + h + bottom, FRAME_PX[1])
    if not all(apart((x0, y0, x1 - x0, y1 - y0), other) for other in placed if other is not item):
        return
    level = rng.uniform(140, 255) if rng.random() < 0.85 else rng.uniform(10, 60)
    canvas[y0:y1, x0:x1] = np.clip(level + rng.uniform(-14, 14, 3), 0, 255)

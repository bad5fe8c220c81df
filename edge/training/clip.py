"""A short film with known truth: held-out digits that move over the held-out photograph."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.aside import written_aside
from edge.errors import CannotWriteError
from edge.scene import Box
from edge.training.backgrounds import FRAME_PX, Real, Rng
from edge.training.dataset import Boxes
from edge.training.digits import LABELS, Glyph, Pixels, handwriting, photograph
from edge.training.scenes import Placed, ink_colour, ink_on, scaled

FPS = 15.0
SECONDS = 24.0
ACT_S = 1.2  # then other digits come: many short acts say more about a model than few long ones
DIGITS = (1, 2, 2, 3, 3)  # how many an act has, drawn from this list
LEAST, MOST = 0.24, 0.5  # heights in fractions of the frame
TRAVEL_PX = 70.0  # the longest way of a digit in an act
GAP_PX = 6.0
TRIES = 60
LOSSLESS = ("FFV1", "HFYU")


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One digit of an act: its ink, its colour (BGR), and its places, float (frames, 2)."""

    label: str
    ink: Real
    places: Real
    colour: Real

    def box_px(self, index: int) -> tuple[float, float, float, float]:
        """Return x0, y0, x1, y1 on a frame of the act, in pixels."""
        h, w = self.ink.shape
        x, y = (float(v) for v in self.places[index])
        return x, y, x + w, y + h


def clip_frames(
    seed: int, seconds: float = SECONDS, fps: float = FPS
) -> Iterator[tuple[Pixels, Boxes]]:
    """Yield frames, BGR uint8 (240, 320, 3), and what is on them; same seed, same film."""
    total, per_act = round(seconds * fps), max(round(ACT_S * fps), 1)
    casting = _casting(np.random.default_rng((seed, 1)))
    actors: list[Actor] = []
    for index in range(total):
        act, within = divmod(index, per_act)
        canvas = _view(index / fps)
        if within == 0:
            actors = _act(np.random.default_rng((seed, 2, act)), casting, canvas, per_act)
        for actor in actors:
            ink_on(canvas, _drawn(actor, within), actor.colour)
        width, height = FRAME_PX
        boxes = tuple(
            (a.label, Box(x0 / width, y0 / height, x1 / width, y1 / height))
            for a in actors
            for x0, y0, x1, y1 in [a.box_px(within)]
        )
        yield np.clip(np.rint(canvas), 0, 255).astype(np.uint8), boxes


def write_clip(
    path: Path, truth: Path, seed: int, seconds: float = SECONDS, fps: float = FPS
) -> int:
    """Write the film as a lossless AVI and a line a frame of what is on it; return the frames.

    `truth` has {"index", "objects": [{"label", "box": [x0, y0, x1, y1]}]}, boxes in fractions.
    Both are written aside and renamed. Raises CannotWriteError, also where the film does not
    read back exactly: a video writer says nothing when the disk is full.
    """
    pairs = list(clip_frames(seed, seconds, fps))
    frames = [frame for frame, _ in pairs]
    lines = [json.dumps(truth_record(index, boxes)) for index, (_, boxes) in enumerate(pairs)]
    with written_aside(path) as aside:
        # OpenCV chooses the container by the ending
        film = aside.with_suffix(".avi")
        try:
            _write_lossless(film, frames, fps)
            film.replace(aside)
        finally:
            film.unlink(missing_ok=True)
    with written_aside(truth) as aside:
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(frames)


def truth_record(index: int, boxes: Boxes) -> dict[str, object]:
    """Return the JSON object that says what is on a frame."""
    objects = [{"label": label, "box": box.as_list()} for label, box in boxes]
    return {"index": index, "objects": objects}


def _write_lossless(film: Path, frames: Sequence[Pixels], fps: float) -> None:
    for name in LOSSLESS:
        writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*name), fps, FRAME_PX)
        for frame in frames:
            writer.write(frame)
        writer.release()
        if _reads_back(film, frames):
            return
    raise CannotWriteError(f"cannot write the film {film} with {' or '.join(LOSSLESS)}")


def _reads_back(film: Path, frames: Sequence[Pixels]) -> bool:
    capture = cv2.VideoCapture(str(film))
    try:
        same = all(np.array_equal(capture.read()[1], frame) for frame in frames)
        return same and not capture.read()[0]
    finally:
        capture.release()


def _view(second: float) -> Real:
    """Return the photograph as a slow hand sees it: a window that drifts and breathes."""
    photo = photograph("test")
    height = 300.0 + 60.0 * np.sin(0.40 * second)
    zoom = FRAME_PX[1] / height
    room = np.array([photo.shape[1] - FRAME_PX[0] / zoom, photo.shape[0] - height])
    place = room * (0.5 + 0.45 * np.sin([0.31 * second, 0.53 * second + 1.0]))
    matrix = np.array([[zoom, 0.0, -zoom * place[0]], [0.0, zoom, -zoom * place[1]]])
    view = cv2.warpAffine(
        photo, matrix, FRAME_PX, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(view, np.float32)


def _casting(rng: Rng) -> Iterator[Glyph]:
    """Yield held-out digits without end, every label as often as the others."""
    by_label = {label: [g for g in handwriting("test") if g.label == label] for label in LABELS}
    while True:
        for label in rng.permutation(list(LABELS)):
            glyphs = by_label[str(label)]
            yield glyphs[rng.integers(len(glyphs))]


def _act(rng: Rng, casting: Iterator[Glyph], canvas: Real, frames: int) -> list[Actor]:
    """Return digits whose ways never meet; one that finds no free way does not come on."""
    actors: list[Actor] = []
    for _ in range(DIGITS[rng.integers(len(DIGITS))]):
        glyph = next(casting)
        height = float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
        ink = scaled(glyph.ink, round(height * FRAME_PX[1]))
        for _ in range(TRIES):
            places = _way(rng, ink, frames)
            if all(_keeps_apart(places, ink, other) for other in actors):
                colour = _colour(canvas, ink, places, rng)
                actors.append(Actor(glyph.label, ink, places, colour))
                break
    return actors


def _way(rng: Rng, ink: Real, frames: int) -> Real:
    """Return a smooth way within the frame: float32 (frames, 2), places of the top left corner."""
    h, w = ink.shape
    room = np.array([FRAME_PX[0] - w - 2, FRAME_PX[1] - h - 2], np.float64)
    start = rng.uniform(0, 1, 2) * room
    way = rng.uniform(-TRAVEL_PX, TRAVEL_PX, 2)
    t = np.linspace(0.0, 1.0, frames)[:, np.newaxis]
    swing = 6.0 * np.sin(2 * np.pi * (t * rng.uniform(0.5, 1.5, 2) + rng.uniform(0, 1, 2)))
    return (1.0 + np.clip(start + way * t + swing, 0.0, room)).astype(np.float32)


def _keeps_apart(places: Real, ink: Real, other: Actor) -> bool:
    size, other_size = np.array(ink.shape[::-1]), np.array(other.ink.shape[::-1])
    after = places >= other.places + other_size + GAP_PX
    before = places + size + GAP_PX <= other.places
    return bool((after | before).any(axis=1).all())


def _colour(canvas: Real, ink: Real, places: Real, rng: Rng) -> Real:
    """Return a colour that stands out along the whole way."""
    h, w = ink.shape
    low, high = np.floor(places.min(axis=0)).astype(int), np.ceil(places.max(axis=0)).astype(int)
    swept = np.ones((high[1] - low[1] + h, high[0] - low[0] + w), np.float32)
    return ink_colour(canvas, Placed("", swept, int(low[0]), int(low[1])), rng)


def _drawn(actor: Actor, index: int) -> Placed:
    """Return the digit at its place of a frame, moved by fractions of a pixel."""
    x, y = (float(v) for v in actor.places[index])
    left, top = int(x), int(y)
    h, w = actor.ink.shape
    shift = np.array([[1.0, 0.0, x - left], [0.0, 1.0, y - top]])
    # nothing is drawn beyond the frame: the ways end a pixel before its right and lower edge
    moved = cv2.warpAffine(actor.ink, shift, (w + 1, h + 1))
    return Placed(actor.label, np.asarray(moved, np.float32), left, top)

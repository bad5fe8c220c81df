"""Detections drawn onto a copy of the frame, for every sink that shows pictures."""

import time
import unicodedata
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import dataclass
from edge.scene import FULL_BOX, Detection, Event, Scene
from edge.sinks.sink import Health

FONT = cv2.FONT_HERSHEY_SIMPLEX
MAX_LINES = 5  # classes listed for a whole picture
# told apart by people who do not see all colours (Okabe and Ito, 2008), as BGR
PALETTE = (
    (0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240),
    (178, 114, 0), (0, 94, 213), (167, 121, 204),
)  # fmt: skip
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes that suit a frame: letters about a thirtieth of its shorter side, never unreadable."""

    scale: float
    line_px: int
    pad_px: int

    @classmethod
    def of(cls, height_px: int, width_px: int) -> "Pen":
        """Return the pen for a frame of this size."""
        side = min(height_px, width_px)
        return cls(
            scale=min(max(side / 720, 0.35), 2.5),
            line_px=max(1, round(side / 240)),
            pad_px=max(2, round(side / 180)),
        )


def annotate(scene: Scene, fps: float | None = None) -> NDArray[np.uint8]:
    """Return a copy of the frame, BGR uint8 (height, width, 3), with what was seen on it.

    Boxes carry label and score; classes of the whole picture are listed at its top left; the
    bottom line says which backend answered and how fast the loop runs.
    """
    bgr = scene.frame.bgr.copy()
    pen = Pen.of(*bgr.shape[:2])
    boxed = [d for d in scene.detections if d.box != FULL_BOX]
    # the best last, so that it lies on top
    for detection in reversed(boxed):
        _draw_box(bgr, detection, pen)
    top = 0
    for detection in [d for d in scene.detections if d.box == FULL_BOX][:MAX_LINES]:
        top = _draw_text(bgr, caption(detection), (0, top), colour(detection.label), pen)
    rate = "" if fps is None else f"  {fps:.1f} fps"
    foot = f"{scene.backend}  {scene.timings.infer_ms:.1f} ms{rate}"
    _draw_text(bgr, foot, (0, bgr.shape[0]), BLACK, pen)
    return bgr


def with_foot(bgr: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Return a copy of a picture, BGR uint8 (height, width, 3), with a line of text at its foot."""
    copy = bgr.copy()
    _draw_text(copy, text, (0, copy.shape[0]), BLACK, Pen.of(*copy.shape[:2]))
    return copy


def caption(detection: Detection) -> str:
    """Return label, track and score, such as `apple #3 0.87`."""
    track = "" if detection.track is None else f" #{detection.track}"
    return f"{detection.label}{track} {detection.score:.2f}"


def colour(label: str) -> tuple[int, int, int]:
    """Return the BGR colour of a label: the same in every run and on every machine."""
    return PALETTE[zlib.crc32(label.encode()) % len(PALETTE)]


def drawable(text: str) -> str:
    """Return text in the letters OpenCV's font has (ASCII): accents go, the rest becomes `?`."""
    plain = unicodedata.normalize("NFKD", text.replace("\N{LATIN SMALL LETTER SHARP S}", "ss"))
    kept = (c for c in plain if not unicodedata.combining(c))
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in kept)


def _draw_box(bgr: NDArray[np.uint8], detection: Detection, pen: Pen) -> None:
    height, width = bgr.shape[:2]
    box = detection.box
    left, right = round(box.x0 * width), round(box.x1 * width)
    top, bottom = round(box.y0 * height), round(box.y1 * height)
    tint = colour(detection.label)
    cv2.rectangle(bgr, (left, top), (right - 1, bottom - 1), tint, pen.line_px)
    # above the box where there is room, else inside it
    letters_px = _text_size(drawable(caption(detection)), pen)[1] + 2 * pen.pad_px
    _draw_text(bgr, caption(detection), (left, max(top - letters_px, 0)), tint, pen)


def _text_size(text: str, pen: Pen) -> tuple[int, int]:
    (width_px, height_px), base_px = cv2.getTextSize(text, FONT, pen.scale, 1)
    return int(width_px), int(height_px + base_px)


def _draw_text(
    bgr: NDArray[np.uint8],
    text: str,
    corner: tuple[int, int],
    ground: tuple[int, int, int],
    pen: Pen,
) -> int:
    """Write text on a filled ground, moved so that all of it is seen; return its lower edge."""
    text = drawable(text)
    width_px, height_px = (side + 2 * pen.pad_px for side in _text_size(text, pen))
    left = max(min(corner[0], bgr.shape[1] - width_px), 0)
    top = max(min(corner[1], bgr.shape[0] - height_px), 0)
    cv2.rectangle(bgr, (left, top), (left + width_px, top + height_px), ground, cv2.FILLED)
    luminance = 0.114 * ground[0] + 0.587 * ground[1] + 0.299 * ground[2]
    letters = BLACK if luminance > 128 else WHITE
    base_px = int(cv2.getTextSize(text, FONT, pen.scale, 1)[1])
    at = (left + pen.pad_px, top + height_px - pen.pad_px - base_px)
    cv2.putText(bgr, text, at, FONT, pen.scale, letters, 1, cv2.LINE_AA)
    return int(top + height_px)


class Canvas:
    """A sink that keeps the loop's rate and draws a scene once for all sinks that show it.

    Stands first among the sinks, so that the rate counts scenes which nobody draws as well.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Start without a scene."""
        self.fps: float | None = None
        self._clock_ns = clock_ns
        self._last_ns: int | None = None
        self._scene: Scene | None = None
        self._bgr: NDArray[np.uint8] | None = None

    def open(self) -> None:
        """Do nothing."""

    def write(self, scene: Scene) -> None:
        """Count one more frame; the rate is smoothed over about a second."""
        now_ns = self._clock_ns()
        if self._last_ns is not None and now_ns > self._last_ns:
            interval_s = (now_ns - self._last_ns) / 1e9
            weight = min(interval_s, 1.0)
            old_s = interval_s if self.fps is None else 1 / self.fps
            self.fps = 1 / ((1 - weight) * old_s + weight * interval_s)
        self._last_ns = now_ns

    def event(self, event: Event) -> None:
        """Take no notice."""

    def health(self) -> Health:
        """Return that nothing can go wrong here."""
        return Health(True)

    def close(self) -> None:
        """Let go of the last frame."""
        self._scene = self._bgr = None

    def picture(self, scene: Scene) -> NDArray[np.uint8]:
        """Return the annotated frame; callers only read it."""
        if self._bgr is None or self._scene is not scene:
            self._scene, self._bgr = scene, self.draw(scene)
        return self._bgr

    def draw(self, scene: Scene) -> NDArray[np.uint8]:
        """Return a new picture of a scene."""
        return annotate(scene, self.fps)

"""Turning and cutting what a camera sees, before anything else looks at it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config import Degrees
from edge.errors import UsageError
from edge.records import dataclass
from edge.scene import FULL_BOX, Box

TURNS: dict[int, int] = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


@dataclass(frozen=True, slots=True)
class View:
    """How a source is looked at: turned clockwise first, then cut to `roi` of what that gives."""

    rotate_deg: Degrees = 0
    roi: Box = FULL_BOX

    def apply(self, bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part that counts, uint8 (height, width, 3); at least one pixel.

        The picture itself where nothing is turned or cut, else one copy of no more than the part.
        """
        part = bgr if self.roi == FULL_BOX else self._cut(bgr)
        if self.rotate_deg:
            return np.asarray(cv2.rotate(part, TURNS[self.rotate_deg]), np.uint8)
        # a copy, so that the slot of one frame does not hold the whole picture alive
        return bgr if part.shape == bgr.shape else part.copy()

    def _cut(self, bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels that will lie in `roi` once they are turned."""
        height, width = bgr.shape[:2]
        lying = self.rotate_deg in (90, 270)
        x0, x1 = _span(self.roi.x0, self.roi.x1, height if lying else width)
        y0, y1 = _span(self.roi.y0, self.roi.y1, width if lying else height)
        if self.rotate_deg == 90:
            return bgr[height - x1 : height - x0, y0:y1]
        if self.rotate_deg == 180:
            return bgr[height - y1 : height - y0, width - x1 : width - x0]
        if self.rotate_deg == 270:
            return bgr[x0:x1, width - y1 : width - y0]
        return bgr[y0:y1, x0:x1]


def parse_rotate(text: str) -> Degrees:
    """Return how far a picture is turned clockwise; raises UsageError."""
    known: dict[str, Degrees] = {"0": 0, "90": 90, "180": 180, "270": 270}
    if text not in known:
        raise UsageError(f"--rotate takes {', '.join(known)} degrees clockwise; got '{text}'")
    return known[text]


def parse_roi(text: str) -> Box:
    """Return the box of `X0,Y0,X1,Y1`, fractions of the frame; raises UsageError."""
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--roi takes X0,Y0,X1,Y1; got '{text}'") from None
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise UsageError(
            f"--roi takes fractions of the frame, 0 <= X0 < X1 <= 1 and 0 <= Y0 < Y1 <= 1; "
            f"got '{text}'"
        )
    return Box(x0, y0, x1, y1)


def _span(low: float, high: float, length_px: int) -> tuple[int, int]:
    start = min(round(low * length_px), length_px - 1)
    return start, max(round(high * length_px), start + 1)

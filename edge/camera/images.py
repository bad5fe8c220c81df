"""Pictures on disk, one after the other."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.clock import Clock
from edge.camera.jpegs import JPEG_END, JPEG_START, has_end
from edge.camera.view import View
from edge.errors import BadDataError
from edge.quiet import native_messages_kept
from edge.scene import Frame

log = logging.getLogger(__name__)

SUFFIXES = (
    ".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
# What libjpeg, libpng and libtiff print when a picture is damaged; each prints the first fault.
DAMAGE = (
    r"Corrupt JPEG data: |Premature end of JPEG file|Inconsistent progression sequence"
    r"|libpng error: |\[\s*ERROR:.*TIFF_Error"
)
PADDING = r"(\d+) extraneous bytes before marker 0xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"


class PictureSource:
    """Every picture of a list, in its order; what cannot be read is named, skipped and counted.

    A frame's `index` is its place in the list, so `paths[index]` is where it came from.
    """

    live = False
    fps: float | None = None

    def __init__(
        self,
        paths: Sequence[Path],
        description: str,
        camera: str = "camera",
        view: View | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Keep the list; nothing is read yet."""
        self.paths = tuple(paths)
        self.description = description
        self.skipped = 0
        self._camera, self._view, self._clock = camera, view or View(), clock or Clock()
        self._next = 0

    def read(self) -> Frame | None:
        """Return the next readable picture, or None at the end.

        Raises BadDataError at the end of a list in which nothing could be read.
        """
        while self._next < len(self.paths):
            index, self._next = self._next, self._next + 1
            try:
                bgr = self._view.apply(read_picture(self.paths[index]))
            except BadDataError as error:
                self.skipped += 1
                log.warning("skipped: %s", error)
                continue
            return Frame(self._camera, index, self._clock.monotonic_ns(), self._clock.utc(), bgr)
        if self.skipped == len(self.paths):
            raise BadDataError(f"no picture of {self.description} could be read")
        return None

    def close(self) -> None:
        """Do nothing: no file stays open between pictures."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return a picture as BGR uint8 (height, width, 3), turned upright as its EXIF says.

    Raises BadDataError where the file is unreadable, no picture, cut short or damaged: decoders
    fill what is missing of a JPEG with grey, and at most print that. A JPEG has no checksum, so
    damage that happens to decode, mostly of a few bytes, is not seen.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadDataError(f"cannot read '{path}': {error.strerror}") from None
    if is_cut_short(data):
        raise BadDataError(f"'{path}' is cut short: its end marker is missing")
    try:
        with native_messages_kept(DAMAGE) as words:
            bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        raise BadDataError(f"'{path}' cannot be decoded: {error.err}") from None
    if words and not _is_padding(words[0], data):
        raise BadDataError(f"'{path}' is damaged: {words[0]}")
    if bgr is None:
        raise BadDataError(f"'{path}' is no picture that OpenCV reads ({len(data)} bytes)")
    return np.asarray(bgr, np.uint8)


def _is_padding(words: str, data: bytes) -> bool:
    """Return whether superfluous bytes before a JPEG's end only fill up: some cameras add them."""
    found = re.search(PADDING, words)
    if found is None:
        return False
    end = data.rfind(JPEG_END)
    return len(set(data[max(end - int(found[1]), 0) : end])) <= 1


def is_cut_short(data: bytes) -> bool:
    """Return whether JPEG or PNG bytes lack their end marker; other formats are not judged."""
    if data.startswith(PNG_START):
        return PNG_END not in data
    return data.startswith(JPEG_START) and not has_end(data)


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts `frame2.jpg` before `frame10.jpg`."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]

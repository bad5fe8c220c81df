"""Cutting a stream of bytes into JPEG pictures, and telling the whole from the cut ones."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", 0xDA, b"\xff\xd9"
JPEG_BEGIN = JPEG_START + b"\xff"
MOST_BYTES = 1 << 26  # of one picture: more is no picture


class BrokenPictureError(Exception):
    """A capture got a picture that is cut short or cannot be decoded; the next may be whole."""


def scan_start(data: bytes | bytearray) -> int:
    """Return where the scan of a JPEG begins, 0 if that has not arrived yet, -1 if it is no JPEG.

    The segments before it are stepped over: a thumbnail inside one has an end marker too.
    """
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return -1
        if data[at + 1] == JPEG_SCAN:
            return at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0


def has_end(data: bytes) -> bool:
    """Return whether the end marker of a JPEG is there."""
    scan = scan_start(data)
    return scan > 0 and data.find(JPEG_END, scan) >= 0


def decode_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Return a JPEG as BGR uint8 (height, width, 3); raises BrokenPictureError."""
    if not has_end(data):
        raise BrokenPictureError("a picture is cut short: its end marker is missing")
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BrokenPictureError(f"a picture cannot be decoded: {error.err}") from None
    if bgr is None:
        raise BrokenPictureError(f"a picture cannot be decoded ({len(data)} bytes)")
    return np.asarray(bgr, np.uint8)


class JpegSplitter:
    """Finds the pictures of a multipart stream by their own markers.

    Lengths that servers announce are not needed, and some are wrong. A picture ends at its end
    marker, so it need not wait for the next one; a boundary before that marker means it is cut.
    """

    def __init__(self, boundary: bytes) -> None:
        """Take the boundary as the header names it, with or without its dashes."""
        self._boundary = b"--" + boundary.lstrip(b"-")
        self._data = bytearray()
        self._seen = 0  # bytes at the start in which no end was found

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Yield each picture that `data` completes, None for one that was cut short."""
        self._data += data
        while self._at_begin():
            end, whole = self._end()
            if end < 0:
                return
            picture = bytes(self._data[:end]) if whole else None
            del self._data[:end]
            self._seen = 0
            yield picture

    def _at_begin(self) -> bool:
        """Drop what lies before the next picture; return whether one has begun."""
        begin = self._data.find(JPEG_BEGIN)
        del self._data[: begin if begin >= 0 else max(0, len(self._data) - len(JPEG_BEGIN) + 1)]
        return begin >= 0

    def _end(self) -> tuple[int, bool]:
        """Return where the picture at the start ends and whether it is whole; -1: not yet."""
        overlap = max(0, self._seen - len(self._boundary))
        cut = self._data.find(self._boundary, overlap)
        scan = scan_start(self._data)
        end = self._data.find(JPEG_END, max(scan, overlap)) if scan > 0 else -1
        self._seen = len(self._data)
        if end >= 0 and (cut < 0 or end < cut):
            return end + len(JPEG_END), True
        if cut >= 0:
            return cut, False
        if scan < 0 or len(self._data) > MOST_BYTES:
            return len(JPEG_BEGIN), False
        return -1, False

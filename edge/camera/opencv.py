"""Cameras, clips and network streams through OpenCV."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np

from edge.camera.clock import Clock
from edge.camera.patience import Patience
from edge.camera.view import View
from edge.scene import Frame

SANE_FPS = (0.5, 480.0)  # drivers also say 0, 90000 or nan

TEXT = cv2.VideoWriter.fourcc(*"ansi")  # FFmpeg shows text files as a terminal would

Capture = Any  # cv2.VideoCapture, or what a test puts in its place
Opener = Callable[[str, Patience], Capture]


def open_capture(target: str, patience: Patience) -> Capture:
    """Return a capture of a camera, with V4L2, or of a file or address, with FFmpeg."""
    if target.startswith("/dev/"):
        return cv2.VideoCapture(target, cv2.CAP_V4L2)
    if "://" not in target:
        return cv2.VideoCapture(target, cv2.CAP_FFMPEG)
    # each decoding thread holds a picture back: four of them, at 5 a second, are 0.8 s
    settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, patience.open_ms]
    settings += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, patience.read_ms]
    settings += [cv2.CAP_PROP_N_THREADS, 1]
    return cv2.VideoCapture(target, cv2.CAP_FFMPEG, settings)


def hide_messages() -> None:
    """Keep OpenCV and FFmpeg from writing to standard error in this process.

    A camera that is tried again says the same each time, and its reader runs beside threads whose
    words must be seen, so standard error cannot be turned away meanwhile.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read by FFmpeg's first capture
    levels = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it
    levels.setLogLevel(0)


class VideoSource:
    """A clip: every frame in order, stamped with the clip's own time from its opening on."""

    live = False

    def __init__(
        self,
        capture: Capture,
        description: str,
        camera: str = "camera",
        view: View | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take over an opened capture."""
        self.description = description
        self.fps: float | None = nominal_fps(capture)
        self._capture = capture
        self._camera, self._view, self._clock = camera, view or View(), clock or Clock()
        self._index = 0
        self._start: tuple[int, datetime] = (self._clock.monotonic_ns(), self._clock.utc())

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        ok, bgr = self._capture.read()
        if not ok:
            return None
        monotonic_ns, time_utc = self._stamp()
        index, self._index = self._index, self._index + 1
        picture = self._view.apply(np.asarray(bgr, np.uint8))
        return Frame(self._camera, index, monotonic_ns, time_utc, picture)

    def _stamp(self) -> tuple[int, datetime]:
        # wall time would make a clip that is read fast look fast to whatever measures durations
        if self.fps is None:
            return self._clock.monotonic_ns(), self._clock.utc()
        seconds = self._index / self.fps
        return self._start[0] + round(seconds * 1e9), self._start[1] + timedelta(seconds=seconds)

    def close(self) -> None:
        """Release the capture."""
        self._capture.release()


def is_video(capture: Capture) -> bool:
    """Return whether a file is open and is moving pictures."""
    return bool(capture.isOpened()) and capture.get(cv2.CAP_PROP_FOURCC) != TEXT


def nominal_fps(capture: Capture) -> float | None:
    """Return the rate a capture claims, or None where the claim makes no sense."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if SANE_FPS[0] <= fps <= SANE_FPS[1] else None

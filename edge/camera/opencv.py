"""Cameras, clips and network streams through OpenCV."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np

from edge.camera.clock import Clock
from edge.camera.view import View
from edge.errors import UnavailableError
from edge.quiet import native_messages_hidden
from edge.scene import Frame

log = logging.getLogger(__name__)

TIMEOUT_MS = 3000  # without it a stalled network source blocks for 30 s
PATIENCE_S = 3.0  # how long a live source may give nothing before it counts as gone
PAUSE_S = 0.02  # a closed source answers False half a million times a second
SANE_FPS = (0.5, 480.0)  # drivers also say 0, 90000 or nan

Capture = Any  # cv2.VideoCapture, or what a test puts in its place
Opener = Callable[[str | int], Capture]


def open_capture(target: str | int) -> Capture:
    """Return a capture of a camera, with V4L2, or of a file or address, with FFmpeg."""
    if isinstance(target, int) or target.startswith("/dev/"):
        with native_messages_hidden():
            return cv2.VideoCapture(target, cv2.CAP_V4L2)
    # a timeout is a setting of network sources, and harmless for files
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS]
    timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    with native_messages_hidden():
        return cv2.VideoCapture(target, cv2.CAP_FFMPEG, timeouts)


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


class LiveSource(VideoSource):
    """A camera or stream: time passes by itself, and no picture is not yet the end.

    Frames are stamped as they arrive. `stop` ends a wait at once.
    """

    live = True

    def __init__(
        self,
        capture: Capture,
        description: str,
        camera: str = "camera",
        view: View | None = None,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Take over an opened capture."""
        super().__init__(capture, description, camera, view, clock)
        self._stop = stop or threading.Event()

    def read(self) -> Frame | None:
        """Return the next frame, or None once `stop` is set.

        Raises UnavailableError after PATIENCE_S without a picture.
        """
        patience_ns = round(PATIENCE_S * 1e9)
        last_ns = self._clock.monotonic_ns()
        while not self._stop.is_set():
            frame = super().read()
            if frame is not None:
                return frame
            if self._clock.monotonic_ns() - last_ns > patience_ns:
                raise UnavailableError(
                    f"{self.description} has given no picture for {PATIENCE_S:g} s: "
                    "unplugged, switched off, or its network is gone"
                )
            self._stop.wait(PAUSE_S)
        return None

    def _stamp(self) -> tuple[int, datetime]:
        return self._clock.monotonic_ns(), self._clock.utc()


def nominal_fps(capture: Capture) -> float | None:
    """Return the rate a capture claims, or None where the claim makes no sense."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if SANE_FPS[0] <= fps <= SANE_FPS[1] else None

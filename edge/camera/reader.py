"""One opening of a camera or address, read in a thread of its own."""

import atexit
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.camera.clock import Clock
from edge.camera.jpegs import BrokenPictureError
from edge.camera.opencv import Capture, nominal_fps
from edge.camera.patience import Patience
from edge.errors import EdgeError

PAUSE_S = 0.02  # a closed source answers False half a million times a second
THREAD = "camera"  # name of each reading thread
AT_EXIT_S = 15.0  # a blocked V4L2 read comes back after 10 s
TIMED_OUT = 0.9  # of read_ms: a read that failed after so long waited for a picture
MS = 1_000_000


class Hub(Protocol):
    """Whom a reader tells; every call says whether the reader shall go on."""

    def opened(self, reader: "Reader", fps: float | None) -> bool:
        """Take note that the source is open; `fps` is what it claims."""
        ...

    def picture(self, reader: "Reader", bgr: NDArray[np.uint8]) -> bool:
        """Take a picture, uint8 (height, width, 3)."""
        ...

    def fault(self, reader: "Reader", kind: str, reason: str) -> bool:
        """Take note of a fault; `kind` is one of KINDS."""
        ...

    def gone(self, reader: "Reader", reason: str) -> None:
        """Take note that the reader has ended and its capture is free; `reason` may be empty."""
        ...


class Reader:
    """Opens, reads and releases a capture: all of it in one thread.

    Releasing a capture while another thread reads from it crashes the process. So a reader whose
    call does not return is told to `leave` and forgotten; should the call ever return, it releases.
    `since_ns` is when the call under way began, `opening` whether that call is the opening.
    """

    def __init__(
        self, opens: Callable[[], Capture], hub: Hub, patience: Patience, clock: Clock
    ) -> None:
        """Keep the parts; `start` begins."""
        self.opening = True
        self.since_ns = clock.monotonic_ns()
        self._opens, self._hub, self._patience, self._clock = opens, hub, patience, clock
        self._left = threading.Event()
        self._empty_since_ns: int | None = None
        self._good_ns = self.since_ns
        # a daemon: a driver that never comes back must not keep the process alive
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)

    def start(self) -> None:
        """Begin to open and read."""
        # a thread that comes back from native code while the interpreter ends aborts the process
        atexit.register(self._end)
        self._thread.start()

    def leave(self) -> None:
        """Ask the thread to release and end, when its call has returned; this does not wait."""
        self._left.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _end(self) -> None:
        self.leave()
        self.join(AT_EXIT_S)

    def _run(self) -> None:
        capture: Capture = None
        reason = ""
        try:
            capture = self._opens()
            self._good_ns = self.since_ns = self._clock.monotonic_ns()
            self.opening = False
            if self._hub.opened(self, nominal_fps(capture)):
                while not self._left.is_set() and self._step(capture):
                    pass
        except EdgeError as error:
            reason = str(error)
            if not self.opening:
                self._hub.fault(self, "closed", reason)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".strip().replace("\n", " ")
            if not self.opening:
                self._hub.fault(self, "failed", reason)
        finally:
            self.since_ns = self._clock.monotonic_ns()
            if capture is not None:
                capture.release()
            atexit.unregister(self._end)
            self._hub.gone(self, reason)

    def _step(self, capture: Capture) -> bool:
        """Read once; return whether to go on."""
        self.since_ns = self._clock.monotonic_ns()
        try:
            ok, bgr = capture.read()
        except BrokenPictureError as error:
            return self._broken(str(error))
        if not ok:
            return self._nothing()
        self._empty_since_ns = None
        if not is_picture(bgr):
            return self._broken(f"no picture, but {described(bgr)}")
        self._good_ns = self._clock.monotonic_ns()
        return self._hub.picture(self, np.asarray(bgr, np.uint8))

    def _broken(self, reason: str) -> bool:
        if not self._hub.fault(self, "broken", reason):
            return False
        if self._clock.monotonic_ns() - self._good_ns < self._patience.read_ms * MS:
            return True
        self._hub.fault(self, "stalled", f"no whole picture for {seconds(self._patience.read_ms)}")
        return False

    def _nothing(self) -> bool:
        now_ns = self._clock.monotonic_ns()
        if self._empty_since_ns is None:
            self._empty_since_ns = self.since_ns
        if now_ns - self.since_ns >= TIMED_OUT * self._patience.read_ms * MS:
            self._hub.fault(self, "stalled", f"no picture for {seconds(self._patience.read_ms)}")
            return False
        if now_ns - self._empty_since_ns >= self._patience.closed_ms * MS:
            self._hub.fault(self, "closed", "unplugged, switched off, or its network is gone")
            return False
        self._left.wait(PAUSE_S)
        return True


def is_picture(bgr: Any) -> bool:
    """Return whether this is uint8 (height, width, 3) with at least one pixel."""
    return (
        isinstance(bgr, np.ndarray)
        and bgr.dtype == np.uint8
        and bgr.ndim == 3
        and bgr.shape[2] == 3
        and bgr.size > 0
    )


def described(bgr: Any) -> str:
    """Return what came instead of a picture, for people."""
    return f"{bgr.dtype} {list(bgr.shape)}" if isinstance(bgr, np.ndarray) else type(bgr).__name__


def seconds(milliseconds: float) -> str:
    """Return a duration for people, such as `3 s` or `0.3 s`."""
    return f"{milliseconds / 1000:.3g} s"

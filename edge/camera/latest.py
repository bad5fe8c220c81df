"""The newest frame of a live source: whoever is slow sees the present, not a queue of the past."""

import logging
import threading

from edge.camera.source import Source
from edge.scene import Frame

log = logging.getLogger(__name__)

GLANCE_S = 0.2  # how often a waiting reader looks at the stop flag
FAREWELL_S = 15.0  # a blocked V4L2 read comes back after 10 s, a network read after 3 s


class Latest:
    """A source whose own thread reads all the time; `read` gives the newest frame, each once.

    Only that thread reads and releases: releasing a capture while another thread reads from it
    crashes the process. `dropped` counts the frames that a newer one replaced unseen.
    """

    live = True

    def __init__(self, source: Source, stop: threading.Event | None = None) -> None:
        """Start reading; `stop` ends it from outside, too."""
        self.description = source.description
        self.fps = source.fps
        self.dropped = 0
        self._source = source
        self._stop = stop or threading.Event()
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._ended = False
        self._error: Exception | None = None
        # a daemon: a driver that never comes back must not keep the process alive
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def ready(self) -> bool:
        """Return whether `read` would return at once."""
        return self._frame is not None or self._ended

    def read(self) -> Frame | None:
        """Return the newest unseen frame, waiting for one; None at the end or once stopped.

        Raises whatever ended the source.
        """
        with self._changed:
            while self._frame is None and not self._ended and not self._stop.is_set():
                self._changed.wait(GLANCE_S)
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
        return None if self._stop.is_set() else frame

    def close(self) -> None:
        """Stop the thread, which releases the device."""
        self._stop.set()
        self._thread.join(FAREWELL_S)
        if self._thread.is_alive():
            log.warning("%s does not come back from a read; left behind", self.description)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while not self._stop.is_set() and (frame := self._source.read()) is not None:
                self._offer(frame)
        except Exception as fault:
            error = fault
        finally:
            self._source.close()
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def _offer(self, frame: Frame) -> None:
        with self._changed:
            self.dropped += self._frame is not None
            self._frame = frame
            self._changed.notify_all()

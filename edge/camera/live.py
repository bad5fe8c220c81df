"""A camera or stream: the newest frame, for as long as it takes.

A reader thread opens, reads and releases; whoever waits for a frame looks on, so a call that never
comes back is noticed as well. A source that fails is opened again after a pause, for ever.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.camera.clock import Clock
from edge.camera.faults import Ledger, SourceChange
from edge.camera.judge import Backlog, Freeze
from edge.camera.opencv import Capture
from edge.camera.patience import Patience
from edge.camera.reader import TIMED_OUT, Reader, seconds
from edge.camera.view import View
from edge.errors import UnavailableError
from edge.scene import Frame
from edge.statistics import CameraStatistics

log = logging.getLogger(__name__)

GLANCE_S = 0.1  # how often a waiting reader looks at clock and stop flag
FAREWELL_S = 1.0  # people who press Ctrl-C do not wait for a driver
MOST_LEFT = 4  # readers that hang at the same time; more would only cost memory
MS = 1_000_000


class Live:
    """A source whose own thread reads all the time; `read` gives the newest frame, each once.

    `dropped` counts frames that a newer one replaced unseen; among them are the `stale` ones,
    which came too late to be the present. All faults are this source's own: no shared state.
    """

    live = True

    def __init__(
        self,
        opens: Callable[[], Capture],
        description: str,
        camera: str = "camera",
        *,
        view: View | None = None,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Start to open; `opens` is called for each opening, in a thread, and raises EdgeError."""
        self.description, self.camera = description, camera
        self.fps: float | None = None
        self.dropped = self.stale = self.reopened = 0
        self._opens = opens
        self._view, self._clock = view or View(), clock or Clock()
        self._stop = stop or threading.Event()
        self._patience = patience or Patience()
        self._changed = threading.Condition()
        self._ledger = Ledger(camera, description, self._clock)
        self._listener: Callable[[SourceChange], None] | None = None
        self._freeze = Freeze()
        self._frame: Frame | None = None
        self._size: tuple[int, int] | None = None
        self._started = self._closed = False
        self._refusal = ""
        self._index = self._attempt = self._broken = 0
        self._next_ns = self._opened_ns = self._last_ns = 0
        self._backlog = Backlog(None, 0, 0)
        self._reader: Reader | None = None
        self._good_since_ns: int | None = None
        self._left: list[Reader] = []
        self._open()

    # what the consumer calls

    def start(self) -> None:
        """Wait for the first picture; raises UnavailableError where none comes.

        Later faults are lived through: only a source that has never worked is a mistake.
        """
        with self._changed:
            while not (self._started or self._refusal or self._is_stopped()):
                self._watch(self._clock.monotonic_ns())
                self._changed.wait(GLANCE_S)
            refusal = self._refusal
        if refusal:
            self.close()
            raise UnavailableError(refusal)

    def listen(self, listener: Callable[[SourceChange], None]) -> None:
        """Have `read` call this for each fault and recovery, in the thread that reads."""
        self._listener = listener

    def ready(self) -> bool:
        """Return whether `read` would return at once."""
        return self._frame is not None or self._is_stopped()

    def read(self) -> Frame | None:
        """Return the newest unseen frame, waiting for one; None once stopped."""
        while not self._is_stopped():
            frame = self.poll(GLANCE_S)
            if frame is not None:
                return frame
        return None

    def poll(self, wait_s: float = 0.0) -> Frame | None:
        """Return the newest unseen frame, or None where none comes within `wait_s`.

        Faults are noticed here, so call it now and then even where no frame is wanted.
        """
        with self._changed:
            now_ns = self._clock.monotonic_ns()
            self._watch(now_ns)
            frame, changes = self._pick(now_ns), self._ledger.take()
            if frame is None and not changes and wait_s > 0:
                self._changed.wait(wait_s)
                frame, changes = self._pick(self._clock.monotonic_ns()), self._ledger.take()
        if self._listener is not None:
            for change in changes:
                self._listener(change)
        return None if frame is None else replace(frame, bgr=self._view.apply(frame.bgr))

    def age_ms(self, frame: Frame) -> float:
        """Return the milliseconds since a frame arrived."""
        return (self._clock.monotonic_ns() - frame.monotonic_ns) / MS

    def statistics(self) -> CameraStatistics:
        """Return what went wrong until now."""
        with self._changed:
            return CameraStatistics(
                faults=dict(self._ledger.counts),
                recovered=self._ledger.recovered,
                reopened=self.reopened,
                stale=self.stale,
                broken=self._broken,
                left_behind=sum(not reader.join(0) for reader in self._left),
            )

    def close(self) -> None:
        """Stop reading; a reader that is in a call releases the device when that returns."""
        with self._changed:
            self._closed = True  # `stop` may be the whole run's
            reader, self._reader = self._reader, None
        if reader is None:
            return
        reader.leave()
        if not reader.join(FAREWELL_S):
            log.debug("%s does not come back from a call; left behind", self.description)

    def _is_stopped(self) -> bool:
        return self._closed or self._stop.is_set()

    def _pick(self, now_ns: int) -> Frame | None:
        frame, self._frame = self._frame, None
        if frame is None or now_ns - frame.monotonic_ns <= self._patience.read_ms * MS:
            return frame
        # whoever reads was away for long, and nothing has come since
        self._drop_stale()
        return None

    def _watch(self, now_ns: int) -> None:
        """Notice what only somebody else can notice, and open again when it is time."""
        reader, patience = self._reader, self._patience
        if reader is None:
            if now_ns >= self._next_ns and not self._is_stopped():
                self._open()
        elif now_ns - reader.since_ns > patience.hung_ms * MS:
            what = "opening" if reader.opening else "reading"
            self.fault(reader, "hung", f"{what} has not returned for {seconds(patience.hung_ms)}")
            reader.leave()
            self._left.append(reader)
            self._ended("")
        elif now_ns - self._last_ns > patience.read_ms * MS and not (
            reader.opening or self._ledger.hard
        ):
            self.fault(reader, "stalled", f"no picture for {seconds(patience.read_ms)}")

    def _open(self) -> None:
        self._left = [reader for reader in self._left if not reader.join(0)]
        if len(self._left) >= MOST_LEFT:
            self._next_ns = self._clock.monotonic_ns() + self._pause_ns()
            return
        self.reopened += self._started
        self._reader = Reader(self._opens, self, self._patience, self._clock)
        self._reader.start()

    def _ended(self, reason: str) -> None:
        """Take note, with the lock held, that nobody reads, and when to try again."""
        now_ns, good_ns = self._clock.monotonic_ns(), self._good_since_ns
        if good_ns is not None and now_ns - good_ns >= self._patience.settle_ms * MS:
            self._attempt = 0
        self._reader, self._good_since_ns = None, None
        self._next_ns = now_ns + self._pause_ns()
        if not self._started and not self._refusal:
            self._refusal = reason or f"{self.description} gives no picture"
        if self._started and reason:
            log.debug("%s", reason)
        self._changed.notify_all()

    def _pause_ns(self) -> int:
        pause_s = self._patience.backoff.pause_s(self._attempt)
        self._attempt += 1
        return round(pause_s * 1e9)

    # what the reader calls

    def opened(self, reader: Reader, fps: float | None) -> bool:
        """Take note that the source is open."""
        with self._changed:
            if reader is not self._reader:
                return False
            self.fps = self.fps or fps
            self._opened_ns = self._last_ns = self._clock.monotonic_ns()
            self._backlog = Backlog(
                fps, TIMED_OUT * self._patience.read_ms, self._patience.drain_ms
            )
            return True

    def picture(self, reader: Reader, bgr: NDArray[np.uint8]) -> bool:
        """Judge a picture and keep it for `read`; False where the reader shall end."""
        time_utc = self._clock.utc()
        with self._changed:
            if reader is not self._reader:
                return False
            now_ns = self._clock.monotonic_ns()
            age = self._backlog.judge(now_ns)
            # a decoder that gives up waiting hands over what it held: no sign of life
            self._last_ns = self._last_ns if age == "late" else now_ns
            same_ms = self._freeze.same_ms(bgr, now_ns)
            if same_ms is not None and same_ms >= self._patience.frozen_ms:
                return self._stay(reader, now_ns)
            if age != "new":
                self._drop_stale()
                return True
            self._accept(Frame(self.camera, self._index, now_ns, time_utc, bgr))
            return True

    def fault(self, reader: Reader, kind: str, reason: str) -> bool:
        """Take note of a fault; before the first picture it is why the source is refused."""
        with self._changed:
            if reader is not self._reader:
                return False
            self._broken += kind == "broken"
            if self._started:
                self._ledger.fault(kind, reason)
                self._changed.notify_all()
            elif kind != "broken":
                self._refusal = f"{self.description} gives no picture: {reason}"
            return True

    def gone(self, reader: Reader, reason: str) -> None:
        """Take note that a reader has ended."""
        with self._changed:
            if reader is self._reader:
                self._ended(reason)

    def _accept(self, frame: Frame) -> None:
        height, width = frame.bgr.shape[:2]
        if self._size is not None and self._size != (width, height):
            was, now = (f"{w}x{h}" for w, h in (self._size, (width, height)))
            self._ledger.fault("size", f"pictures of {now}, before of {was} pixels")
        self._size = (width, height)
        self._started = True
        self._good_since_ns = self._good_since_ns or frame.monotonic_ns
        self._ledger.good(self._patience.settle_ms)
        self.dropped += self._frame is not None
        self._index += 1
        self._frame = frame
        self._changed.notify_all()

    def _stay(self, reader: Reader, now_ns: int) -> bool:
        """Withhold a picture that stands still; open again when that has lasted."""
        frozen_ms = self._patience.frozen_ms
        self.fault(reader, "frozen", f"the same picture for {seconds(frozen_ms)}")
        self._frame = None
        return now_ns - self._opened_ns < frozen_ms * MS

    def _drop_stale(self) -> None:
        self._index += 1
        self.stale += 1
        self.dropped += 1

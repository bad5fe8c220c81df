"""The camera on a Raspberry Pi's ribbon cable, through a child under the system's Python.

OpenCV's wheels cannot open it, and picamera2 comes from apt with a numpy that must not meet ours:
`picamera_child.py` runs picamera2, or else rpicam-vid, and sends pictures through a pipe.
"""

import contextlib
import logging
import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.camera.jpegs import BrokenPictureError, decode_jpeg
from edge.camera.picamera_child import CURE, HEADER, MAGIC
from edge.errors import UnavailableError, UsageError

log = logging.getLogger(__name__)

KIND = "picamera"
SYSTEM_PYTHON = Path("/usr/bin/python3")
CHILD = Path(__file__).with_name("picamera_child.py")
SIZE_PX = (640, 480)  # the whole field of view of every sensor, and more than models take
OPEN_S = 20.0  # a Pi Zero needs 6 s to import picamera2 and start the sensor
READ_S = 3.0
GLANCE_S = 0.2  # how often a waiting reader looks at the stop flag
FAREWELL_S = 3.0
MOST_PX = 1 << 14
MOST_BYTES = 1 << 28
# What would lead the system's Python to the packages of another one.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def camera_number(spec: str) -> int:
    """Return N of `picamera:N`, 0 for `picamera`; raises UsageError."""
    _, colon, text = spec.partition(":")
    if colon and not (text.isdecimal() and text.isascii() and len(text) < 4):
        raise UsageError(
            f"--source picamera:N takes the number of a camera, 0, 1, ..; got '{spec}'"
        )
    return int(text) if colon else 0


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what points at the packages of this Python."""
    return {name: value for name, value in environment.items() if name not in FOREIGN}


class PicameraCapture:
    """Reads what the child sends; has the methods of cv2.VideoCapture that sources need.

    One thread reads and releases. The child ends with this process: its standard input closes.
    """

    def __init__(
        self,
        child: "subprocess.Popen[bytes]",
        name: str,
        stop: threading.Event,
        read_s: float = READ_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over a child whose three streams are pipes."""
        assert child.stdout is not None  # noqa: S101 - a pipe
        self._child, self._name, self._stop = child, name, stop
        self._read_s, self._clock = read_s, clock
        self._pipe = child.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._first: tuple[bool, NDArray[np.uint8] | None] | None = None
        self._words: deque[str] = deque(maxlen=20)
        self._listener = threading.Thread(target=self._listen, name="picamera", daemon=True)
        self._listener.start()

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Return whether the child lives."""
        return self._child.poll() is None

    def get(self, what: int) -> float:
        """Return 0: the child does not tell its rate."""
        return 0.0

    def wait_for_first(self, open_s: float) -> None:
        """Wait for the first picture; raises UnavailableError with what the child says instead."""
        until_s = self._clock() + open_s
        while self._first is None:
            # the first one may be cut: a recorder starts in the middle of things
            with contextlib.suppress(BrokenPictureError):
                self._first = self._receive(max(until_s - self._clock(), 0.0), open_s)

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return True and the next picture, BGR uint8 (height, width, 3).

        False and None after `stop`. Raises BrokenPictureError for a damaged one (the next may be
        whole), and UnavailableError where the child has ended, says nothing, or sends
        something else.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._receive(self._read_s, self._read_s)

    def release(self) -> None:
        """End the child; kill it if it does not go."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()
        try:
            self._child.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._listener.join(FAREWELL_S)
        if self._child.stderr is not None and not self._listener.is_alive():
            self._child.stderr.close()

    def _receive(self, left_s: float, wait_s: float) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return the next picture, due in `left_s` of the `wait_s` that a complaint names."""
        until_s = self._clock() + left_s
        head = bytearray(HEADER.size)
        if not self._fill(memoryview(head), until_s, wait_s):
            return False, None
        magic, kind, width, height, length = HEADER.unpack(head)
        if magic != MAGIC or kind not in b"BJE" or length > MOST_BYTES:
            raise UnavailableError(f"{self._name}: its program sent no picture but {bytes(head)!r}")
        if kind == b"B" and (length != width * height * 3 or not length):
            raise UnavailableError(
                f"{self._name}: its program sent {length} bytes for {width}x{height} pixels; "
                f"needs {width * height * 3}"
            )
        body = np.empty(length, np.uint8)
        if not self._fill(body.data, until_s, wait_s):
            return False, None
        if kind == b"E":
            words = body.tobytes().decode(errors="replace").split()  # of one line or many
            raise UnavailableError(f"{self._name}: {' '.join(words)}")
        jpeg = kind == b"J"
        return True, decode_jpeg(body.tobytes()) if jpeg else body.reshape(height, width, 3)

    def _fill(self, view: memoryview, until_s: float, wait_s: float) -> bool:
        """Fill `view` from the pipe; False once `stop` is set."""
        while view:
            left_s = until_s - self._clock()
            if self._stop.is_set():
                return False
            if left_s <= 0:
                raise UnavailableError(f"{self._name}: no picture for {wait_s:g} s{self._last()}")
            if not self._poll.poll(min(left_s, GLANCE_S) * 1000):
                continue
            count = os.readv(self._pipe, [view])
            if not count:
                raise UnavailableError(f"{self._name}: its program has ended{self._end()}")
            view = view[count:]
        return True

    def _end(self) -> str:
        """Return how the child ended, for the end of a line."""
        try:
            code = self._child.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            return self._last()
        self._listener.join(FAREWELL_S)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f" ({how}){self._last()}"

    def _last(self) -> str:
        """Return the child's last words, for the end of a line."""
        return f"; its last words: {self._words[-1]}" if self._words else ""

    def _listen(self) -> None:
        assert self._child.stderr is not None  # noqa: S101 - a pipe
        for line in self._child.stderr:
            text = line.decode(errors="replace").strip()
            log.debug("%s: %s", self._name, text)
            if text:
                self._words.append(text)


def open_picamera(
    number: int,
    stop: threading.Event,
    *,
    python: Path = SYSTEM_PYTHON,
    environment: Mapping[str, str] | None = None,
    size_px: tuple[int, int] = SIZE_PX,
    open_s: float = OPEN_S,
    read_s: float = READ_S,
) -> PicameraCapture:
    """Return a capture that has its first picture.

    Raises UnavailableError with the cure: nothing installed, no such camera, no picture in time.
    """
    name = f"{KIND} {number}"
    words = [str(python), "-s", str(CHILD), str(number), *map(str, size_px)]
    surroundings = child_environment(os.environ) if environment is None else dict(environment)
    pipe = subprocess.PIPE
    try:
        # a session of its own: Ctrl-C is for us, and we tell the child
        child = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=pipe, env=surroundings, start_new_session=True
        )
    except OSError as error:
        raise UnavailableError(f"{name}: no {python} ({error.strerror}); {CURE}") from None
    capture = PicameraCapture(child, name, stop, read_s)
    try:
        capture.wait_for_first(open_s)
    except BaseException:
        capture.release()
        raise
    return capture

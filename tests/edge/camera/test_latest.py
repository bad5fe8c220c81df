import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.camera.clock import Clock
from edge.camera.latest import Latest
from edge.camera.opencv import PATIENCE_S, LiveSource
from edge.errors import UnavailableError
from edge.scene import Frame

DEADLINE_S = 10.0


def frame(index: int) -> Frame:
    return Frame("c", index, index, datetime(2026, 1, 1, tzinfo=UTC), np.zeros((2, 2, 3), np.uint8))


class Gated:
    """A source whose frames come as the test allows them; it notes the thread of each call."""

    live = True
    description = "gated"
    fps = 30.0

    def __init__(self, error: Exception | None = None) -> None:
        self.allowed = threading.Semaphore(0)
        self.last = False
        self.error = error
        self.count = 0
        self.threads: list[str] = []
        self.closed_by = ""
        self.waiting = threading.Semaphore(0)

    def read(self) -> Frame | None:
        self.threads.append(threading.current_thread().name)
        self.waiting.release()
        assert self.allowed.acquire(timeout=DEADLINE_S)
        if self.last:
            if self.error:
                raise self.error
            return None
        self.count += 1
        return frame(self.count - 1)

    def close(self) -> None:
        self.closed_by = threading.current_thread().name

    def give(self, frames: int) -> None:
        """Let the reader take `frames` and wait until it asks for the next one."""
        self.allowed.release(frames)
        for _ in range(frames):
            assert self.waiting.acquire(timeout=DEADLINE_S)

    def end(self) -> None:
        self.last = True
        self.allowed.release()


def start(error: Exception | None = None) -> tuple[Gated, Latest]:
    source = Gated(error)
    latest = Latest(source)
    assert source.waiting.acquire(timeout=DEADLINE_S)
    return source, latest


def test_slow_reader_sees_the_newest_frame_and_counts_the_others():
    source, latest = start()
    source.give(5)
    assert latest.read().index == 4
    assert latest.dropped == 4
    source.give(1)
    assert latest.read().index == 5
    source.end()
    assert latest.read() is None
    latest.close()


def test_quick_reader_loses_nothing():
    source, latest = start()
    for index in range(20):
        source.give(1)
        assert latest.read().index == index
    assert latest.dropped == 0
    source.end()
    latest.close()


def test_last_frame_is_given_before_the_end():
    source, latest = start()
    source.give(1)
    source.end()
    assert latest.read().index == 0
    assert latest.read() is None
    assert latest.ready()
    latest.close()


def test_only_the_reading_thread_touches_the_device():
    source, latest = start()
    source.give(2)
    source.end()
    latest.close()
    assert {*source.threads, source.closed_by} == {"camera"}


def test_error_of_the_source_reaches_who_waits():
    source, latest = start(UnavailableError("unplugged"))
    source.end()
    with pytest.raises(UnavailableError, match="unplugged"):
        latest.read()
    latest.close()
    assert source.closed_by == "camera"


def test_stop_wakes_a_waiting_reader():
    source = Gated()
    stop = threading.Event()
    latest = Latest(source, stop)
    stop.set()
    assert latest.read() is None
    source.end()
    latest.close()


class SilentCapture:
    """A closed network stream: False at once, open for ever."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.reads = 0

    def get(self, what: int) -> float:
        return 90000.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.reads += 1
        if self.reads <= self.frames:
            return True, np.zeros((2, 2, 3), np.uint8)
        return False, None

    def release(self) -> None:
        pass


def test_source_that_gives_nothing_is_gone_after_its_patience():
    capture = SilentCapture(frames=1)
    now = iter(range(0, 10**12, 10**9))
    source = LiveSource(capture, "camera 0", clock=Clock(monotonic_ns=lambda: next(now)))
    assert source.read().index == 0
    with pytest.raises(UnavailableError, match=f"no picture for {PATIENCE_S:g} s"):
        source.read()
    assert capture.reads < 10


def test_senseless_rate_of_a_driver_is_no_rate():
    assert LiveSource(SilentCapture(0), "camera 0").fps is None

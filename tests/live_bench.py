"""A camera that a test drives read by read, on a clock that only the test moves."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from edge.backoff import Backoff
from edge.camera import Patience
from edge.camera.clock import Clock
from edge.camera.faults import SourceChange
from edge.camera.live import Live
from edge.errors import UnavailableError
from edge.scene import Frame

DEADLINE_S = 30.0
MS = 1_000_000
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
STEADY = Backoff(first_s=1.0, most_s=8.0, jitter=lambda: 1.0)
PATIENCE = Patience(drain_ms=0, backoff=STEADY)


def picture(value: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


class Driver:
    """What every opening reads from: `give` queues answers, `always` answers when none waits."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.now_ns = 0
        self.answers: list[object] = []
        self.always: object = "wait"
        self.refusal = ""
        self.opened: list[Capture] = []
        self.attempts_ns: list[int] = []
        self.reads = 0
        self.waiting = 0

    def clock(self) -> Clock:
        return Clock(lambda: self.now_ns, lambda: EPOCH + timedelta(milliseconds=self.now_ns / MS))

    def opens(self) -> "Capture":
        with self.changed:
            self.attempts_ns.append(self.now_ns)
            if self.refusal:
                raise UnavailableError(self.refusal)
            self.opened.append(Capture(self))
            return self.opened[-1]

    def give(self, *answers: object) -> None:
        """Queue answers and wait until each was read: pictures, False, an error, or an Event."""
        with self.changed:
            wanted = self.reads + len(answers)
            self.answers += answers
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.reads >= wanted, DEADLINE_S)
            if isinstance(answers[-1], threading.Event):
                return
            # the reader asks again or has ended, so what it did with the last answer is done
            done = lambda: self.waiting or self.opened[-1].released_by  # noqa: E731
            assert self.changed.wait_for(done, DEADLINE_S)

    def answer(self) -> object:
        with self.changed:
            self.waiting += 1
            self.changed.notify_all()
            ready = lambda: self.answers or self.always != "wait"  # noqa: E731
            assert self.changed.wait_for(ready, DEADLINE_S)
            self.waiting -= 1
            self.reads += 1
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else self.always

    def set_always(self, answer: object) -> None:
        with self.changed:
            self.always = answer
            self.changed.notify_all()


class Capture:
    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.read_by: set[int] = set()
        self.released_by = 0

    def get(self, what: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, object]:
        self.read_by.add(threading.get_ident())
        answer = self.driver.answer()
        if isinstance(answer, threading.Event):
            assert answer.wait(DEADLINE_S)
            return True, picture(99)
        if isinstance(answer, Exception):
            raise answer
        return (False, None) if answer is False else (True, answer)

    def release(self) -> None:
        with self.driver.changed:
            self.released_by = threading.get_ident()
            self.driver.changed.notify_all()


class LiveBench:
    """A Live source on a Driver, started with one picture; closes at the end of `with`."""

    def __init__(
        self, patience: Patience = PATIENCE, started: bool = True, refusal: str = ""
    ) -> None:
        self.driver = Driver()
        self.driver.refusal = refusal
        self.stop = threading.Event()
        self.changes: list[SourceChange] = []
        self.frames: list[Frame] = []
        self.live = Live(
            self.driver.opens, "camera 0", clock=self.driver.clock(), stop=self.stop,
            patience=patience,
        )  # fmt: skip
        self.live.listen(self.changes.append)
        if started:
            self.driver.give(picture(1))
            self.live.start()
            assert self.live.read().bgr[0, 0, 0] == 1

    def advance(self, ms: float) -> None:
        with self.driver.changed:
            self.driver.now_ns += round(ms * MS)

    def until(self, condition: Callable[[], bool]) -> None:
        """Poll until the condition holds."""
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, self.said
            frame = self.live.poll(0.005)
            if frame is not None:
                self.frames.append(frame)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(change.type, change.kind) for change in self.changes]

    def __enter__(self) -> "LiveBench":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.driver.set_always(False)
        self.live.close()

"""Which pictures of a live source are old, and whether it shows the same one for ever."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

PROBE_ROWS = 64  # rows between those that are compared first: noise shows in any of them
GAP_MS = 500.0  # a pause shorter than this leaves no backlog worth a thought
GAP_PACES = 4.0  # nor does one of less than this many usual intervals
BURST = 0.5  # of the usual interval: pictures that follow each other faster come from a queue
LEARN = 0.1  # weight of the newest interval in the usual one
SLOWER = 3  # pauses in a row that are the new pace
MS = 1_000_000

# just taken; handed over from a queue; the first after a pause, and about as old as that
Age = Literal["new", "queued", "late"]


class Freeze:
    """Tells since when every picture is bytewise the same; it holds the last one."""

    def __init__(self) -> None:
        """Start without a picture."""
        self._last: NDArray[np.uint8] | None = None
        self._since_ns = 0

    def same_ms(self, bgr: NDArray[np.uint8], now_ns: int) -> float | None:
        """Return the milliseconds since this very picture came first; None for a new one."""
        if self._last is None or not same(self._last, bgr):
            self._last, self._since_ns = bgr, now_ns
            return None
        return (now_ns - self._since_ns) / MS


def same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Return whether two pictures (height, width, 3) are equal in size and in every byte."""
    if one.shape != other.shape:
        return False
    # most pictures differ in the first rows looked at, so the whole is seldom compared
    return bool(
        np.array_equal(one[::PROBE_ROWS], other[::PROBE_ROWS]) and np.array_equal(one, other)
    )


class Backlog:
    """Tells pictures that waited in a queue from those that were just taken, by their pace.

    After a pause, and after opening, a server, the network and the decoder hand over at once what
    they kept. So the first picture is late, and so is each that follows another faster than the
    source makes them; after `drain_ms` whatever comes is taken.
    """

    def __init__(self, nominal_fps: float | None, stall_ms: float, drain_ms: float) -> None:
        """Start with the rate that the source claims, or None where nobody knows it.

        A pause of `stall_ms` is never the source's pace.
        """
        self._usual_ms = 1000.0 / nominal_fps if nominal_fps else None
        self._stall_ms, self._drain_ms = stall_ms, drain_ms
        self._last_ns: int | None = None
        self._late_in_a_row = 0
        self._drain_until_ns: int | None = None

    def judge(self, now_ns: int) -> Age:
        """Return what the picture that arrives now is; call it for every picture."""
        last_ns, self._last_ns = self._last_ns, now_ns
        if self._drain_ms <= 0:
            return "new"
        if last_ns is None:
            # without a known pace nothing can be said of the first pictures
            return "new" if self._usual_ms is None else self._drain(now_ns, "queued")
        interval_ms = (now_ns - last_ns) / MS
        if self._is_pause(interval_ms):
            return self._drain(now_ns, "late")
        self._late_in_a_row = 0
        usual_ms = interval_ms if self._usual_ms is None else self._usual_ms
        draining = self._drain_until_ns is not None and now_ns < self._drain_until_ns
        if draining and interval_ms < BURST * usual_ms:
            return "queued"
        self._drain_until_ns = None
        self._usual_ms = usual_ms + LEARN * (interval_ms - usual_ms)
        return "new"

    def _is_pause(self, interval_ms: float) -> bool:
        if interval_ms >= self._stall_ms:
            return True
        if self._usual_ms is None or interval_ms <= max(GAP_MS, GAP_PACES * self._usual_ms):
            return False
        # a source that has become slow, as cameras do at night, is no source that pauses
        self._late_in_a_row += 1
        if self._late_in_a_row < SLOWER:
            return True
        self._usual_ms = interval_ms
        return False

    def _drain(self, now_ns: int, age: Age) -> Age:
        self._drain_until_ns = now_ns + round(self._drain_ms * MS)
        return age

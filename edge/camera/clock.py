"""The two clocks that stamp a frame."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from edge.records import dataclass


def utc_now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """What frames are stamped with: durations come from one, names of files from the other."""

    monotonic_ns: Callable[[], int] = time.monotonic_ns
    utc: Callable[[], datetime] = utc_now

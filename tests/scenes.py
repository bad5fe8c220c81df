"""Scenes and events that tests feed to sinks."""

from datetime import UTC, datetime, timedelta

import numpy as np

from edge.scene import Box, Detection, Event, Frame, Scene, Timings

START = datetime(2026, 11, 25, 10, 12, tzinfo=UTC)


def scene(
    index: int, *found: Detection, height: int = 48, width: int = 64, fps: float = 10.0
) -> Scene:
    """Return a scene at index / fps seconds whose grey tells its index."""
    seconds = index / fps
    bgr = np.full((height, width, 3), (index * 5) % 256, np.uint8)
    time_utc = START + timedelta(seconds=seconds)
    frame = Frame("camera", index, round(seconds * 1e9), time_utc, bgr)
    return Scene(frame, found, "cpu", Timings(1.0, 2.0, 3.0, 4.0))


APPLE = Detection("apple", 0.875, Box(0.25, 0.25, 0.75, 0.75))
CAT = Detection("Ägyptische Katze", 0.5)
FAULT = Event(id="1", type="fault", time_utc=START, camera="camera", backend="cpu", label="gone")

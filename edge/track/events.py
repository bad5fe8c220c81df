"""What entered and left, as events for the sinks."""

import os
from collections.abc import Iterator

from edge.scene import Detection, Event, EventType, Scene


def track_events(scene: Scene, model: str) -> Iterator[Event]:
    """Yield an event for all that left and then for all that entered, at the scene's time.

    A departure carries the last sighting, which is older by the gap.
    """
    kinds: tuple[tuple[EventType, tuple[Detection, ...]], ...]
    kinds = (("left", scene.left), ("entered", scene.entered))
    for kind, detections in kinds:
        for detection in detections:
            yield Event(
                id=os.urandom(8).hex(),
                type=kind,
                time_utc=scene.frame.time_utc,
                camera=scene.frame.camera,
                label=detection.label,
                score=detection.score,
                box=detection.box,
                track=detection.track,
                backend=scene.backend,
                model=model,
            )

"""What flows from a camera to the sinks: frames, what was seen on them, and events."""

from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.records import dataclass

SCHEMA_VERSION = 1

EventType = Literal["entered", "left", "zone_entered", "zone_left", "crossed", "fault", "recovered"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the frame, 0..1, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    def as_list(self) -> list[float]:
        """Return [x0, y0, x1, y1], rounded to a tenth of a thousandth of the frame."""
        return [round(v, 4) for v in (self.x0, self.y0, self.x1, self.y1)]


FULL_BOX = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Detection:
    """One object; a classification has the full box. `score` is 0..1."""

    label: str
    score: float
    box: Box = FULL_BOX
    track: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera; `bgr` is uint8 (height, width, 3)."""

    camera: str
    index: int
    monotonic_ns: int
    time_utc: datetime
    bgr: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A frame made ready for the model: one array per model input, without the batch dimension.

    uint8 pixels (height, width, channels) for an image, real values for a tensor.
    """

    camera: str
    inputs: tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A backend failed or came back; a fact that scenes, log and statistics carry."""

    type: Literal["fault", "recovered"]
    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds that one frame spent in each stage."""

    read_ms: float
    prepare_ms: float
    infer_ms: float
    decode_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A frame and what was recognised on it, by which backend.

    `entered` are detections of this frame that are new, `left` the last sightings of what is gone.
    """

    frame: Frame
    detections: tuple[Detection, ...]
    backend: str
    timings: Timings
    changes: tuple[Change, ...] = ()
    entered: tuple[Detection, ...] = ()
    left: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; one schema for every sink."""

    id: str
    type: EventType
    time_utc: datetime
    camera: str
    label: str | None = None
    score: float | None = None
    box: Box | None = None
    track: int | None = None
    zone: str | None = None
    line: str | None = None
    backend: str | None = None
    model: str | None = None
    still: str | None = None


def utc_text(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds, such as 2026-11-25T10:12:00.123Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def event_record(event: Event) -> dict[str, Any]:
    """Return the JSON object of an event; the key `zone` or `line` only where it applies."""
    place = {"line": event.line} if event.line is not None else {"zone": event.zone}
    return {
        "v": SCHEMA_VERSION,
        "id": event.id,
        "type": event.type,
        "time_utc": utc_text(event.time_utc),
        "camera": event.camera,
        "label": event.label,
        "score": event.score,
        "box": event.box.as_list() if event.box else None,
        "track": event.track,
        **place,
        "backend": event.backend,
        "model": event.model,
        "still": event.still,
    }


def scene_record(scene: Scene) -> dict[str, Any]:
    """Return the JSON object of one frame: the line that `--jsonl` writes."""
    return {
        "v": SCHEMA_VERSION,
        "type": "scene",
        "index": scene.frame.index,
        "time_utc": utc_text(scene.frame.time_utc),
        "camera": scene.frame.camera,
        "backend": scene.backend,
        "detections": [
            {
                "label": d.label,
                "score": round(d.score, 4),
                "box": d.box.as_list(),
                "track": d.track,
            }
            for d in scene.detections
        ],
    }

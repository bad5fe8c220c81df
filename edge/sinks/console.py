"""Lines for the person who started a run."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.scene import FULL_BOX, Detection, Event, Scene
from edge.sinks.draw import Canvas, caption
from edge.sinks.sink import Health
from edge.sinks.standard_output import StandardOutput

log = logging.getLogger(__name__)

STATUS_S = 5.0
TOP = 5

Best = Callable[[], Detection | None]


class PicturesSink:
    """One line a picture: its file and what is on it, the best first."""

    def __init__(self, output: StandardOutput, paths: Sequence[Path], best: Best) -> None:
        """`best` gives the best detection of the scene under way, also below its threshold."""
        self._output, self._paths, self._best = output, paths, best

    def open(self) -> None:
        """Do nothing."""

    def write(self, scene: Scene) -> None:
        """Say what is on one picture."""
        found = ", ".join(described(d) for d in scene.detections[:TOP])
        more = len(scene.detections) - TOP
        rest = f", and {more} more" if more > 0 else ""
        self._output.write(f"{self._paths[scene.frame.index]}: {found or self._nothing()}{rest}\n")

    def _nothing(self) -> str:
        best = self._best()
        return "nothing" if best is None else f"nothing above its threshold; best: {caption(best)}"

    def event(self, event: Event) -> None:
        """Take no notice: the log says it."""

    def health(self) -> Health:
        """Return that lines get through."""
        return Health(True)

    def close(self) -> None:
        """Do nothing."""


class StatusSink:
    """A line now and then: how fast, and what was seen last."""

    def __init__(
        self,
        canvas: Canvas,
        dropped: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the rate from `canvas`."""
        self._canvas, self._dropped, self._clock = canvas, dropped, clock
        self._next_s = clock() + STATUS_S
        self._seen: Detection | None = None
        self._count = 0

    def open(self) -> None:
        """Do nothing."""

    def write(self, scene: Scene) -> None:
        """Count the scene; speak when it is time."""
        self._count += 1
        if scene.detections:
            self._seen = scene.detections[0]
        now_s = self._clock()
        if now_s < self._next_s:
            return
        self._next_s = now_s + STATUS_S
        seen = "nothing seen yet" if self._seen is None else f"last seen: {described(self._seen)}"
        rate = f"{self._canvas.fps or 0.0:.1f} a second"
        log.info(
            "%d frames, %s, %d dropped, %s; %s",
            self._count, rate, self._dropped(), scene.backend, seen,
        )  # fmt: skip

    def event(self, event: Event) -> None:
        """Take no notice: the log says it."""

    def health(self) -> Health:
        """Return that lines get through."""
        return Health(True)

    def close(self) -> None:
        """Do nothing."""


def described(detection: Detection) -> str:
    """Return label, score and, where it is a part of the frame, the box in percent."""
    if detection.box == FULL_BOX:
        return caption(detection)
    box = detection.box
    sides = ", ".join(f"{100 * side:.0f}" for side in (box.x0, box.y0, box.x1, box.y1))
    return f"{caption(detection)} at [{sides}] %"

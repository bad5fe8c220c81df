"""From detections of single frames to things that enter, stay and leave."""

from collections.abc import Callable
from typing import Protocol

from edge.scene import Detection
from edge.track.life import Seen
from edge.track.top_label import TopLabel
from edge.track.tracker import Tracker

__all__ = ["Follower", "Seen", "TopLabel", "Tracker", "Unfollowed", "follower_of"]


class Follower(Protocol):
    """What turns the detections of one camera's frames into entries and departures."""

    def update(self, detections: tuple[Detection, ...], monotonic_ns: int) -> Seen:
        """Take one frame's detections, best first, and the time it was taken."""
        ...

    def finish(self) -> tuple[Detection, ...]:
        """Return what was still there when the camera ended, and forget it."""
        ...


class Unfollowed:
    """Follows nothing: pictures that have nothing in common, models without detections."""

    def update(self, detections: tuple[Detection, ...], monotonic_ns: int) -> Seen:
        """Hand the detections back."""
        return Seen(detections)

    def finish(self) -> tuple[Detection, ...]:
        """Return nothing."""
        return ()


# a bundle's task -> what follows it; other tasks detect nothing
FOLLOWERS: dict[str, Callable[[], Follower]] = {"detect": Tracker, "classify": TopLabel}


def follower_of(task: str) -> Follower:
    """Return a new follower for the frames of one camera."""
    return FOLLOWERS.get(task, Unfollowed)()

"""From detections of single frames to things that enter, stay and leave."""

from collections.abc import Callable
from typing import Protocol

from edge.scene import Detection
from edge.track.life import Seen

__all__ = ["Follower", "Seen", "Unfollowed", "follower_of"]


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


def _tracker() -> Follower:
    from edge.track.tracker import Tracker  # each follower is loaded where it is needed

    return Tracker()


def _top_label() -> Follower:
    from edge.track.top_label import TopLabel

    return TopLabel()


# a bundle's task -> what follows it; other tasks detect nothing
FOLLOWERS: dict[str, Callable[[], Follower]] = {"detect": _tracker, "classify": _top_label}


def follower_of(task: str) -> Follower:
    """Return a new follower for the frames of one camera."""
    return FOLLOWERS.get(task, Unfollowed)()

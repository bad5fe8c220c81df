"""When something that is seen now and then counts as there, and when as gone."""

from typing import NamedTuple

from edge.records import dataclass
from edge.scene import Detection

# three sightings in a row, as in SORT (Bewley et al., 2016, arXiv:1602.00763)
HITS = 3
# ByteTrack keeps a lost track for 30 frames at 30 a second (Zhang et al., 2022, arXiv:2110.06864)
GAP_MS = 1000.0


class Seen(NamedTuple):
    """What a frame came to: its detections in their order, what entered and what left with it.

    `entered` holds detections of this frame, `left` the last sighting of each that is gone.
    """

    detections: tuple[Detection, ...]
    entered: tuple[Detection, ...] = ()
    left: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True)
class Life:
    """One thing over time: sightings in a row, frames missed since, the last sighting."""

    last: Detection
    seen_ns: int
    hits: int = 1
    missed: int = 0
    entered: bool = False

    def sighted(self, detection: Detection, now_ns: int) -> "Life":
        """Return this life after one more sighting."""
        return Life(detection, now_ns, self.hits + 1, 0, self.entered)

    def unseen(self) -> "Life":
        """Return this life after a frame without a sighting."""
        return Life(self.last, self.seen_ns, 0, self.missed + 1, self.entered)

    def expired(self, now_ns: int, gap_ns: int) -> bool:
        """Return whether frames without a sighting have gone on for longer than the gap.

        Time in which there was no frame does not count alone: a camera may give one a minute.
        """
        return self.missed > 0 and (not self.entered or now_ns - self.seen_ns > gap_ns)

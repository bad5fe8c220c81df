"""Entries and departures for classifiers: the label that the whole picture shows."""

from dataclasses import replace

from edge.scene import Detection
from edge.track.life import GAP_MS, HITS, Life, Seen


class TopLabel:
    """A label enters when it was the best in `hits` frames in a row, and leaves after the gap.

    A whole picture is no object: nothing gets a track, and only the best of a frame's labels
    counts. Two labels can be there at once while the picture changes from one to the other.
    """

    def __init__(self, hits: int = HITS, gap_ms: float = GAP_MS) -> None:
        """`gap_ms` is how long a label may not be the best before it has left."""
        self._hits, self._gap_ns = hits, round(gap_ms * 1e6)
        self._lives: dict[str, Life] = {}

    def update(self, detections: tuple[Detection, ...], monotonic_ns: int) -> Seen:
        """Take the labels of one frame, best first."""
        gone = self._expire(monotonic_ns)
        best = detections[0] if detections else None
        entered = self._sight(best, monotonic_ns) if best is not None else ()
        for label, life in self._lives.items():
            if best is None or label != best.label:
                self._lives[label] = life.unseen()
        return Seen(detections, entered, gone + self._expire(monotonic_ns))

    def finish(self) -> tuple[Detection, ...]:
        """Return the labels that were there to the end."""
        lives, self._lives = self._lives, {}
        return tuple(life.last for life in lives.values() if life.entered)

    def _sight(self, best: Detection, now_ns: int) -> tuple[Detection, ...]:
        before = self._lives.get(best.label)
        life = before.sighted(best, now_ns) if before else Life(best, now_ns)
        enters = not life.entered and life.hits >= self._hits
        self._lives[best.label] = replace(life, entered=True) if enters else life
        return (best,) if enters else ()

    def _expire(self, now_ns: int) -> tuple[Detection, ...]:
        gone = [life for life in self._lives.values() if life.expired(now_ns, self._gap_ns)]
        for life in gone:
            del self._lives[life.last.label]
        return tuple(life.last for life in gone if life.entered)

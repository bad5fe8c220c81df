"""Which detection is which object: one number for each object, as long as it is there."""

import math
from dataclasses import replace

import numpy as np

from edge.scene import Detection
from edge.track.association import associate
from edge.track.life import GAP_MS, HITS, Life, Seen
from edge.track.motion import Array, at_rest, correct, join, predict, take

HORIZON_S = 2.0  # nothing keeps its speed for longer


class Tracker:
    """Follows the objects of one camera, each label by itself.

    An object has entered, and gets its number (1, 2, 3, .. never again given away), with its
    third sighting in a row. It has left when it was missed for longer than the gap; until then
    it is found again under its number. The order of the detections does not matter.
    """

    def __init__(self, hits: int = HITS, gap_ms: float = GAP_MS) -> None:
        """`hits` sightings in a row make an object; it may be missed for `gap_ms`."""
        self._hits, self._gap_ns = hits, round(gap_ms * 1e6)
        self._lives: list[Life] = []
        self._motion = at_rest(np.zeros((0, 4)))
        self._now_ns: int | None = None
        self._given = 0

    def update(self, detections: tuple[Detection, ...], monotonic_ns: int) -> Seen:
        """Take the detections of the next frame; those of known objects get their number.

        A box that is not finite is handed back as it came.
        """
        self._advance(monotonic_ns)
        if not self._lives and not detections:
            return Seen(detections)
        left = self._expire(monotonic_ns)
        order = sorted(
            (i for i, d in enumerate(detections) if all(map(math.isfinite, sides_of(d)))),
            key=lambda i: _rank(detections[i]),
        )
        found = [detections[i] for i in order]
        rows, entered = self._sight(found, monotonic_ns)
        tracked = list(detections)
        for i, row in zip(order, rows, strict=True):
            tracked[i] = replace(detections[i], track=self._lives[row].last.track)
        left += self._expire(monotonic_ns)
        return Seen(tuple(tracked), entered, left)

    def finish(self) -> tuple[Detection, ...]:
        """Return the objects that were there to the end, as they were seen last."""
        lives, self._lives = self._lives, []
        self._motion = take(self._motion, [])
        return tuple(life.last for life in lives if life.entered)

    def _advance(self, now_ns: int) -> None:
        past_ns = 0 if self._now_ns is None else max(now_ns - self._now_ns, 0)
        self._now_ns = now_ns
        if self._lives:
            self._motion = predict(self._motion, min(past_ns / 1e9, HORIZON_S))

    def _sight(
        self, found: list[Detection], now_ns: int
    ) -> tuple[list[int], tuple[Detection, ...]]:
        """Return the row of each detection, and which objects have entered."""
        measured = _measured(found)
        pairs = associate(self._lives, self._motion, found, measured)
        rows = {column: row for row, column in pairs}
        for row in set(range(len(self._lives))) - set(rows.values()):
            self._lives[row] = self._lives[row].unseen()
        for column, row in rows.items():
            number = self._lives[row].last.track
            sighted = replace(found[column], track=number)
            self._lives[row] = self._lives[row].sighted(sighted, now_ns)
        new = [column for column in range(len(found)) if column not in rows]
        if pairs:
            self._motion = correct(
                self._motion, [r for r, _ in pairs], measured[[c for _, c in pairs]]
            )
        if new:
            rows |= {column: len(self._lives) + i for i, column in enumerate(new)}
            self._lives += [Life(found[column], now_ns) for column in new]
            self._motion = join(self._motion, at_rest(measured[new]))
        return [rows[column] for column in range(len(found))], self._enter()

    def _enter(self) -> tuple[Detection, ...]:
        entered = []
        for row, life in enumerate(self._lives):
            if not life.entered and life.hits >= self._hits:
                self._given += 1
                numbered = replace(life.last, track=self._given)
                self._lives[row] = replace(life, last=numbered, entered=True)
                entered.append(numbered)
        return tuple(entered)

    def _expire(self, now_ns: int) -> tuple[Detection, ...]:
        gone = {i for i, life in enumerate(self._lives) if life.expired(now_ns, self._gap_ns)}
        if not gone:
            return ()
        left = tuple(self._lives[i].last for i in sorted(gone) if self._lives[i].entered)
        kept = [i for i in range(len(self._lives)) if i not in gone]
        self._lives = [self._lives[i] for i in kept]
        self._motion = take(self._motion, kept)
        return left


def sides_of(detection: Detection) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of a detection, in fractions of the frame."""
    box = detection.box
    return box.x0, box.y0, box.x1, box.y1


def _rank(detection: Detection) -> tuple[object, ...]:
    return (-detection.score, detection.label, *sides_of(detection))


def _measured(found: list[Detection]) -> Array:
    """Return the boxes (n, 4) as centre and sides."""
    sides = np.array([sides_of(d) for d in found], np.float64).reshape(-1, 4)
    return np.concatenate([(sides[:, :2] + sides[:, 2:]) / 2, sides[:, 2:] - sides[:, :2]], axis=1)

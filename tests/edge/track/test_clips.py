"""Two real clips: what one sees on them, and a published tracker (ByteTrack) as the oracle."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import clips
import numpy as np
import pytest
from edgefirst.tracker import ByteTrack

from edge.scene import Detection
from edge.track.assignment import assign
from edge.track.life import GAP_MS
from edge.track.tracker import Tracker

Numbers = list[list[object | None]]  # for each frame the number of each detection


@dataclass(frozen=True, slots=True)
class Clip:
    """`stays`: the place (as a fraction of the width) and the frames in which one thing is there.

    They were read off the clip by eye, with what comes and goes left out at both ends.
    """

    file: str
    fps: float
    boxes: Callable[[Path, int], clips.Found]
    stays: tuple[tuple[float, int, int], ...]


PEOPLE = Clip(
    "one-by-one-person-detection.mp4",
    10.0,
    clips.people,
    # six people, one after the other, walk to a table, stand there, and go
    (
        (0.6, 84, 182), (0.6, 252, 420), (0.6, 532, 672),
        (0.6, 784, 840), (0.6, 952, 1176), (0.6, 1260, 1330),
    ),
)  # fmt: skip
BOTTLES = Clip(
    "bottle-detection.mp4",
    179 / 6,
    clips.bottles,
    # hands take three bottles away and put them back, the left one twice
    (
        (0.14, 0, 168), (0.14, 414, 470), (0.14, 880, 1188),
        (0.49, 0, 470), (0.49, 740, 1188), (0.84, 0, 910), (0.84, 1110, 1188),
    ),
)  # fmt: skip
CLIPS = {"people": PEOPLE, "bottles": BOTTLES}
QUICK = [("people", 2, 0.9), ("bottles", 3, 0.9)]
# at less than two frames a second the oracle takes each that walks in for several
SLOW = [("people", 1, 0.9), ("people", 6, 0.85), ("bottles", 1, 0.9), ("bottles", 6, 0.9)]
RATES = [*QUICK, *(pytest.param(*row, marks=pytest.mark.full) for row in SLOW)]


@pytest.fixture(scope="module")
def found(shared: Path) -> Callable[[str, int], clips.Found]:
    """Return a function that reads a clip, once for each rate."""
    known: dict[tuple[str, int], clips.Found] = {}

    def read(name: str, step: int) -> clips.Found:
        if (name, step) not in known:
            path = shared / "data" / "intel-sample-videos" / CLIPS[name].file
            known[name, step] = CLIPS[name].boxes(path, step)
        return known[name, step]

    return read


def ours(frames: clips.Found, fps: float) -> tuple[Numbers, list[tuple[int, int | None]]]:
    """Return the numbers of all detections, and (frame, number) of all that entered."""
    tracker, numbers, entered = Tracker(), [], []
    for index, detections in frames:
        seen = tracker.update(detections, round(index / fps * 1e9))
        numbers.append([d.track for d in seen.detections])
        entered += [(index, d.track) for d in seen.entered]
    return numbers, entered


def theirs(frames: clips.Found, fps: float) -> Numbers:
    """Return what the oracle says, given the same detections, overlap and gap."""
    tracker = ByteTrack(high_conf=0.5, iou=0.25, lifespan_ns=round(GAP_MS * 1e6))
    numbers: Numbers = []
    for index, detections in frames:
        boxes = np.array([(d.box.x0, d.box.y0, d.box.x1, d.box.y1) for d in detections], np.float32)
        scores = np.array([d.score for d in detections], np.float32)
        labels = np.zeros(len(detections), np.uint64)
        answers = tracker.update(boxes.reshape(-1, 4), scores, labels, round(index / fps * 1e9))
        numbers.append([None if answer is None else answer.uuid for answer in answers])
    return numbers


def in_common(ours: Numbers, theirs: Numbers) -> float:
    """Return IDF1 (Ristani et al., 2016, arXiv:1609.01775) of two answers to the same boxes."""
    pairs = [
        (a, b)
        for mine, other in zip(ours, theirs, strict=True)
        for a, b in zip(mine, other, strict=True)
    ]
    both = Counter((a, b) for a, b in pairs if a is not None and b is not None)
    rows, columns = sorted({a for a, _ in both}), sorted({b for _, b in both})
    together = np.zeros((len(rows), len(columns)))
    for (a, b), count in both.items():
        together[rows.index(a), columns.index(b)] = count
    same = sum(together[pair] for pair in assign(together))
    return 2 * same / sum((a is not None) + (b is not None) for a, b in pairs)


def at(detections: tuple[Detection, ...], numbers: list, place: float) -> set:
    """Return the numbers of what stands at a place."""
    return {n for d, n in zip(detections, numbers, strict=True) if d.box.x0 < place < d.box.x1}


def names_of_stays(clip: Clip, frames: clips.Found, numbers: Numbers) -> list[set]:
    return [
        set().union(
            *(
                at(detections, named, place)
                for (index, detections), named in zip(frames, numbers, strict=True)
                if first <= index <= last
            )
        )
        - {None}
        for place, first, last in clip.stays
    ]


def changes(along: Numbers, of: Numbers) -> int:
    """Return how often the numbers of one change while the other keeps its number."""
    last: dict[object, object] = {}
    count = 0
    for kept, changed in zip(along, of, strict=True):
        for a, b in zip(kept, changed, strict=True):
            if a is not None and b is not None:
                count += last.setdefault(a, b) != b
                last[a] = b
    return count


@pytest.mark.parametrize(("name", "step", "least"), RATES)
def test_each_that_comes_has_one_number_as_long_as_it_stays(name, step, least, found):
    clip, frames = CLIPS[name], found(name, step)
    numbers, _ = ours(frames, clip.fps)
    names = names_of_stays(clip, frames, numbers)
    assert [len(each) for each in names] == [1] * len(clip.stays)
    assert len(set().union(*names)) == len(clip.stays)


@pytest.mark.parametrize(("name", "step", "least"), QUICK)
def test_as_many_enter_as_come(name, step, least, found):
    clip = CLIPS[name]
    _, entered = ours(found(name, step), clip.fps)
    assert len(entered) == len(clip.stays)


@pytest.mark.parametrize(("name", "step", "least"), RATES)
def test_the_oracle_agrees_and_changes_its_numbers_more_often(name, step, least, found):
    clip, frames = CLIPS[name], found(name, step)
    mine, other = ours(frames, clip.fps)[0], theirs(frames, clip.fps)
    assert in_common(mine, other) >= least
    assert changes(along=other, of=mine) <= min(1, changes(along=mine, of=other))

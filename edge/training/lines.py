"""What a run wrote, scored afterwards: scene lines against the truth of a rendered clip."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from edge.bundle import Thresholds
from edge.errors import BadDataError, NotFoundError
from edge.scene import Box, Detection
from edge.training.metrics import match, outcomes, precision_recall_f1

Objects: TypeAlias = tuple[tuple[str, Box], ...]


@dataclass(frozen=True, slots=True)
class LineScore:
    """Precision, recall and F1 (0..1) over `frames` frames that hold `objects` objects.

    `unannotated` of the detections have a label that no frame of the truth holds: they count as
    wrong, because the truth of a rendered clip is whole.
    """

    frames: int
    objects: int
    precision: float
    recall: float
    f1: float
    unannotated: int = 0


def score_jsonl(events: Path, truth: Path, iou: float = 0.5) -> LineScore:
    """Score the scene lines of `events` against `truth`, frame index by frame index.

    `truth` holds a line a frame, {index, objects: [{label, box: [x0, y0, x1, y1]}]}. A frame
    without a scene line has missed all its objects. Raises BadDataError with every faulty line.
    """
    scenes = _by_index(events, _detections, "scene")
    objects = _by_index(truth, _objects, None)
    strange = sorted(scenes.keys() - objects.keys())
    if strange:
        many = f"{len(strange)} frames, the first {strange[0]}"
        raise BadDataError(f"{events} has {many}, that {truth} lacks")
    if not objects:
        raise BadDataError(f"{truth}: no frame")
    found = [scenes.get(index, ()) for index in objects]
    labels = _labels(objects, found)
    matches = match(found, list(objects.values()), labels, iou)
    total = outcomes(matches, Thresholds(0.0), labels).sum(axis=(0, 1))
    precision, recall, f1 = (float(value) for value in precision_recall_f1(total))
    there = {label for frame in objects.values() for label, _ in frame}
    unannotated = sum(d.label not in there for answers in found for d in answers)
    return LineScore(len(objects), int(matches.truth.sum()), precision, recall, f1, unannotated)


def _labels(
    objects: Mapping[int, Objects], found: Sequence[Sequence[Detection]]
) -> tuple[str, ...]:
    """Return every label that stands anywhere: an answer with a wrong one must count as wrong."""
    there = {label for frame in objects.values() for label, _ in frame}
    return tuple(sorted(there | {d.label for answers in found for d in answers}))


def _by_index(path: Path, read: Callable[[Any], Any], kind: str | None) -> dict[int, Any]:
    frames: dict[int, Any] = {}
    faults = []
    for number, record in _records(path):
        try:
            if kind is not None and record["type"] != kind:
                continue
            index = int(record["index"])
            if index in frames:
                faults.append(f"{path}:{number}: frame {index} stands there twice")
            frames[index] = read(record)
        except (KeyError, TypeError, ValueError) as error:
            faults.append(f"{path}:{number}: not such a line: {type(error).__name__} {error}")
    if faults:
        raise BadDataError(*faults)
    return frames


def _records(path: Path) -> list[tuple[int, Any]]:
    if not path.is_file():
        raise NotFoundError(f"no file {path}")
    records: list[tuple[int, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append((number, json.loads(line)))
        except ValueError as error:
            raise BadDataError(f"{path}:{number}: not JSON: {error}") from None
    return records


def _detections(record: Any) -> tuple[Detection, ...]:
    return tuple(
        Detection(str(d["label"]), float(d["score"]), Box(*map(float, d["box"])))
        for d in record["detections"]
    )


def _objects(record: Any) -> Objects:
    return tuple((str(o["label"]), Box(*map(float, o["box"]))) for o in record["objects"])

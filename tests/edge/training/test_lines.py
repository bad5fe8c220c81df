"""Scene lines of a run against the truth of its clip."""

import json
from pathlib import Path

import pytest

from edge.errors import BadDataError, NotFoundError
from edge.training.lines import score_jsonl

LEFT, RIGHT = [0.1, 0.1, 0.4, 0.4], [0.6, 0.1, 0.9, 0.4]


def scene(index: int, *found: tuple[str, list[float]]) -> dict:
    detections = [{"label": k, "score": 0.9, "box": box, "track": None} for k, box in found]
    return {"v": 1, "type": "scene", "index": index, "camera": "c", "detections": detections}


def there(index: int, *objects: tuple[str, list[float]]) -> dict:
    return {"index": index, "objects": [{"label": k, "box": box} for k, box in objects]}


def write(path: Path, *records: dict | str) -> Path:
    lines = (r if isinstance(r, str) else json.dumps(r) for r in records)
    path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return write(tmp_path / "truth.jsonl",
                 there(0, ("1", LEFT), ("2", RIGHT)), there(1, ("1", LEFT)), there(2))  # fmt: skip


def test_right_wrong_and_missed_objects_are_counted_over_all_frames(tmp_path, truth) -> None:
    events = write(
        tmp_path / "events.jsonl",
        scene(0, ("1", LEFT), ("3", RIGHT)),  # one right, one called 3: wrong and missed
        {"v": 1, "type": "fault", "id": "x"},
        scene(1, ("1", RIGHT)),  # elsewhere: wrong and missed
        scene(2),
    )
    score = score_jsonl(events, truth)
    assert (score.frames, score.objects, score.unannotated) == (3, 3, 1)
    assert (score.precision, score.recall, score.f1) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_a_frame_that_was_never_answered_has_missed_its_objects(tmp_path, truth) -> None:
    events = write(tmp_path / "events.jsonl", scene(1, ("1", LEFT)))
    score = score_jsonl(events, truth)
    assert (score.precision, score.recall) == (1.0, pytest.approx(1 / 3))


def test_the_overlap_that_counts_can_be_chosen(tmp_path, truth) -> None:
    events = write(tmp_path / "events.jsonl", scene(1, ("1", [0.1, 0.1, 0.4, 0.3])))  # IoU 2/3
    assert score_jsonl(events, truth, iou=0.6).precision == 1.0
    assert score_jsonl(events, truth, iou=0.7).precision == 0.0


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([scene(1), scene(1)], "events.jsonl:2: frame 1 stands there twice"),
        ([scene(9), scene(7)], "2 frames, the first 7, that .*truth.jsonl lacks"),
        ([scene(0), '{"v": 1, "ty'], "events.jsonl:2: not JSON"),
        ([{"type": "scene", "index": 0}], "events.jsonl:1: not such a line: KeyError"),
        ([scene(0, ("1", [0.1, 0.2]))], "events.jsonl:1: not such a line: TypeError"),
        (["[]"], "events.jsonl:1: not such a line: TypeError"),
    ],
)
def test_lines_that_cannot_be_trusted_are_named(tmp_path, truth, records, message: str) -> None:
    events = write(tmp_path / "events.jsonl", *records)
    with pytest.raises(BadDataError, match=message):
        score_jsonl(events, truth)


def test_a_missing_file_and_an_empty_truth_are_named(tmp_path, truth) -> None:
    with pytest.raises(NotFoundError, match=r"no file .*events.jsonl"):
        score_jsonl(tmp_path / "events.jsonl", truth)
    with pytest.raises(BadDataError, match=r"none.jsonl: no frame"):
        score_jsonl(write(tmp_path / "none.jsonl"), write(tmp_path / "none.jsonl"))

"""Composed scenes: real digits that stay apart, boxes on the ink, the same ones every time."""

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import UsageError
from edge.scene import Box
from edge.training.backgrounds import FRAME_PX
from edge.training.clip import clip_frames, write_clip
from edge.training.dataset import SPLITS, Sample
from edge.training.digits import LABELS, digit_split, handwriting, photograph
from edge.training.lines import score_jsonl
from edge.training.scenes import STYLES, compose, digits_dataset, frames

pytestmark = pytest.mark.train


def test_no_digit_is_in_two_splits_and_every_label_is_in_each() -> None:
    sizes = {split: len(handwriting(split)) for split in ("train", "val", "test")}
    assert sum(sizes.values()) == 1797
    assert sizes["test"] == sum(digit_split(i) == "test" for i in range(1797)) == 357
    for split in ("train", "val", "test"):
        assert {g.label for g in handwriting(split)} == set(LABELS)


def test_held_out_digits_are_a_fixed_list() -> None:
    held_out = [i for i in range(1797) if digit_split(i) == "test"]
    assert held_out[:2] == [240, 241]
    assert [i for i in held_out if i % 60 == 0] == [240, 540, 840, 1140, 1440, 1740]


def test_test_frames_show_the_other_photograph() -> None:
    assert np.array_equal(photograph("train"), photograph("val"))
    assert not np.array_equal(photograph("train"), photograph("test"))


@pytest.mark.parametrize("style", list(STYLES))
def test_boxes_lie_on_the_frame_and_do_not_meet(style: str) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame, boxes = compose(STYLES[style], handwriting("test"), photograph("test"), rng)  # type: ignore[index]
        assert frame.shape == (FRAME_PX[1], FRAME_PX[0], 3)
        assert frame.dtype == np.uint8
        for i, (label, box) in enumerate(boxes):
            assert label in LABELS
            assert 0 <= box.x0 < box.x1 <= 1
            assert 0 <= box.y0 < box.y1 <= 1
            assert all(apart(box, other) for _, other in boxes[:i])


def apart(a: Box, b: Box) -> bool:
    return a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0


def test_digits_stand_out_from_what_is_under_them() -> None:
    """Inside a box the picture differs from the bare photograph, by enough for a person."""
    contrasts = []
    for sample in frames({"plain": 30}, "test", 5):
        grey = cv2.cvtColor(sample.picture(), cv2.COLOR_BGR2GRAY).astype(float)
        for _, box in sample.boxes:
            part = grey[
                int(box.y0 * 240) : int(box.y1 * 240), int(box.x0 * 320) : int(box.x1 * 320)
            ]
            contrasts.append(np.percentile(part, 95) - np.percentile(part, 5))
    assert np.median(contrasts) > 90
    assert np.percentile(contrasts, 5) > 55


def test_same_seed_gives_the_same_pixels_and_another_others() -> None:
    first, again = (
        frames({"varied": 4, "robust": 4}, "train", 2),
        frames({"varied": 4, "robust": 4}, "train", 2),
    )
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.picture(), b.picture())
        assert a.boxes == b.boxes
    other = frames({"varied": 1}, "train", 3)[0]
    assert not np.array_equal(other.picture(), first[0].picture())


def test_training_and_test_scenes_hold_what_they_say() -> None:
    dataset = digits_dataset("plain", 1)
    assert dataset.labels == LABELS
    assert [len(dataset.split(name)) for name in SPLITS] == [2400, 250, 300]
    assert dataset.test[0].picture().shape == (240, 320, 3)
    assert "composed" in dataset.notes[0]


def test_unknown_style_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no digit scenes 'fancy'; known: plain, robust"):
        digits_dataset("fancy", 1)


def test_clip_is_the_same_for_the_same_seed_and_moves_smoothly() -> None:
    film = list(clip_frames(3, seconds=2.4))
    again = list(clip_frames(3, seconds=2.4))
    assert len(film) == 36
    for first, second in zip(film, again, strict=True):
        assert np.array_equal(first[0], second[0])
        assert first[1] == second[1]
    for (_, before), (_, after) in itertools.pairwise(film[:18]):
        assert [label for label, _ in before] == [label for label, _ in after]
        for (_, a), (_, b) in zip(before, after, strict=True):
            assert abs(a.x0 - b.x0) < 0.06
            assert abs(a.y0 - b.y0) < 0.08


def test_clip_shows_every_digit_and_never_more_than_three() -> None:
    seen = set()
    for _, boxes in clip_frames(1):
        seen |= {label for label, _ in boxes}
        assert 1 <= len(boxes) <= 3
        assert all(apart(a, b) for i, (_, a) in enumerate(boxes) for _, b in boxes[:i])
    assert seen == set(LABELS)


def test_film_reads_back_exactly_and_its_truth_scores_perfectly(tmp_path: Path) -> None:
    film, truth = tmp_path / "clip.avi", tmp_path / "truth.jsonl"
    assert write_clip(film, truth, seed=4, seconds=1.6) == 24
    capture = cv2.VideoCapture(str(film))
    for frame, _ in clip_frames(4, seconds=1.6):
        assert np.array_equal(capture.read()[1], frame)
    assert not capture.read()[0]
    capture.release()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.avi", "truth.jsonl"]
    scenes = tmp_path / "events.jsonl"
    scenes.write_text("".join(perfect(line) for line in truth.read_text().splitlines()))
    score = score_jsonl(scenes, truth)
    assert (score.frames, score.f1) == (24, 1.0)


def perfect(line: str) -> str:
    """Return the scene line of a recogniser that is always right."""
    record = json.loads(line)
    found = [{**o, "score": 1.0, "track": None} for o in record["objects"]]
    return json.dumps({"type": "scene", "index": record["index"], "detections": found}) + "\n"


def test_sample_of_pixels_needs_no_file() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    assert Sample(bgr=pixels).picture() is pixels

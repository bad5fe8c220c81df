"""Scores against other people's code, against cases worked out by hand, and against plain loops."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import Thresholds
from edge.scene import FULL_BOX, Box, Detection
from edge.training.intervals import bootstrap, wilson
from edge.training.metrics import (
    average_precision,
    confusion,
    curve,
    match,
    mean_average_precision,
    outcomes,
    precision_recall_f1,
)

COCO = json.loads(Path(__file__).with_name("coco_cases.json").read_text())["cases"]
LEFT, RIGHT, FAR = Box(0, 0, 0.4, 0.4), Box(0.5, 0, 0.9, 0.4), Box(0.5, 0.5, 0.9, 0.9)
ALL = Thresholds(0.0)


def shifted(box: Box, by: float) -> Box:
    return Box(box.x0 + by, box.y0, box.x1 + by, box.y1)


def said(label: str, score: float, box: Box = LEFT) -> Detection:
    return Detection(label, score, box)


@pytest.mark.parametrize("case", COCO, ids=lambda case: f"{len(case['answers'])} answers")
@pytest.mark.parametrize(("name", "least_iou"), [("map50", 0.5), ("map75", 0.75)])
def test_mean_average_precision_equals_pycocotools(case, name: str, least_iou: float) -> None:
    labels = [str(i) for i in range(case["labels"])]
    truth = [[(str(k), Box(*box)) for p, k, box in case["objects"] if p == picture]
             for picture in range(case["pictures"])]  # fmt: skip
    found = [[Detection(str(k), s, Box(*box)) for p, k, s, box in case["answers"] if p == picture]
             for picture in range(case["pictures"])]  # fmt: skip
    (value,) = mean_average_precision(match(found, truth, labels, least_iou))
    assert value == pytest.approx(case[name], abs=1e-12)


def test_each_object_is_found_once_and_the_second_answer_is_wrong() -> None:
    matches = match([[said("a", 0.8), said("a", 0.9)]], [[("a", LEFT)]], ["a"])
    assert matches.score.tolist() == [0.9, 0.8]
    assert matches.hit.tolist() == [True, False]


def test_the_better_answer_takes_the_object_it_overlaps_most() -> None:
    near = shifted(LEFT, 0.1)
    matches = match([[said("a", 0.9, near), said("a", 0.8, LEFT)]],
                    [[("a", LEFT), ("a", near)]], ["a"])  # fmt: skip
    assert matches.hit.tolist() == [True, True]


@pytest.mark.parametrize(
    ("wide", "hit"), [(0.2, True), (0.1999, False)]  # of 0.4: IoU 0.5, just below
)  # fmt: skip
def test_an_overlap_of_exactly_the_limit_counts(wide: float, hit: bool) -> None:
    answer = said("a", 0.9, Box(0.0, 0.0, wide, 0.4))
    assert match([[answer]], [[("a", LEFT)]], ["a"]).hit.tolist() == [hit]


def test_only_the_hundred_best_answers_of_a_picture_count() -> None:
    many = [said("a", 0.5 + i / 1000, FAR) for i in range(100)]
    matches = match([[*many, said("a", 0.1, LEFT)]], [[("a", LEFT)]], ["a"])
    assert len(matches.hit) == 100
    assert not matches.hit.any()


def test_average_precision_by_hand() -> None:
    # right, wrong, right of two objects: recall 0.5 at precision 1, recall 1 at 2/3
    found = [[said("a", 0.9, LEFT), said("a", 0.8, FAR), said("a", 0.7, RIGHT)]]
    matches = match(found, [[("a", LEFT), ("a", RIGHT)]], ["a"])
    assert average_precision(matches, 0)[0] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_labels_without_objects_do_not_enter_the_mean_and_unseen_ones_are_zero() -> None:
    matches = match([[said("a", 0.9)]], [[("a", LEFT), ("b", RIGHT)]], ["a", "b", "c"])
    assert average_precision(matches, 1)[0] == 0
    assert np.isnan(average_precision(matches, 2)[0])
    assert mean_average_precision(matches)[0] == pytest.approx(0.5)
    assert np.isnan(mean_average_precision(match([[]], [[]], ["a"]))[0])


def test_drawing_a_picture_twice_is_the_same_as_having_it_twice() -> None:
    found = [[said("a", 0.9), said("a", 0.4, FAR)], [said("a", 0.8, FAR)], [said("a", 0.3)]]
    truth = [[("a", LEFT)], [("a", LEFT), ("a", RIGHT)], [("a", LEFT)]]
    once = match(found, truth, ["a"])
    drawn = [0, 2, 2]
    again = match([found[i] for i in drawn], [truth[i] for i in drawn], ["a"])
    weights = np.array([[1.0, 0.0, 2.0]])
    assert average_precision(once, 0, weights)[0] == pytest.approx(average_precision(again, 0)[0])


def test_outcomes_per_picture_and_label_at_thresholds() -> None:
    found = [[said("a", 0.9), said("b", 0.6, FAR)], [said("a", 0.4)]]
    truth = [[("a", LEFT), ("b", RIGHT)], [("a", LEFT)]]
    matches = match(found, truth, ["a", "b"])
    assert outcomes(matches, Thresholds(0.5), ["a", "b"]).tolist() == [
        [[1, 0, 0], [0, 1, 1]],
        [[0, 0, 1], [0, 0, 0]],
    ]
    loose = outcomes(matches, Thresholds(0.5, {"a": 0.4}), ["a", "b"])
    assert loose[1].tolist() == [[1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ((3, 1, 2), (0.75, 0.6, 2 / 3)),
        ((0, 0, 5), (0, 0, 0)),
        ((0, 4, 0), (0, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_precision_recall_f1(counts, wanted) -> None:
    assert [float(v) for v in precision_recall_f1(np.array(counts))] == pytest.approx(wanted)


def test_the_curve_falls_through_every_distinct_score() -> None:
    found = [[said("a", 0.9), said("a", 0.5, FAR)], [said("a", 0.5)]]
    recall, precision, threshold = curve(match(found, [[("a", LEFT)]] * 2, ["a"]))
    assert threshold.tolist() == [0.9, 0.5]
    assert recall.tolist() == [0.5, 1.0]
    assert precision.tolist() == pytest.approx([1.0, 2 / 3])


def test_confusion_knows_mixed_up_missed_and_invented_objects() -> None:
    found = [
        [
            said("a", 0.9, LEFT),  # right
            said("a", 0.8, RIGHT),  # is b
            said("b", 0.7, FAR),  # nothing is there
            said("b", 0.2, FAR),  # below the threshold
        ]
    ]
    truth = [[("a", LEFT), ("b", RIGHT), ("b", Box(0, 0.6, 0.3, 0.9))]]
    table = confusion(found, truth, ["a", "b"], Thresholds(0.5), 0.5)
    assert table.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]


answers = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.1, 0.3, 0.5, 0.9]),
              st.sampled_from([LEFT, RIGHT, FAR, shifted(LEFT, 0.05), shifted(LEFT, 0.15)])),
    max_size=8,
)  # fmt: skip
scenes = st.lists(st.tuples(answers, answers), min_size=1, max_size=4)


@settings(deadline=None)
@given(scenes=scenes, least=st.sampled_from([0.0, 0.3, 0.6]))
def test_confusion_and_outcomes_tell_the_same_story(scenes, least: float) -> None:
    labels, thresholds = ["a", "b", "c"], Thresholds(least)
    found = [[Detection(*answer) for answer in said_] for said_, _ in scenes]
    truth = [[(label, box) for label, _, box in there] for _, there in scenes]
    table = confusion(found, truth, labels, thresholds, 0.5)
    right, wrong, missed = outcomes(match(found, truth, labels), thresholds, labels).sum(
        axis=(0, 1)
    )
    diagonal = np.trace(table[:3, :3])
    assert diagonal == right
    assert table[:, :3].sum() == right + wrong  # every answer stands in one cell
    assert table[:3].sum() == right + missed  # and every object
    assert table[-1, -1] == 0


@pytest.mark.train
@pytest.mark.parametrize("seed", range(5))
def test_classification_equals_scikit_learn(seed: int) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    rng = np.random.default_rng(seed)
    labels = ["a", "b", "c", "d"]
    true = rng.choice(labels, 60, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    told = [t if rng.random() < 0.6 else str(rng.choice(labels)) for t in true]
    found = [[Detection(label, float(rng.random()))] for label in told]
    truth = [[(label, FULL_BOX)] for label in true]
    matches = match(found, truth, labels)
    ours = precision_recall_f1(outcomes(matches, ALL, labels).sum(axis=0))
    theirs = precision_recall_fscore_support(true, told, labels=labels, zero_division=0)
    np.testing.assert_allclose(ours, theirs[:3])
    assert matches.hit.mean() == pytest.approx(accuracy_score(true, told))
    table = confusion(found, truth, labels, ALL, 0.5)
    np.testing.assert_array_equal(table[:4, :4], confusion_matrix(true, told, labels=labels))
    assert not table[-1].any()
    assert not table[:, -1].any()


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_the_published_intervals(successes, n, low, high) -> None:
    interval = wilson(successes, n)
    assert interval.value == successes / n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (0, 0)])
def test_wilson_holds_its_value_at_the_ends(successes: int, n: int) -> None:
    interval = wilson(successes, n)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_the_bootstrap_of_a_share_is_near_wilson_and_the_same_each_time() -> None:
    right = np.array([1.0] * 70 + [0.0] * 30)
    first = bootstrap(lambda w: w @ right / w.sum(axis=1), 100)
    assert first == bootstrap(lambda w: w @ right / w.sum(axis=1), 100)
    wanted = wilson(70, 100)
    assert first.value == pytest.approx(0.7)
    assert (first.low, first.high) == pytest.approx((wanted.low, wanted.high), abs=0.02)


def test_without_pictures_or_objects_the_interval_says_nothing() -> None:
    assert bootstrap(lambda w: w.sum(axis=1), 0).n == 0
    undefined = bootstrap(lambda w: np.full(len(w), np.nan), 3)
    assert (undefined.value, undefined.low, undefined.high) == (0.0, 0.0, 1.0)

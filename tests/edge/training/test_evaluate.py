"""Float and int8 go through the same door, and the scores say what they are."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.aside import written_aside
from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.errors import BadDataError, CannotWriteError
from edge.scene import FULL_BOX, Box, Detection
from edge.training.dataset import Sample
from edge.training.evaluate import (
    OTHER,
    Evaluation,
    drop,
    evaluate,
    evaluate_bundle,
    float_predictor,
    lenient,
    require_match,
    score,
    statistic,
)
from edge.training.intervals import wilson
from edge.training.metrics import match
from edge.training.picture import score_picture
from edge.training.report import evaluation_record, evaluation_text, write_report

IMAGE = Input("image", "image", (1, 4, 6, 3), "int8", 1 / 127.5, 0, mean=(127.5,) * 3,
              std=(127.5,) * 3)  # fmt: skip
SCORES = Output("scores", "scores", (1, 3), "int8", 1 / 256, -128)
COLOURS = Bundle(
    "colours", "classify", (IMAGE,), (SCORES,), Decode("classify"), ("red", "green", "blue"), b""
)
BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}
LEFT, RIGHT = Box(0, 0, 0.4, 0.4), Box(0.5, 0, 0.9, 0.4)


def plain(label: str, shown: str | None = None) -> Sample:
    """A picture called `label` that shows `shown`."""
    return Sample(bgr=np.full((20, 30, 3), BGR[shown or label], np.uint8), label=label)


def colour_network(real: np.ndarray) -> list[np.ndarray]:
    assert real.dtype == np.float32
    assert set(np.unique(real)) <= {-1.0, 1.0}  # (0 or 255 - 127.5) / 127.5
    mean = (real.mean(axis=(1, 2)) + 1) / 2
    return [mean / mean.sum(axis=1, keepdims=True)]


def objects(*boxes: tuple[str, Box]) -> Sample:
    return Sample(bgr=np.zeros((8, 8, 3), np.uint8), boxes=boxes)


DETECTED = [  # answers, truth
    ([Detection("a", 0.9, LEFT), Detection("b", 0.6, RIGHT)], [("a", LEFT), ("b", RIGHT)]),
    ([Detection("a", 0.8, LEFT), Detection("a", 0.3, RIGHT)], [("a", LEFT)]),
    ([], [("b", RIGHT)]),
    ([Detection("b", 0.7, LEFT)], []),
]


def detected(threshold: float = 0.5, times: int = 1) -> Evaluation:
    found = [answers for answers, _ in DETECTED] * times
    samples = [objects(*truth) for _, truth in DETECTED] * times
    return score(found, samples, ("a", "b"), "detect", Thresholds(threshold))


def test_a_float_network_sees_real_numbers_in_its_colours_and_order_is_kept() -> None:
    samples = [plain("red"), plain("blue"), plain("green")] * 15  # more than one batch
    ticks: list[int] = []
    result = evaluate(float_predictor(colour_network, COLOURS), samples, COLOURS.labels,
                      "classify", Thresholds(), ticks.append)  # fmt: skip
    assert result.metrics == {"top1": wilson(45, 45)}
    assert sum(ticks) == 45
    assert len(ticks) > 1
    assert result.confusion.tolist() == (np.diag([15, 15, 15, 0])).tolist()


def test_top1_is_counted_whatever_the_threshold_and_precision_and_recall_at_it() -> None:
    found = [[Detection("red", 0.9), Detection("blue", 0.1)], [Detection("red", 0.4)],
             [Detection("green", 0.8)], [Detection("green", 0.3)]]  # fmt: skip
    samples = [plain("red"), plain("red"), plain("red"), plain("blue")]
    result = score(found, samples, COLOURS.labels, "classify", Thresholds(0.5))
    assert result.metrics["top1"] == wilson(2, 4)
    assert result.precision.value == pytest.approx(0.5)  # two spoke, one was right
    assert result.recall.value == pytest.approx(0.25)
    assert result.counts.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 1]]
    assert result.confusion.tolist() == [[2, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert [c.objects for c in result.classes] == [3, 0, 1]


def test_an_answer_that_the_data_do_not_know_is_wrong_and_shown() -> None:
    found = [[Detection("zebra", 0.9), Detection("red", 0.1)], [Detection("red", 0.9)]]
    result = score(found, [plain("red"), plain("red")], ("red",), "classify", Thresholds())
    assert result.metrics["top1"] == wilson(1, 2)
    assert result.labels == ("red", OTHER)
    assert result.confusion.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert result.precision.value == pytest.approx(0.5)


def test_detection_scores_by_hand() -> None:
    result = detected()
    assert result.counts.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert result.precision.value == pytest.approx(3 / 4)
    assert result.recall.value == pytest.approx(3 / 4)
    assert result.metrics["f1_iou50"] == result.f1
    # a: both found before anything wrong; b: wrong first, then one of two: 0.5 up to recall 0.5
    assert result.metrics["map50"].value == pytest.approx((1 + 51 * 0.5 / 101) / 2)
    assert result.confusion.tolist() == [[2, 0, 0], [0, 1, 1], [0, 1, 0]]
    assert result.main[0] == "map50"


def test_intervals_hold_the_value_and_narrow_with_more_pictures() -> None:
    few, many = detected(times=3).metrics, detected(times=48).metrics
    for name, interval in few.items():
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert many[name].value == pytest.approx(interval.value)
        assert many[name].high - many[name].low < (interval.high - interval.low) / 2


def test_the_statistic_of_all_pictures_is_the_metric() -> None:
    result = detected(times=3)
    ones = np.ones((1, result.n))
    for name, interval in result.metrics.items():
        assert statistic(result, name)(ones)[0] == pytest.approx(interval.value)


def test_a_paired_drop_is_narrower_than_the_models_own_intervals() -> None:
    rng = np.random.default_rng(1)
    true = [str(rng.choice(["red", "blue"])) for _ in range(200)]
    swap = {"red": "blue", "blue": "red"}
    before = [t if rng.random() < 0.7 else swap[t] for t in true]
    after = list(before)
    for i in range(6):  # whatever was right on the first six is wrong now
        after[i] = swap[true[i]]
    samples = [plain(t) for t in true]
    scored = [score([[Detection(label, 0.9)] for label in told], samples, ("red", "blue"),
                    "classify", Thresholds()) for told in (before, after)]  # fmt: skip
    lost = drop(*scored, metric="top1")
    own = scored[0].metrics["top1"]
    assert lost.value == pytest.approx(own.value - scored[1].metrics["top1"].value)
    assert lost.low <= lost.value <= lost.high
    assert lost.high - lost.low < (own.high - own.low) / 2


def test_a_paired_drop_of_boxes_is_that_of_the_two_values_and_none_without_a_difference() -> None:
    before, after = detected(0.5, times=9), detected(0.75, times=9)
    lost = drop(before, after, "f1_iou50")
    assert lost.value == pytest.approx(before.f1.value - after.f1.value)
    assert lost.low < lost.value < lost.high
    same = drop(before, before, "map50")
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_models_scored_on_other_pictures_cannot_be_paired() -> None:
    with pytest.raises(BadDataError, match="not the same pictures: 4 before, 8 after"):
        drop(detected(), detected(times=2), "map50")


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(BadDataError, match="the test split is empty"):
        evaluate(lambda pictures: [], [], ("red",), "classify", Thresholds())


def test_every_reason_why_a_model_does_not_suit_the_data_is_named_at_once() -> None:
    with pytest.raises(BadDataError) as caught:
        require_match(COLOURS, ("red", "pink", "mauve"), "detect")
    assert caught.value.faults == (
        "model 'colours' is for classify, the data are for detect",
        "the model knows no label 'pink', 'mauve'; its labels: red, green, blue",
    )
    require_match(COLOURS, ("blue",), "classify")
    background = replace(COLOURS, decode=Decode("classify", background=True))
    with pytest.raises(BadDataError, match="no label 'red'; its labels: green, blue"):
        require_match(background, ("red",), "classify")


def test_lenient_lets_every_class_through() -> None:
    (answers,) = float_predictor(lambda real: [np.array([[0.2, 0.5, 0.3]], np.float32)], COLOURS)(
        [plain("red").picture()]
    )
    assert [d.label for d in answers] == ["green", "blue", "red"]
    assert lenient(replace(COLOURS, task="detect")).thresholds.default > 0


def test_the_record_is_plain_json_and_the_table_names_every_label() -> None:
    result = score([[Detection("a", 0.9, LEFT)]], [objects(("a", LEFT))], ("a", "b"), "detect",
                   Thresholds(0.5))  # fmt: skip
    record = json.loads(json.dumps(evaluation_record(result), allow_nan=False))
    assert record["metrics"]["map50"]["value"] == 1.0
    assert record["labels"][1] == {"label": "b", "objects": 0, "precision": 0.0, "recall": 0.0,
                                   "f1": 0.0, "average_precision": None}  # fmt: skip
    assert record["confusion"]["counts"] == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    lines = evaluation_text(result).splitlines()
    assert lines[0] == "1 pictures; 95 % intervals in brackets"
    assert any(line.startswith("mAP50 ") and "1.000 (1.000 to 1.000)" in line for line in lines)
    assert lines[-1].split() == ["b", "0", "0.000", "0.000", "0.000", "-"]


def test_what_the_data_do_not_annotate_is_counted_and_said_and_not_scored() -> None:
    found = [
        [Detection("a", 0.9, LEFT), Detection("dog", 0.8, RIGHT), Detection("dog", 0.6, LEFT)],
        [Detection("cat", 0.7, LEFT), Detection("cat", 0.4, RIGHT)],
    ]
    samples = [objects(("a", LEFT)), objects()]
    result = score(found, samples, ("a",), "detect", Thresholds(0.5, {"dog": 0.7}))
    assert dict(result.unannotated) == {"dog": 1, "cat": 1}  # the others are below a threshold
    assert result.precision.value == 1.0
    assert evaluation_record(result)["unannotated"] == {"dog": 1, "cat": 1}
    assert evaluation_text(result).splitlines()[-1] == (
        "not scored: 2 detections of labels that the data do not annotate: dog 1, cat 1"
    )
    assert "not scored" not in evaluation_text(detected())
    assert evaluation_record(detected())["unannotated"] == {}


def test_many_labels_that_are_not_annotated_stay_one_line() -> None:
    found = [[Detection(f"thing {i}", 0.9, LEFT) for i in range(13)]]
    result = score(found, [objects(("a", LEFT))], ("a",), "detect", Thresholds(0.5))
    line = evaluation_text(result).splitlines()[-1]
    assert line.startswith("not scored: 13 detections of labels")
    assert line.endswith("thing 9 1, 3 other labels")


def _write_half(target: Path) -> None:
    with written_aside(target) as aside:
        aside.write_text("half")
        raise OverflowError


def test_a_file_written_aside_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "score.txt"
    with written_aside(target) as aside:
        aside.write_text("first")
        assert not target.exists()
    with pytest.raises(OverflowError):
        _write_half(target)
    assert target.read_text() == "first"
    assert [p.name for p in target.parent.iterdir()] == ["score.txt"]
    with (
        pytest.raises(CannotWriteError, match=r"cannot write .*score.txt/x: "),
        written_aside(target / "x"),
    ):
        pass


@pytest.mark.train
def test_the_score_picture_shows_one_or_two_models(tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    score_picture(None, detected(), one)
    score_picture(detected(), detected(0.7), two)
    sizes = [cv2.imread(str(path)).shape for path in (one, two)]
    assert sizes[1][1] > sizes[0][1] > 600
    assert sizes[0][0] == sizes[1][0]
    assert len(np.unique(cv2.imread(str(two)).reshape(-1, 3), axis=0)) > 100  # not blank
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.train
def test_a_report_folder_holds_record_and_picture(tmp_path: Path) -> None:
    record, picture = write_report(detected(), tmp_path / "out", "cards")
    assert json.loads(record.read_text())["pictures"] == 4
    assert cv2.imread(str(picture)) is not None
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"evaluation.json", "score.png"}


PHOTOS = {
    "Egyptian cat": "coral/images/cat.bmp",
    "macaw": "coral/images/parrot.jpg",
    "hotdog, hot dog, red hot": "coral/images/hot_dog.jpg",
    "military uniform": "coral/images/grace_hopper.bmp",
}


def test_a_public_int8_classifier_is_scored_on_real_photos(shared: Path) -> None:
    from edge.recognizer import read_model

    data = shared / "data"
    bundle = read_model(data / "coral/mobilenet_v2_1.0_224_quant.tflite",
                        data / "coral/labels/imagenet_labels.txt")  # fmt: skip
    samples = [Sample(path=data / file, label=label) for label, file in PHOTOS.items()]
    samples.append(Sample(path=data / "tensorflow-examples/fox.jpeg", label="macaw"))  # a red fox
    result = evaluate_bundle(bundle, samples, tuple(PHOTOS), "classify")
    assert result.metrics["top1"] == wilson(4, 5)
    assert result.labels[-1] == OTHER
    assert result.confusion[1].tolist() == [0, 1, 0, 0, 1, 0]
    with pytest.raises(BadDataError, match="the model knows no label 'pussycat'"):
        evaluate_bundle(bundle, samples, ("pussycat",), "classify")


@pytest.mark.train
def test_a_keras_model_answers_as_its_outputs_say() -> None:
    import keras

    from edge.training.evaluate import keras_infer

    image = keras.Input((4, 6, 3))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    scores = keras.layers.Softmax(name="scores")(mean)
    samples = [plain("red"), plain("blue"), plain("green", shown="red")]
    for outputs in (scores, {"scores": scores}, [scores]):
        predict = float_predictor(keras_infer(keras.Model(image, outputs)), COLOURS)
        result = evaluate(predict, samples, COLOURS.labels, "classify", Thresholds())
        assert result.metrics["top1"] == wilson(2, 3)


def test_matches_of_full_boxes_are_those_of_labels() -> None:
    matches = match([[Detection("a", 0.9)], [Detection("b", 0.8)]], [[("a", FULL_BOX)]] * 2, "ab")
    assert matches.hit.tolist() == [True, False]
    assert math.isclose(matches.hit.mean(), 0.5)

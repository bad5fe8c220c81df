"""A picture in, a scene out, on whichever runtime this environment has."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.errors import BadDataError, NotFoundError, UsageError
from edge.infer.backend import Choice
from edge.infer.engine import Engine
from edge.recognizer import Recognizer, open_recognizer
from edge.scene import FULL_BOX, Change

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
IMAGE = Input("image", "image", (1, 4, 6, 3), "int8", 1 / 127.5, 0)
SCORES = Output("scores", "scores", (1, 3), "int8", 1 / 256, -128)
COLOURS = Bundle(
    "colours", "classify", (IMAGE,), (SCORES,), Decode("classify"), ("red", "green", "blue"), b""
)


class MeanColour:
    """A backend whose scores are the shares of red, green and blue in the picture."""

    description = "mean colour"

    def __init__(self) -> None:
        self.closed = 0

    def infer(self, inputs):
        (pixels,) = inputs
        assert pixels.shape == (4, 6, 3)
        mean = pixels.reshape(-1, 3).mean(axis=0)
        return ((mean / mean.sum()).astype(np.float32)[np.newaxis],)

    def close(self) -> None:
        self.closed += 1


class Broken(MeanColour):
    def infer(self, inputs):
        raise RuntimeError("unplugged")


def plain(bgr: tuple[int, int, int], size: tuple[int, int] = (50, 70)) -> np.ndarray:
    return np.full((*size, 3), bgr, np.uint8)


def opened(*backends: tuple[str, object], bundle: Bundle = COLOURS) -> Recognizer:
    choices = [Choice(name, lambda backend=backend: backend) for name, backend in backends]
    return Recognizer(bundle, Engine(choices), now=lambda: NOON)


def test_a_picture_becomes_a_scene_with_backend_times_and_the_frame() -> None:
    picture = plain((0, 0, 255))
    with opened(("cpu", MeanColour())) as recognizer:
        first, second = recognizer(picture), recognizer(plain((255, 0, 0)))
    assert [(d.label, d.score, d.box) for d in first.detections] == [("red", 1.0, FULL_BOX)]
    assert [d.label for d in second.detections] == ["blue"]
    assert first.backend == "cpu"
    assert first.frame.bgr is picture
    assert [s.frame.index for s in (first, second)] == [0, 1]
    assert first.frame.time_utc == NOON
    assert first.timings.read_ms == 0
    assert min(first.timings.prepare_ms, first.timings.infer_ms, first.timings.decode_ms) >= 0


def test_thresholds_of_the_bundle_decide_what_is_said() -> None:
    grey = plain((90, 100, 110))
    with opened(("cpu", MeanColour())) as recognizer:
        assert recognizer(grey).detections == ()
    low = replace(COLOURS, thresholds=Thresholds(0.35))
    with opened(("cpu", MeanColour()), bundle=low) as recognizer:
        assert [d.label for d in recognizer(grey).detections] == ["red"]


def test_a_failing_backend_is_replaced_and_the_scene_says_so() -> None:
    with opened(("tpu", Broken()), ("cpu", MeanColour())) as recognizer:
        scene = recognizer(plain((0, 255, 0)))
    assert [d.label for d in scene.detections] == ["green"]
    assert scene.backend == "cpu"
    (change,) = (c for c in scene.changes if c.backend == "tpu")
    assert isinstance(change, Change)
    assert change.type == "fault"
    assert "unplugged" in change.reason


def test_leaving_the_context_closes_the_backend_once() -> None:
    backend = MeanColour()
    with opened(("cpu", backend)) as recognizer:
        recognizer(plain((0, 0, 255)))
    assert backend.closed == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"decode": Decode("magic")},
            "no decoder 'magic'; known decoders: classify, boxes, ssd, centroid, none",
        ),
        ({"inputs": (replace(IMAGE, kind="tensor"),)}, "does not take one picture; .*tensor image"),
        ({"inputs": (IMAGE, IMAGE)}, "does not take one picture"),
        ({"inputs": ()}, "its inputs: none"),
    ],
)
def test_a_model_that_cannot_recognise_pictures_is_refused_when_opened(changes, message) -> None:
    with pytest.raises(BadDataError, match=message):
        opened(("cpu", MeanColour()), bundle=replace(COLOURS, **changes))
    with pytest.raises(BadDataError, match=message):
        open_recognizer(replace(COLOURS, **changes))


PHOTOS = [  # what the model's publisher's own test pictures show
    ("cat.bmp", "Egyptian cat", 0.80),
    ("parrot.jpg", "macaw", 0.996),
    ("hot_dog.jpg", "hotdog", 0.895),
    ("grace_hopper.bmp", "military uniform", 0.934),
]


@pytest.fixture(scope="module")
def mobilenet(shared: Path):
    coral = shared / "data" / "coral"
    with edge.open(
        coral / "mobilenet_v2_1.0_224_quant.tflite", labels=coral / "labels/imagenet_labels.txt"
    ) as recognizer:
        yield recognizer


@pytest.mark.parametrize(("file", "label", "score"), PHOTOS)
def test_a_public_classifier_names_real_photos(shared, mobilenet, file, label, score) -> None:
    picture = cv2.imread(str(shared / "data" / "coral" / "images" / file))
    scene = mobilenet(picture)
    assert scene.detections[0].label.startswith(label)
    assert scene.detections[0].score == pytest.approx(score, abs=0.1)  # resampling differs
    assert scene.backend == "cpu"


def test_a_missing_model_and_an_unknown_runtime_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no\.tflite"):
        open_recognizer(tmp_path / "no.tflite")
    with pytest.raises(UsageError, match="no runtime 'magic'; known runtimes: auto, litert"):
        open_recognizer(COLOURS, runtime="magic")


def test_labels_beside_a_bundle_that_has_its_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a bundle and has its own labels"):
        open_recognizer(tmp_path, labels=tmp_path / "labels.txt")


def test_junk_is_refused_before_it_is_run(tmp_path: Path) -> None:
    junk = tmp_path / "junk.tflite"
    junk.write_bytes(b"\x1c\0\0\0TFL3" + bytes(range(200)))
    with pytest.raises(BadDataError):
        open_recognizer(junk)

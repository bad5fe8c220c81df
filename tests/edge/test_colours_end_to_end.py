"""A red and a blue frame are named rightly by models of every colour order, through every stage."""

import struct

import numpy as np
import pytest
from tiny_models import Made, Step, tiny_model

from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.recognizer import open_recognizer

MEAN = 40  # its builtin code
SIDE = 8
FRAMES = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}  # blue, green, red
LIGHT = {"red": 0.299, "green": 0.587, "blue": 0.114}  # of BT.601, as OpenCV turns to grey
CHANNELS = {"rgb": ("red", "green", "blue"), "bgr": ("blue", "green", "red"), "gray": ("light",)}
# mean, std of the pixels; what the input tensor then holds: dtype, scale, zero point
SCALES = {
    "0..1 int8": (0.0, 255.0, "int8", 1 / 255, -128),
    "0..1 uint8": (0.0, 255.0, "uint8", 1 / 255, 0),
    "-1..1 int8": (127.5, 127.5, "int8", 1 / 127.5, 0),
}


def averaging(color: str, scaling: str) -> Bundle:
    """Return a model that scores each label by the mean of its channel."""
    mean, std, dtype, scale, zero_point = SCALES[scaling]
    labels = CHANNELS[color]
    shape, axes = (1, SIDE, SIDE, len(labels)), struct.pack("<2i", 1, 2)
    tensors = [
        Made("image", shape, dtype, scale, zero_point),
        Made("axes", (2,), "int32", data=axes),
        Made("scores", (1, len(labels)), dtype, scale, zero_point),
    ]
    model = tiny_model(tensors, [0], [2], [Step(MEAN, (0, 1), (2,))])
    image = Input(
        "image", "image", shape, dtype, scale, zero_point,
        color=color, mean=(mean,), std=(std,), resize="letterbox", fill=0,
    )  # fmt: skip
    role = "logits" if mean else "scores"  # scores are never negative
    scores = Output("scores", role, (1, len(labels)), dtype, scale, zero_point)
    decode = Decode("classify")
    return Bundle("mean", "classify", (image,), (scores,), decode, labels, model,
                  thresholds=Thresholds(0.0))  # fmt: skip


@pytest.mark.parametrize("scaling", SCALES)
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_colour_is_named_in_the_models_order(color: str, scaling: str) -> None:
    with open_recognizer(averaging(color, scaling)) as recognizer:
        for name, bgr in FRAMES.items():
            best, *rest = recognizer(np.full((30, 30, 3), bgr, np.uint8)).detections
            assert best.label == name
            if not scaling.startswith("-1"):
                assert best.score == pytest.approx(1.0, abs=0.01)
                assert [d.score for d in rest] == pytest.approx([0.0, 0.0], abs=0.01)


@pytest.mark.parametrize("scaling", ["0..1 int8", "0..1 uint8"])
def test_gray_model_sees_each_colour_as_light_as_it_is(scaling: str) -> None:
    with open_recognizer(averaging("gray", scaling)) as recognizer:
        for name, bgr in FRAMES.items():
            (found,) = recognizer(np.full((30, 30, 3), bgr, np.uint8)).detections
            assert found.score == pytest.approx(LIGHT[name], abs=0.01)


def test_half_red_half_blue_is_both() -> None:
    frame = np.zeros((30, 30, 3), np.uint8)
    frame[:, :15], frame[:, 15:] = FRAMES["red"], FRAMES["blue"]
    with open_recognizer(averaging("rgb", "0..1 int8")) as recognizer:
        found = {d.label: d.score for d in recognizer(frame).detections}
    assert found == pytest.approx({"red": 0.5, "blue": 0.5, "green": 0.0}, abs=0.02)

"""The maps that tiny-boxes learns are read back by the decoder of the device."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.scene import Box
from edge.training.targets import NO_OBJECT, encode
from edge.vision import DECODERS
from edge.vision.geometry import SAME

LABELS = ("a", "b", "c")
DECODE = Decode("boxes", stride_px=8, distance_unit_px=32)
ROLES = ("objectness", "logits", "distances")


def bundle(side: int) -> Bundle:
    """Return a detector's bundle without a model."""
    picture = Input("image", "image", (1, side, side, 3), "float32", 0.0, 0)
    outputs = tuple(Output(role, role, (), "float32", 0.0, 0) for role in ROLES)
    return Bundle(
        "t", "detect", (picture,), outputs, DECODE, LABELS, b"", thresholds=Thresholds(0.9)
    )


def decoded(boxes: list[Box], labels: list[int], side: int = 96) -> list[tuple[str, list[float]]]:
    """Encode boxes as a perfect network would answer, and decode that."""
    corners = np.array([[[b.x0, b.y0, b.x1, b.y1] for b in boxes]], np.float32)
    targets = encode(corners, np.array([labels], np.int32), (side, side), DECODE)
    logits = 20.0 * np.eye(len(LABELS), dtype=np.float32)[targets.classes]
    outputs = (targets.objectness[..., np.newaxis], logits, targets.distances)
    found = DECODERS["boxes"](outputs, bundle(side), SAME)
    return sorted((d.label, d.box.as_list()) for d in found)


sides = st.tuples(
    st.floats(0.0, 0.8), st.floats(0.0, 0.8), st.floats(0.15, 0.9), st.floats(0.15, 0.9)
)


@given(sides, st.integers(0, 2), st.sampled_from([64, 96, 128]))
def test_one_object_comes_back(sides: tuple[float, ...], label: int, side: int) -> None:
    x, y, w, h = sides
    box = Box(x, y, min(x + w, 1.0), min(y + h, 1.0))
    ((found_label, found_box),) = decoded([box], [label], side)
    assert found_label == LABELS[label]
    assert found_box == pytest.approx(box.as_list(), abs=2e-4)


def test_two_objects_come_back_each_with_its_label() -> None:
    boxes = [Box(0.05, 0.1, 0.4, 0.5), Box(0.55, 0.5, 0.95, 0.9)]
    assert decoded(boxes, [2, 0]) == [("a", boxes[1].as_list()), ("c", boxes[0].as_list())]


def test_padding_is_no_object() -> None:
    boxes = np.zeros((1, 2, 4), np.float32)
    boxes[0, 0] = 0.1, 0.1, 0.5, 0.5
    targets = encode(boxes, np.array([[1, NO_OBJECT]], np.int32), (96, 96), DECODE)
    assert (targets.objectness >= 1).sum() == 1
    assert targets.objectness[0, 8:, 8:].max() == 0


def test_picture_without_objects_is_all_background() -> None:
    labels = np.full((1, 1), NO_OBJECT, np.int32)
    targets = encode(np.zeros((1, 1, 4), np.float32), labels, (96, 96), DECODE)
    assert targets.objectness.max() == 0

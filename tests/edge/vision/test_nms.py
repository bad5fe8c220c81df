"""IoU and suppression against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.overlap import iou
from edge.vision.nms import nms


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1.0),
        ((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3),
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7),
        ((0, 0, 2, 2), (2, 0, 4, 2), 0.0),
        ((0, 0, 4, 4), (1, 1, 2, 2), 1 / 16),
        ((1, 1, 1, 1), (1, 1, 1, 1), 0.0),
        ((3, 3, 1, 1), (0, 0, 4, 4), 0.0),  # turned inside out: no area
    ],
)
def test_iou_of_known_pairs(a, b, wanted) -> None:
    assert iou(np.array([a], float), np.array([b], float))[0, 0] == pytest.approx(wanted)


def plain_iou(a, b) -> float:
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


def plain_nms(boxes, scores, classes, limit: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        rivals = (k for k in kept if classes[k] == classes[i])
        if all(plain_iou(boxes[k], boxes[i]) <= limit for k in rivals):
            kept.append(i)
    return kept


corner = st.integers(0, 12)
side = st.integers(1, 8)
objects = st.lists(
    st.tuples(corner, corner, side, side, st.integers(0, 9), st.integers(0, 2)), max_size=25
)


@settings(deadline=None)
@given(objects=objects, limit=st.sampled_from([0.0, 0.3, 0.45, 0.7, 1.0]))
def test_suppression_equals_the_plain_loop(objects, limit) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _, _ in objects], float).reshape(-1, 4)
    scores = np.array([o[4] for o in objects], float)
    classes = np.array([o[5] for o in objects], int)
    assert nms(boxes, scores, classes, limit).tolist() == plain_nms(boxes, scores, classes, limit)

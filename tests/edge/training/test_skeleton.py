"""Middle lines: thin, whole, and the same for one drawing and for many."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.training.skeleton import skeletons


def stroke(seed: int) -> np.ndarray:
    """Return a thick random stroke in one piece, bool (40, 40)."""
    points = np.random.default_rng(seed).integers(6, 34, (4, 1, 2)).astype(np.int32)
    canvas = np.zeros((40, 40), np.uint8)
    cv2.polylines(canvas, [points], False, 255, 5)
    return canvas > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_line_is_thin_and_in_as_many_pieces(seed: int) -> None:
    drawing = stroke(seed)
    (line,) = skeletons(drawing[np.newaxis])
    assert line.any()
    assert not (line & ~drawing).any()
    assert line.sum() < 0.5 * drawing.sum()
    pieces = [cv2.connectedComponents(m.astype(np.uint8))[0] for m in (drawing, line)]
    assert pieces[0] == pieces[1]


def test_many_at_once_are_as_one_by_one() -> None:
    drawings = np.stack([stroke(seed) for seed in range(6)])
    alone = np.stack([skeletons(d[np.newaxis])[0] for d in drawings])
    assert np.array_equal(skeletons(drawings), alone)


def test_nothing_drawn_has_no_line() -> None:
    assert not skeletons(np.zeros((2, 9, 9), np.bool_)).any()

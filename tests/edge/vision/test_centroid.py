"""Heat maps: peaks, the cells that belong to them, and their boxes on the frame."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.errors import BadDataError
from edge.vision import DECODERS
from edge.vision.centroid import blobs
from edge.vision.geometry import SAME, Geometry

ROWS, COLUMNS, STRIDE = 6, 8, 16
IMAGE = Input("image", "image", (1, ROWS * STRIDE, COLUMNS * STRIDE, 3), "int8", 1 / 255, -128)
LABELS = ("background", "apple", "pear")


def detector(*roles: str, **changes: Any) -> Bundle:
    depth = {"sizes": 2}
    outputs = tuple(
        Output(role, role, (1, ROWS, COLUMNS, depth.get(role, 3)), "int8", 1 / 256, -128)  # type: ignore[arg-type]
        for role in roles or ("heatmap",)
    )
    decode = Decode("centroid", background=True, stride_px=STRIDE)
    return replace(Bundle("c", "detect", (IMAGE,), outputs, decode, LABELS, b""), **changes)


def heat(*cells: tuple[int, int, int, float]) -> np.ndarray:
    """Return a map with these (row, column, class, score); the rest is background."""
    found = np.zeros((1, ROWS, COLUMNS, 3), np.float32)
    for row, column, kind, score in cells:
        found[0, row, column, kind] = score
    found[..., 0] = 1 - found[..., 1:].sum(axis=-1)
    return found


def decode(*arrays: np.ndarray, bundle: Bundle | None = None, geometry: Geometry = SAME):
    return DECODERS["centroid"](arrays, bundle or detector(), geometry)


def in_cells(box) -> tuple[float, ...]:
    sides = (box.x0 * COLUMNS, box.y0 * ROWS, box.x1 * COLUMNS, box.y1 * ROWS)
    return tuple(round(side, 4) for side in sides)


def told(detections) -> list[tuple]:
    return [(d.label, round(d.score, 4), in_cells(d.box)) for d in detections]


def test_one_cell_is_one_box_of_the_stride() -> None:
    assert told(decode(heat((2, 5, 1, 0.75)))) == [("apple", 0.75, (5, 2, 6, 3))]


def test_cells_that_touch_are_one_object_with_the_peaks_score() -> None:
    found = decode(heat((2, 5, 1, 0.75), (2, 6, 1, 0.6), (3, 4, 1, 0.5), (1, 5, 1, 0.49)))
    assert told(found) == [("apple", 0.75, (4, 2, 7, 4))]


def test_a_valley_parts_two_objects() -> None:
    ridge = [(1, column, 1, score) for column, score in enumerate((0.6, 0.9, 0.7, 0.55, 0.8, 0.6))]
    found = told(decode(heat(*ridge)))
    assert [(label, score) for label, score, _ in found] == [("apple", 0.9), ("apple", 0.8)]
    assert found[0][2][2] <= found[1][2][0] + 1


def test_a_plateau_is_one_object_however_it_bends() -> None:
    bend = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2)]
    found = decode(heat(*((row, column, 2, 0.96) for row, column in bend)))
    assert told(found) == [("pear", 0.96, (0, 0, 3, 3))]


def test_classes_do_not_merge_and_the_best_comes_first() -> None:
    found = decode(heat((1, 1, 1, 0.6), (1, 2, 2, 0.8), (4, 6, 1, 0.9)))
    assert [(d.label, round(d.score, 2)) for d in found] == [
        ("apple", 0.9), ("pear", 0.8), ("apple", 0.6)
    ]  # fmt: skip


def test_the_background_is_no_object_and_a_model_may_have_none() -> None:
    assert decode(heat()) == ()
    bundle = detector(labels=("apple", "pear", "kiwi"), decode=Decode("centroid", stride_px=STRIDE))
    found = np.zeros((1, ROWS, COLUMNS, 3), np.float32)
    found[0, 0, 0, 0] = 0.9
    assert told(decode(found, bundle=bundle)) == [("apple", 0.9, (0, 0, 1, 1))]


def test_a_label_has_its_own_threshold() -> None:
    bundle = detector(thresholds=Thresholds(0.5, {"pear": 0.2}))
    found = decode(heat((1, 1, 1, 0.4), (4, 4, 2, 0.25), (4, 5, 2, 0.2)), bundle=bundle)
    assert told(found) == [("pear", 0.25, (4, 4, 6, 5))]


def test_logits_take_softmax_with_a_background_and_sigmoid_without() -> None:
    logits = np.log(np.maximum(heat((2, 5, 1, 0.75)), 1e-9))
    assert told(decode(logits, bundle=detector("logits"))) == [("apple", 0.75, (5, 2, 6, 3))]
    alone = np.full((1, ROWS, COLUMNS, 3), -9.0, np.float32)
    alone[0, 2, 5, 2] = np.log(3)  # sigmoid 0.75
    bundle = detector("logits", decode=Decode("centroid", stride_px=STRIDE))
    assert told(decode(alone, bundle=bundle)) == [("pear", 0.75, (5, 2, 6, 3))]


def test_sizes_give_the_box_around_the_peak_and_overlaps_are_suppressed() -> None:
    sizes = np.zeros((1, ROWS, COLUMNS, 2), np.float32)
    sizes[0, 2, 3], sizes[0, 2, 5] = (4.0, 3.0), (4.0, 3.0)
    maps = heat((2, 3, 1, 0.9), (2, 5, 1, 0.8))
    bundle = detector("sizes", "heatmap", decode=replace(detector().decode, nms_iou=0.3))
    found = decode(sizes, maps, bundle=bundle)
    assert told(found) == [("apple", 0.9, (1.5, 1, 5.5, 4))]
    apart = replace(bundle, decode=replace(bundle.decode, nms_iou=0.5))
    assert len(decode(sizes, maps, bundle=apart)) == 2
    sizes[0, 2, 3] = -1.0  # no size is no object
    assert [d.score for d in decode(sizes, maps, bundle=bundle)] == [pytest.approx(0.8)]


def test_boxes_return_to_the_frame() -> None:
    crop = Geometry(2.0, 1.0, -0.5, 0.0)  # the middle half of the frame fills the input
    (found,) = decode(heat((0, 0, 1, 0.9)), geometry=crop)
    assert (found.box.x0, found.box.x1) == (0.25, 0.3125)


@pytest.mark.parametrize(
    ("maps", "bundle", "said"),
    [
        ((np.zeros((1, 3, 4, 3)),), detector(), r"stride_px 16 needs \[1, 6, 8, C\]"),
        ((np.zeros((1, 6, 8)),), detector(), r"is \[1, 6, 8\]"),
        ((heat() * 9,), detector(), "role heatmap but holds 0 to 9"),
        ((heat(), np.zeros((1, 6, 8, 4))), detector("heatmap", "sizes"), r"sizes are \[1, 6, 8, 2"),
    ],
)
def test_maps_that_do_not_fit_are_refused(maps, bundle: Bundle, said: str) -> None:
    with pytest.raises(BadDataError, match=said):
        decode(*(np.asarray(m, np.float32) for m in maps), bundle=bundle)


@settings(max_examples=80)
@given(st.lists(st.integers(0, 4), min_size=48, max_size=48))
def test_blobs_share_the_hot_cells_out_and_their_peaks_are_the_maxima(levels: list[int]) -> None:
    """Few levels, so that plateaus of every form come up."""
    levels_map = np.reshape(np.array(levels, np.float32) / 4, (6, 8))
    found = blobs(levels_map, 0.25)
    cells = [cell for blob in found for cell in blob]
    assert sorted(cells) == sorted(map(tuple, np.argwhere(levels_map >= 0.25).tolist()))
    maxima = []
    for blob in found:
        top = levels_map[blob[0]]
        assert all(levels_map[cell] <= top for cell in blob)
        maxima += [cell for cell in blob if levels_map[cell] == top]
    padded = np.pad(levels_map, 1)
    around = np.stack([padded[i : i + 6, j : j + 8] for i in range(3) for j in range(3)])
    # a cell above all its neighbours is the peak of a blob of its own
    strict = ((around < levels_map).sum(axis=0) == 8) & (levels_map >= 0.25)
    assert {tuple(cell) for cell in np.argwhere(strict).tolist()} <= {blob[0] for blob in found}
    # no blob's peak stands beside a higher cell
    higher = (around > levels_map).any(axis=0)
    assert not any(higher[cell] for cell in (blob[0] for blob in found))

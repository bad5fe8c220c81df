"""Cells become boxes: by hand, by a forward encoding, and under every geometry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.errors import BadDataError
from edge.scene import Box
from edge.training.targets import encode
from edge.vision.boxes import decode_boxes
from edge.vision.geometry import SAME
from edge.vision.prepare import prepare

ROWS, COLUMNS, CLASSES, STRIDE, UNIT = 12, 16, 3, 8, 32
HEIGHT, WIDTH = ROWS * STRIDE, COLUMNS * STRIDE
MAPS = {"objectness": 1, "logits": CLASSES, "distances": 4}


def detector(roles: tuple[str, ...] = tuple(MAPS), **changes: object) -> Bundle:
    outputs = tuple(
        Output(role, role, (1, ROWS, COLUMNS, MAPS[role]), "int8", 1.0, 0)  # type: ignore[arg-type]
        for role in roles
    )
    image = Input("image", "image", (1, HEIGHT, WIDTH, 3), "int8", 1 / 127.5, 0)
    decode = Decode("boxes", stride_px=STRIDE, distance_unit_px=UNIT)
    bundle = Bundle("b", "detect", (image,), outputs, decode, ("a", "b", "c"), b"")
    return replace(bundle, **changes)  # type: ignore[arg-type]


def empty() -> dict[str, np.ndarray]:
    return {role: np.zeros((1, ROWS, COLUMNS, n), np.float32) for role, n in MAPS.items()}


def put(maps, row: int, column: int, kind: int, box_px, objectness: float = 1.0) -> None:
    """Write one object as a trainer would: the inverse of the decoder."""
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    x0, y0, x1, y1 = box_px
    maps["objectness"][0, row, column] = objectness
    maps["logits"][0, row, column, kind] = 20.0
    maps["distances"][0, row, column] = np.array([x - x0, y - y0, x1 - x, y1 - y]) / UNIT


def decode(maps, bundle: Bundle, geometry=SAME):
    return decode_boxes(tuple(maps[o.role] for o in bundle.outputs), bundle, geometry)


def in_px(box: Box) -> list[float]:
    return [box.x0 * WIDTH, box.y0 * HEIGHT, box.x1 * WIDTH, box.y1 * HEIGHT]


def test_one_cell_by_hand() -> None:
    maps = empty()
    maps["objectness"][0, 2, 5] = 0.75  # centre (44, 20) px
    maps["logits"][0, 2, 5] = [0.0, 20.0, 0.0]
    maps["distances"][0, 2, 5] = [0.5, 0.25, 1.0, 0.75]  # 16, 8, 32, 24 px
    (found,) = decode(maps, detector())
    assert found.label == "b"
    assert found.score == pytest.approx(0.75)
    assert in_px(found.box) == pytest.approx([28, 12, 76, 44], abs=1e-3)


def test_score_is_objectness_times_the_best_class() -> None:
    maps = empty()
    maps["objectness"][0, 0, 0] = 0.8
    maps["logits"][0, 0, 0] = np.log([0.1, 0.2, 0.7])
    maps["distances"][0, 0, 0] = 1.0
    (found,) = decode(maps, detector())
    assert found.label == "c"
    assert found.score == pytest.approx(0.56)
    assert decode(maps, detector(thresholds=Thresholds(0.57))) == ()


@pytest.mark.parametrize(
    "roles", [("distances", "objectness", "logits"), ("logits", "distances", "objectness")]
)
def test_outputs_are_found_by_role_in_any_order(roles) -> None:
    maps = empty()
    put(maps, 4, 4, 2, (10, 10, 60, 60))
    assert decode(maps, detector(roles)) == decode(maps, detector())
    assert len(decode(maps, detector(roles))) == 1


def test_of_overlapping_boxes_of_one_class_the_best_stays() -> None:
    maps = empty()
    put(maps, 4, 4, 0, (10, 10, 60, 60), 0.7)
    put(maps, 4, 5, 0, (11, 10, 61, 60), 0.9)
    put(maps, 4, 6, 1, (11, 10, 61, 60), 0.8)  # another class may share the place
    put(maps, 9, 12, 0, (80, 60, 120, 90), 0.6)
    found = decode(maps, detector())
    assert [(d.label, round(d.score, 2)) for d in found] == [("a", 0.9), ("b", 0.8), ("a", 0.6)]


def test_thresholds_of_labels_apply() -> None:
    maps = empty()
    put(maps, 1, 1, 0, (0, 0, 20, 20), 0.3)
    put(maps, 8, 8, 1, (50, 50, 90, 90), 0.55)
    assert [d.label for d in decode(maps, detector())] == ["b"]
    thresholds = Thresholds(0.5, {"a": 0.2, "b": 0.6})
    assert [d.label for d in decode(maps, detector(thresholds=thresholds))] == ["a"]


def test_raising_the_threshold_afterwards_is_the_same_as_decoding_with_it() -> None:
    rng = np.random.default_rng(3)
    maps = {role: rng.random((1, ROWS, COLUMNS, n), np.float32) for role, n in MAPS.items()}
    many = decode(maps, detector(thresholds=Thresholds(0.0)))
    few = decode(maps, detector(thresholds=Thresholds(0.4)))
    assert 0 < len(few) < len(many)
    assert tuple(d for d in many if d.score >= 0.4) == few


@settings(deadline=None)
@given(
    mode=st.sampled_from(["stretch", "letterbox", "crop"]),
    w=st.integers(50, 700), h=st.integers(50, 700), data=st.data(),
)  # fmt: skip
def test_an_encoded_box_comes_back_within_a_pixel_of_the_frame(mode, w, h, data) -> None:
    bundle = detector()
    spec = replace(bundle.inputs[0], resize=mode)
    geometry = prepare(np.zeros((h, w, 3), np.uint8), spec).geometry
    seen = [geometry.to_frame(Box(0, 0, 0, 0)), geometry.to_frame(Box(1, 1, 1, 1))]
    inside = [data.draw(st.floats(0.3, 0.45)), data.draw(st.floats(0.55, 0.7))]
    xs = [seen[0].x0 + f * (seen[1].x0 - seen[0].x0) for f in inside]
    ys = [seen[0].y0 + f * (seen[1].y0 - seen[0].y0) for f in inside]
    box = Box(xs[0], ys[0], xs[1], ys[1])
    maps = empty()
    put(maps, ROWS // 2, COLUMNS // 2, 1, in_px(geometry.to_input(box)))
    (found,) = decode(maps, bundle, geometry)
    off = [abs(found.box.x0 - box.x0) * w, abs(found.box.y0 - box.y0) * h,
           abs(found.box.x1 - box.x1) * w, abs(found.box.y1 - box.y1) * h]  # fmt: skip
    assert max(off) < 1.0


def test_a_box_that_lies_wholly_in_the_letterbox_border_is_dropped() -> None:
    bundle = detector()
    spec = replace(bundle.inputs[0], resize="letterbox")
    geometry = prepare(np.zeros((20, 200, 3), np.uint8), spec).geometry
    maps = empty()
    put(maps, 0, 3, 0, (20, 1, 40, 9))
    put(maps, ROWS // 2, 3, 1, (20, HEIGHT / 2 - 5, 40, HEIGHT / 2 + 9))
    assert [d.label for d in decode(maps, bundle, geometry)] == ["b"]


def test_boxes_are_cut_at_the_frame() -> None:
    maps = empty()
    put(maps, 0, 0, 0, (-50, -40, 30, 30))
    (found,) = decode(maps, detector())
    assert in_px(found.box) == pytest.approx([0, 0, 30, 30], abs=1e-3)


def test_an_empty_map_gives_nothing() -> None:
    assert decode(empty(), detector()) == ()


def test_maps_of_other_sizes_are_refused() -> None:
    maps = empty()
    maps["logits"] = np.zeros((1, ROWS, COLUMNS + 1, CLASSES), np.float32)
    with pytest.raises(BadDataError, match="the three maps do not fit"):
        decode(maps, detector())


def test_a_missing_map_is_named() -> None:
    with pytest.raises(BadDataError, match="role distances; the model's roles: objectness, logits"):
        decode(empty(), detector(("objectness", "logits")))


@settings(deadline=None)
@given(
    sides=st.lists(st.tuples(st.floats(0.15, 0.45), st.floats(0.2, 0.45)), min_size=1, max_size=2),
    kinds=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_what_the_trainer_encodes_is_what_is_decoded(sides, kinds) -> None:
    corners = [(0.02 + 0.5 * i, 0.1, 0.02 + 0.5 * i + w, 0.1 + h) for i, (w, h) in enumerate(sides)]
    boxes = np.array([corners], np.float32)
    classes = np.array([kinds[: len(sides)]], np.int32)
    bundle = detector()
    targets = encode(boxes, classes, (WIDTH, HEIGHT), bundle.decode)
    logits = 20.0 * np.eye(CLASSES, dtype=np.float32)[targets.classes]
    maps = {
        "objectness": targets.objectness[..., np.newaxis],
        "logits": logits,
        "distances": targets.distances,
    }
    found = sorted(decode(maps, bundle), key=lambda d: d.box.x0)
    assert [d.label for d in found] == ["abc"[kind] for kind in kinds[: len(sides)]]
    for detection, wanted in zip(found, corners, strict=True):
        box = detection.box
        np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], wanted, atol=1e-5)
        assert detection.score == pytest.approx(1.0, abs=1e-5)

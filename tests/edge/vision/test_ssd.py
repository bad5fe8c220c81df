"""Lists of boxes in any order, and raw heads with the anchors of their file."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssd_cases import ORDERS, ROLES, told
from tiny_models import Made, Step, detector_metadata, tiny_model

from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.bundle.anchors import POSTPROCESS
from edge.errors import BadDataError
from edge.infer import border
from edge.vision.geometry import SAME, Geometry
from edge.vision.ssd import decode_ssd

IMAGE = Input("image", "image", (1, 64, 64, 3), "uint8", 1 / 128, 128)
LABELS = ("person", "bicycle", "", "car")

# y0, x0, y1, x1; class; score
FOUND = [
    ([0.1, 0.2, 0.5, 0.6], 3, 0.9),
    ([0.0, 0.0, 0.3, 0.3], 0, 0.75),
    ([0.4, 0.4, 0.9, 1.1], 1, 0.5),
]
EXPECTED = [
    ("car", 0.9, (0.2, 0.1, 0.6, 0.5)),
    ("person", 0.75, (0.0, 0.0, 0.3, 0.3)),
    ("bicycle", 0.5, (0.4, 0.4, 1.0, 0.9)),
]


def detector(roles: tuple[str, ...], model: bytes = b"", **changes: Any) -> Bundle:
    outputs = tuple(
        Output(f"out{i}", role, (), "float32", 0.0, 0)  # type: ignore[arg-type]
        for i, role in enumerate(roles)
    )
    bundle = Bundle("d", "detect", (IMAGE,), outputs, Decode("ssd"), LABELS, model)
    return replace(bundle, **changes)


def listed(found: list, entries: int = 10) -> dict[str, np.ndarray]:
    """Return the four arrays as the operator gives them: padded with noughts."""
    arrays = {
        "boxes": np.zeros((1, entries, 4), np.float32),
        "classes": np.zeros((1, entries), np.float32),
        "scores": np.zeros((1, entries), np.float32),
        "count": np.array([len(found)], np.float32),
    }
    for i, (box, kind, score) in enumerate(found):
        arrays["boxes"][0, i] = box
        arrays["classes"][0, i], arrays["scores"][0, i] = kind, score
    return arrays


FRAMES = {"three": (FOUND, EXPECTED), "empty": ([], []), "one": (FOUND[:1], EXPECTED[:1])}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("named", ["all", "none", "boxes only", "scores only", "state beside"])
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_of_the_four_outputs(order: tuple[str, ...], named: str, frame: str) -> None:
    found, expected = FRAMES[frame]
    arrays = listed(found)
    kept = {"all": ROLES, "boxes only": ("boxes",), "scores only": ("scores",)}
    roles = tuple(role if role in kept.get(named, ()) else "raw" for role in order)
    outputs = [arrays[role] for role in order]
    if named == "state beside":
        roles, outputs = (*order, "raw"), [*outputs, np.ones((1, 8, 8, 4), np.float32)]
    assert told(decode_ssd(tuple(outputs), detector(roles), SAME)) == expected


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("entries", [1, 4])
def test_shapes_that_look_alike_are_told_apart(order: tuple[str, ...], entries: int) -> None:
    """With one entry classes, scores and count hold one number each; with four all end in 4."""
    arrays = listed(FOUND[:1], entries)
    outputs = tuple(arrays[role] for role in order)
    assert told(decode_ssd(outputs, detector(("raw",) * 4), SAME)) == EXPECTED[:1]


@pytest.mark.parametrize("order", ORDERS)
def test_lists_without_a_batch_are_told_apart(order: tuple[str, ...]) -> None:
    arrays = {role: array.reshape(array.shape[1:] or ()) for role, array in listed(FOUND).items()
              if role != "count"} | {"count": np.float32(3).reshape(())}  # fmt: skip
    outputs = tuple(arrays[role] for role in order)
    assert told(decode_ssd(outputs, detector(("raw",) * 4), SAME)) == EXPECTED


@pytest.mark.parametrize(
    ("classes", "scores"),
    [
        ([0, 1, 0], [0.9, 0.8, 0.7]),  # classes could be scores, but do not fall
        ([1, 0, 0], [0.9, 0.8, 0.8]),  # classes that fall like scores
        ([2, 2, 2], [1.0, 1.0, 1.0]),  # scores that are whole
        ([0, 1, 1], [1.0, 1.0, 0.0]),  # both whole, both 0..1: the one that falls is the score
    ],
)
@pytest.mark.parametrize("turn", [False, True])
def test_values_tell_classes_from_scores(classes: list, scores: list, turn: bool) -> None:
    arrays = listed([(FOUND[0][0], c, s) for c, s in zip(classes, scores, strict=True)])
    order = ("boxes", "scores", "classes", "count") if turn else ROLES
    found = decode_ssd(tuple(arrays[r] for r in order), detector(("raw",) * 4), SAME)
    named = decode_ssd(tuple(arrays[r] for r in order), detector(order), SAME)
    assert told(found) == told(named)
    assert len(found) > 0


def test_what_no_value_can_tell_is_refused_and_not_guessed() -> None:
    arrays = listed([(FOUND[0][0], 1, 1.0), (FOUND[1][0], 0, 1.0)])
    outputs = tuple(arrays[role] for role in ROLES)
    with pytest.raises(BadDataError, match="cannot tell classes from scores by their values"):
        decode_ssd(outputs, detector(("raw",) * 4), SAME)
    assert len(decode_ssd(outputs, detector(ROLES), SAME)) == 2


@settings(max_examples=60)
@given(
    st.permutations(ROLES),
    st.lists(st.tuples(st.integers(0, 89), st.floats(0.02, 0.98)), max_size=10),
)
def test_any_list_is_read_in_any_order(order: tuple[str, ...], pairs: list) -> None:
    pairs = [(kind, float(np.float32(score))) for kind, score in pairs]
    ranked = sorted(pairs, key=lambda pair: -pair[1])
    arrays = listed([([0.1, 0.1, 0.5, 0.5], kind, score) for kind, score in ranked])
    labels = tuple(f"label {i}" for i in range(90))
    bundle = detector(("raw",) * 4, labels=labels, thresholds=Thresholds(0.0))
    found = decode_ssd(tuple(arrays[role] for role in order), bundle, SAME)
    assert [(d.label, d.score) for d in found] == [
        (f"label {kind}", pytest.approx(score)) for kind, score in ranked
    ]


def test_entries_beyond_the_count_are_not_read() -> None:
    arrays = listed(FOUND)
    arrays["count"][:] = 2
    outputs = tuple(arrays[role] for role in ROLES)
    assert told(decode_ssd(outputs, detector(ROLES), SAME)) == EXPECTED[:2]


def test_a_list_without_a_count_is_read_by_its_scores() -> None:
    arrays = listed(FOUND)
    outputs = tuple(arrays[role] for role in ROLES[:3])
    assert told(decode_ssd(outputs, detector(ROLES[:3]), SAME)) == EXPECTED


def test_a_label_file_may_begin_with_the_background() -> None:
    arrays = listed(FOUND)
    outputs = tuple(arrays[role] for role in ROLES)
    bundle = detector(ROLES, labels=("background", *LABELS), decode=Decode("ssd", background=True))
    assert told(decode_ssd(outputs, bundle, SAME)) == EXPECTED


def test_classes_without_a_name_and_thresholds_of_a_label() -> None:
    arrays = listed([(FOUND[0][0], 2, 0.9), (FOUND[1][0], 7, 0.8), (FOUND[2][0], 0, 0.7)])
    outputs = tuple(arrays[role] for role in ROLES)
    bundle = detector(ROLES, thresholds=Thresholds(0.5, {"person": 0.75}))
    assert [d.label for d in decode_ssd(outputs, bundle, SAME)] == ["class 2", "class 7"]


def test_boxes_return_to_the_frame_and_those_of_the_border_vanish() -> None:
    arrays = listed([([0.25, 0.0, 0.75, 1.0], 0, 0.9), ([0.0, 0.0, 0.2, 1.0], 1, 0.8)])
    outputs = tuple(arrays[role] for role in ROLES)
    letterbox = Geometry(1.0, 0.5, 0.0, 0.25)
    assert told(decode_ssd(outputs, detector(ROLES), letterbox)) == [
        ("person", 0.9, (0.0, 0.0, 1.0, 1.0))
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": np.full((1, 10), 7.0, np.float32)}, "scores of boxes hold 7 to 7"),
        ({"boxes": np.full((1, 10, 4), 300.0, np.float32)}, "boxes reach to 300"),
        ({"boxes": np.zeros((1, 10, 5), np.float32)}, "none is boxes"),
        ({"classes": np.zeros((1, 9), np.float32)}, "no classes and scores of 10 boxes"),
        ({"count": np.array([np.nan], np.float32)}, "count of boxes is nan"),
        ({"count": np.array([0.5], np.float32)}, "count of boxes is 0.5"),
    ],
)
def test_outputs_that_are_no_list_are_refused(change: dict, said: str) -> None:
    arrays = listed(FOUND) | change
    with pytest.raises(BadDataError, match=said):
        decode_ssd(tuple(arrays[role] for role in ROLES), detector(ROLES), SAME)


def test_boxes_that_are_not_numbers_are_dropped() -> None:
    arrays = listed(FOUND)
    arrays["boxes"][0, 0, 2] = np.nan
    outputs = tuple(arrays[role] for role in ROLES)
    assert told(decode_ssd(outputs, detector(ROLES), SAME)) == EXPECTED[1:]


# Raw heads.

SCALES = {"y_scale": 10.0, "x_scale": 8.0, "h_scale": 5.0, "w_scale": 4.0}
ANCHORS = np.array(
    [[(i + 0.5) / 5, (j + 0.5) / 5, h, w] for i in range(5) for j in range(5)
     for h, w in ((0.2, 0.3), (0.4, 0.25))], np.float32
)  # fmt: skip
COUNT = len(ANCHORS)


def head_model(dtype: str = "float32", options: dict | None = SCALES) -> bytes:
    """Return a file that holds the anchors, and the operator that would have read them."""
    scale, zero_point, data = 0.0, 0, ANCHORS.astype("<f4")
    if dtype in ("uint8", "int8"):
        scale, zero_point = 1 / 256, -128 if dtype == "int8" else 0
        data = border.quantise(ANCHORS, dtype, scale, zero_point)
    tensors = [
        Made("encodings", (1, COUNT, 4)),
        Made("scores", (1, COUNT, 4)),
        Made("anchors", (COUNT, 4), dtype, scale, zero_point, data.astype(dtype).tobytes()),
        Made("left", ()),
    ]
    steps = [] if options is None else [Step(POSTPROCESS, (0, 1, 2), (3,), options)]
    return tiny_model(tensors, [0, 1], [0, 1], steps)


def encode(box: tuple[float, ...], at: int, scales: dict[str, float]) -> list[float]:
    """Return what the head says of a box (x0, y0, x1, y1): the inverse of the decoder."""
    ya, xa, ha, wa = ANCHORS[at].tolist()
    x0, y0, x1, y1 = box
    y, x, h, w = (y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0
    return [
        (y - ya) / ha * scales["y_scale"], (x - xa) / wa * scales["x_scale"],
        np.log(h / ha) * scales["h_scale"], np.log(w / wa) * scales["w_scale"],
    ]  # fmt: skip


BOXES = {7: ((0.25, 0.1, 0.65, 0.35), 2, 0.9), 30: ((0.0, 0.5, 0.3, 0.8), 1, 0.7)}


def heads(scales: dict[str, float] = SCALES) -> tuple[np.ndarray, np.ndarray]:
    """Return encodings and scores: background first, two objects, one of them found twice."""
    encodings = np.zeros((1, COUNT, 4), np.float32)
    scores = np.zeros((1, COUNT, 4), np.float32)
    scores[..., 0] = 0.98
    for at, (box, kind, score) in BOXES.items():
        for anchor, less in ((at, 0.0), (at + 1, 0.125)):
            encodings[0, anchor] = encode(box, anchor, scales)
            scores[0, anchor, :] = 0.0
            scores[0, anchor, kind] = score - less
    return encodings, scores


def headed(model: bytes, role: str = "scores", **changes: Any) -> Bundle:
    labels = ("background", "person", "bicycle", "car")
    decode = Decode("ssd", background=True)
    return detector(("boxes", role), model, **({"labels": labels, "decode": decode} | changes))


def check(found, tolerance: float = 1e-5) -> None:
    assert [d.label for d in found] == ["bicycle", "person"]
    for detection, (box, _, score) in zip(found, BOXES.values(), strict=True):
        assert detection.score == pytest.approx(score, abs=tolerance)
        got = (detection.box.x0, detection.box.y0, detection.box.x1, detection.box.y1)
        assert got == pytest.approx(box, abs=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8", "float16"])
def test_heads_are_decoded_with_anchors_of_any_type(dtype: str) -> None:
    tolerance = {"float32": 1e-5, "float16": 1e-3}.get(dtype, 0.01)
    check(decode_ssd(heads(), headed(head_model(dtype)), SAME), tolerance)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_heads_that_were_quantised_give_the_same_boxes(dtype: str) -> None:
    low = 0 if dtype == "uint8" else -128
    encodings, scores = heads()
    scale = float(np.ptp(encodings)) / 255
    zero_point = low + round(-float(encodings.min()) / scale)
    crossed = [
        border.dequantise(border.quantise(array, dtype, s, z), s, z)
        for array, s, z in ((encodings, scale, zero_point), (scores, 1 / 256, low))
    ]
    check(decode_ssd(tuple(crossed), headed(head_model()), SAME), 0.02)


def test_heads_in_the_other_order_are_told_by_role() -> None:
    encodings, scores = heads()
    bundle = headed(head_model())
    turned = replace(bundle, outputs=bundle.outputs[::-1])
    check(decode_ssd((scores, encodings), turned, SAME))


def test_scales_that_the_file_does_not_say_are_the_usual_ones() -> None:
    usual = dict(zip(SCALES, (10.0, 10.0, 5.0, 5.0), strict=True))
    check(decode_ssd(heads(usual), headed(head_model(options=None)), SAME))


def test_logits_take_softmax_with_a_background_and_sigmoid_without() -> None:
    encodings, scores = heads()
    scores[..., 3] += 1 - scores.sum(axis=-1)  # what is left is the car's
    softmax = np.log(np.maximum(scores, 1e-9)) + 5
    check(decode_ssd((encodings, softmax), headed(head_model(), "logits"), SAME), 1e-4)
    alone = np.clip(heads()[1][..., 1:], 1e-6, 1 - 1e-6)
    bundle = headed(head_model(), "logits", labels=("person", "bicycle", "car"),
                    decode=Decode("ssd"))  # fmt: skip
    check(decode_ssd((encodings, np.log(alone / (1 - alone))), bundle, SAME), 1e-4)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("exponential", [False, True])
def test_the_metadata_for_mediapipe_say_how_heads_are_read(
    exponential: bool, background: bool
) -> None:
    """Sigmoids also beside a background, and sizes that may be plain multiples of the anchor's."""
    blob = detector_metadata(ANCHORS, tuple(SCALES.values()), 3, exponential)
    tensors = [Made("encodings", (1, COUNT, 4)), Made("scores", (1, COUNT, 4))]
    model = tiny_model(tensors, [0, 1], [0, 1], metadata={"DETECTOR_METADATA": blob})
    encodings, scores = heads()
    if not exponential:
        unit = np.array([SCALES["h_scale"], SCALES["w_scale"]], np.float32)
        encodings[..., 2:] = np.exp(encodings[..., 2:] / unit) * unit
    alone = np.clip(scores, 1e-6, 1 - 1e-6)
    logits = np.log(alone / (1 - alone))
    bundle = headed(model, "logits")
    if not background:
        logits = logits[..., 1:]
        bundle = replace(bundle, labels=bundle.labels[1:], decode=Decode("ssd"))
    check(decode_ssd((encodings, logits), bundle, SAME), 1e-4)


def test_extreme_encodings_overflow_nothing() -> None:
    encodings, scores = heads()
    encodings[0, 7, 2:] = 1e6
    found = decode_ssd((encodings, scores), headed(head_model()), SAME)
    assert told(found)[0][2] == (0.0, 0.0, 1.0, 1.0)


def test_heads_without_anchors_are_refused_with_what_is_taken() -> None:
    model = tiny_model([Made("encodings", (1, COUNT, 4))], [0], [0])
    with pytest.raises(BadDataError, match=f"holds no anchors of {COUNT} boxes; .*four outputs"):
        decode_ssd(heads(), headed(model), SAME)
    encodings, scores = heads()
    with pytest.raises(BadDataError, match=r"the heads do not fit: boxes \[1, 50, 4\]"):
        decode_ssd((encodings, scores[:, 1:]), headed(head_model()), SAME)

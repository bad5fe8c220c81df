"""Bare detectors: what their outputs are taken for, and which labels suit them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_models import Made, Step, detector_metadata, heads_of, tiny_model

from edge import bundle, metadata, tflite
from edge.bundle.anchors import POSTPROCESS, find_anchors
from edge.errors import BadDataError

COCO = (
    "suites/tflite-support/cc/test/testdata/task/vision/"
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
)
TRAFFIC = "coral/traffic_model.tflite"
FOMO = "openmv/fomo_face_detection.tflite"
IMAGE = Made("image", (1, 64, 64, 3), "uint8", 1 / 128, 128)
LISTED = ((1, 10, 4), (1, 10), (1, 10), (1,))
SOFTMAX, LOGISTIC, CONV = 25, 14, 3


def saved(tmp_path: Path, model: bytes) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    return path


def labels_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text(text)
    return path


def test_a_coco_detector_is_understood_from_its_file(shared: Path) -> None:
    found = bundle.read(shared / "data" / COCO)
    assert [spec.role for spec in found.outputs] == ["boxes", "classes", "scores", "count"]
    assert (len(found.labels), found.labels[16], found.labels[11]) == (90, "cat", "")
    assert not found.decode.background
    assert found.inputs[0].interpolation == "linear"
    assert "scores from 0.5 on are reported" in found.guesses


def test_a_heat_map_is_understood_from_its_file(shared: Path) -> None:
    path = shared / "data" / FOMO
    for labels in (None, path.with_suffix(".txt")):
        found = bundle.read_bare(path, labels)
        assert found.outputs[0].role == "heatmap"
        assert (found.decode.stride_px, found.decode.background) == (8, True)
        assert found.labels == ("background", "face" if labels else "0")
        assert "the output is a heat map of 12 x 12 cells of 8 px" in found.guesses
        assert "label 0 is 'background': it is never reported" in found.guesses


def test_the_states_of_a_recurrent_detector_are_said(shared: Path) -> None:
    found = bundle.read(shared / "data" / TRAFFIC)
    assert found.states == (
        ("raw_inputs/init_lstm_c", "raw_outputs/lstm_c"),
        ("raw_inputs/init_lstm_h", "raw_outputs/lstm_h"),
    )
    said = [guess for guess in found.guesses if "is a state: output" in guess]
    assert len(said) == 2


def test_an_input_that_no_output_repeats_is_no_state(shared: Path, tmp_path: Path) -> None:
    assert bundle.read(shared / "data/coral/split_concat.tflite").states == ()
    tensors = [IMAGE, Made("h", (1, 4)), Made("scores", (1, 3)), Made("h2", (1, 5))]
    model = tiny_model(tensors, [0, 1], [2, 3], [Step(SOFTMAX, (0,), (2,))])
    assert bundle.read(saved(tmp_path, model)).states == ()


COCO_NAMES = [f"thing {i}" for i in range(90)]
# What the label file holds for 90 classes, its line for class 16, whether line 0 is none.
FITTING = {
    "one line a class": ("\n".join(COCO_NAMES), "thing 16", False),
    "the background first": ("\n".join(["background", *COCO_NAMES]), "thing 16", True),
    "??? first, as TensorFlow's own": ("\n".join(["???", *COCO_NAMES]), "thing 16", True),
    "an index before each, with gaps": ("0  person\n16  cat\n89  brush", "cat", False),
    "an index from 1": ("1 person\n17 cat\n90 brush", "cat", True),
    "the last ones missing": ("0 person\n16 cat\n", "cat", False),
    "a label map": (
        "".join(f'item {{\n id: {i}\n name: "n{i}"\n}}\n' for i in (1, 17, 90)), "n17", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FITTING)
def test_labels_with_and_without_background(shared: Path, tmp_path: Path, kind: str) -> None:
    text, label, background = FITTING[kind]
    found = bundle.read_bare(shared / "data" / COCO, labels_file(tmp_path, text))
    assert found.decode.background is background
    assert found.labels[16 + background] == label


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            COCO_NAMES[:80],
            r"80 labels for 90 classes; a class without a name takes a line '\?\?\?'",
        ),
        ([*COCO_NAMES, "one more"], "the first, 'thing 0', is no background"),
        ([*COCO_NAMES, "a", "b"], "92 labels for 90 classes"),
        (["1 a", "200 b"], "201 labels for 90 classes"),
    ],
)
def test_labels_that_would_name_the_wrong_class_are_refused(
    shared: Path, tmp_path: Path, lines: list[str], said: str
) -> None:
    with pytest.raises(BadDataError, match=said):
        bundle.read_bare(shared / "data" / COCO, labels_file(tmp_path, "\n".join(lines)))


def listed_model(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> bytes:
    tensors = [IMAGE, *(Made(n, s) for n, s in zip(names, shapes, strict=True))]
    outputs = tuple(range(1, len(tensors)))
    return tiny_model(tensors, [0], outputs, [Step("some-nms", (0,), outputs)])


@pytest.mark.parametrize(
    ("names", "shapes", "roles"),
    [
        (("detection_scores", "num_detections", "detection_boxes", "detection_classes"),
         (LISTED[2], LISTED[3], LISTED[0], LISTED[1]), ["scores", "count", "boxes", "classes"]),
        (("location", "category", "score"), LISTED[:3], ["boxes", "classes", "scores"]),
        (("a", "b", "c", "d"), (LISTED[3], LISTED[1], LISTED[0], LISTED[1]), ["raw"] * 4),
        (("class_box", "b", "c", "d"), LISTED, ["raw"] * 4),
    ],
)  # fmt: skip
def test_a_list_of_boxes_from_another_operator(tmp_path, names, shapes, roles: list[str]) -> None:
    found = bundle.read(saved(tmp_path, listed_model(names, shapes)))
    assert (found.task, found.decode.decoder) == ("detect", "ssd")
    assert [spec.role for spec in found.outputs] == roles
    how = "by shape and value" if "raw" in roles else "by their names"
    assert any(f"told from each other {how}" in guess for guess in found.guesses)


def test_metadata_name_the_outputs_of_a_list(tmp_path: Path) -> None:
    described = metadata.Metadata(
        inputs=(metadata.TensorInfo("image"),),
        outputs=tuple(map(metadata.TensorInfo, ("score", "location", "number of detections",
                                                "category"))),
    )  # fmt: skip
    shapes = (LISTED[1], LISTED[0], LISTED[3], LISTED[1])
    model = metadata.write_metadata(listed_model(("a", "b", "c", "d"), shapes), described)
    found = bundle.read(saved(tmp_path, model))
    assert [spec.role for spec in found.outputs] == ["scores", "boxes", "count", "classes"]


ANCHORS = np.linspace(0.1, 0.9, 80, dtype=np.float32).reshape(20, 4)


def head_model(made_by: int | str = CONV, slices: int = 4, anchors: int = 1, **more) -> bytes:
    constants = [Made(f"anchors {i}", (20, 4), data=ANCHORS.tobytes()) for i in range(anchors)]
    tensors = [IMAGE, Made("e", (1, 20, 4)), Made("s", (1, 20, slices)), *constants]
    return tiny_model(tensors, [0], [1, 2], [Step(made_by, (0,), (1, 2))], **more)


@pytest.mark.parametrize(
    ("made_by", "role"), [(LOGISTIC, "scores"), (SOFTMAX, "scores"), (CONV, "logits")]
)
def test_raw_heads_with_anchors_in_the_file(tmp_path: Path, made_by: int, role: str) -> None:
    model = saved(tmp_path, head_model(made_by, slices=3))
    found = bundle.read_bare(model, labels_file(tmp_path, "cat\ndog"))
    assert [spec.role for spec in found.outputs] == ["boxes", role]
    assert (found.decode.background, found.labels) == (True, ("background", "cat", "dog"))
    assert any("scales 10, 10, 5, 5, as is usual" in guess for guess in found.guesses)
    found = bundle.read_bare(model, labels_file(tmp_path, "cat\ndog\nbird"))
    assert (found.decode.background, found.labels) == (False, ("cat", "dog", "bird"))


@pytest.mark.parametrize("anchors", [0, 2])
def test_heads_without_anchors_or_with_doubtful_ones_are_not_guessed(tmp_path, anchors) -> None:
    found = bundle.read(saved(tmp_path, head_model(slices=3, anchors=anchors)))
    assert (found.task, found.decode.decoder) == ("raw", "none")


def test_three_classes_and_a_background_are_four_like_the_sides_of_a_box(
    shared: Path, tmp_path: Path
) -> None:
    """The heads of a real detector, both [1, 26880, 4]; its scores come out of a LOGISTIC."""
    cut = heads_of((shared / "data" / TRAFFIC).read_bytes())
    for turn in (1, -1):
        model = tflite.with_outputs(cut, tflite.read(cut).outputs[::turn])
        found = bundle.read(saved(tmp_path, model))
        assert {spec.shape for spec in found.outputs} == {(1, 26880, 4)}
        assert [spec.role for spec in found.outputs] == ["boxes", "scores"][::turn]
        assert found.labels == ("background", "0", "1", "2")
        assert "the first of 4 scores is taken for the background's" in found.guesses


@pytest.mark.parametrize(
    ("names", "roles"),
    [(("e", "class_scores"), ["boxes", "logits"]), (("scores", "e"), ["logits", "boxes"])],
)
def test_names_tell_heads_apart_that_nothing_else_does(tmp_path, names, roles) -> None:
    anchors = Made("anchors", (20, 4), data=ANCHORS.tobytes())
    tensors = [IMAGE, *(Made(name, (1, 20, 4)) for name in names), anchors]
    model = tiny_model(tensors, [0], [1, 2], [Step(CONV, (0,), (1, 2))])
    found = bundle.read(saved(tmp_path, model))
    assert [spec.role for spec in found.outputs] == roles


def test_anchors_in_the_metadata_for_mediapipe(tmp_path: Path) -> None:
    blob = detector_metadata(ANCHORS, (1.5, 2.0, 2.5, 3.0), 3)
    model = head_model(slices=3, anchors=0, metadata={"DETECTOR_METADATA": blob})
    anchors = find_anchors(model, 20, 3)
    assert anchors is not None
    assert np.array_equal(anchors.boxes, ANCHORS)
    assert (anchors.scales, anchors.stated) == ((1.5, 2.0, 2.5, 3.0), True)
    assert (anchors.exponential, anchors.sigmoid, anchors.background) == (True, True, False)
    found = bundle.read_bare(saved(tmp_path, model), labels_file(tmp_path, "a\nb\nc"))
    assert [spec.role for spec in found.outputs] == ["boxes", "logits"]
    assert any("scales 1.5, 2, 2.5, 3" in guess for guess in found.guesses)


def test_damaged_anchors_are_refused_and_never_worse(tmp_path: Path) -> None:
    blob = detector_metadata(ANCHORS, (1.0, 1.0, 1.0, 1.0), 3)
    refused = 0
    for at in range(0, len(blob) - 4, 4):
        for value in (0, 1, 2**31, 2**32 - 1):
            broken = bytearray(blob)
            struct.pack_into("<I", broken, at, value)
            model = head_model(slices=3, anchors=0, metadata={"DETECTOR_METADATA": bytes(broken)})
            try:
                find_anchors(model, 20, 3)
            except BadDataError:
                refused += 1
    assert refused > 50


@pytest.mark.parametrize("options", [b"\x01", b"\xff" * 40, bytes(3), b"\x02\x04\x01"])
def test_damaged_options_of_an_operator_are_refused(options: bytes) -> None:
    op = tflite.Operator(7, POSTPROCESS, True, 1, (), (), {}, options)
    with pytest.raises(BadDataError, match=r"operator 7 \(TFLite_Detection_PostProcess\): its"):
        tflite.read_numbers(op)


def test_options_of_real_detectors(shared: Path) -> None:
    graph = tflite.read((shared / "data" / COCO).read_bytes())
    (op,) = [op for op in graph.operators if op.op == POSTPROCESS]
    numbers = tflite.read_numbers(op)
    assert (numbers["num_classes"], numbers["y_scale"], numbers["h_scale"]) == (90, 10, 5)
    assert numbers["nms_iou_threshold"] == pytest.approx(0.6)
    assert tflite.read_numbers(graph.operators[0]) == {}


def map_model(maker: int, shape: tuple[int, ...]) -> bytes:
    return tiny_model([IMAGE, Made("m", shape)], [0], [1], [Step(maker, (0,), (1,))])


@pytest.mark.parametrize(
    ("maker", "shape", "labels", "role", "background"),
    [
        (SOFTMAX, (1, 8, 8, 3), "", "heatmap", True),
        (SOFTMAX, (1, 8, 8, 3), "a\nb", "heatmap", True),
        (LOGISTIC, (1, 8, 8, 3), "", "heatmap", False),
        (LOGISTIC, (1, 8, 8, 3), "a\nb\nc", "heatmap", False),
        (LOGISTIC, (1, 8, 8, 3), "background\nb\nc", "heatmap", True),
        (CONV, (1, 8, 8, 3), "a\nb", "logits", True),
    ],
)
def test_heat_maps_of_every_kind(tmp_path, maker, shape, labels, role, background) -> None:
    named = labels_file(tmp_path, labels) if labels else None
    found = bundle.read_bare(saved(tmp_path, map_model(maker, shape)), named)
    assert (found.decode.decoder, found.outputs[0].role) == ("centroid", role)
    assert (found.decode.background, len(found.labels)) == (background, 3)


@pytest.mark.parametrize(
    "model",
    [
        map_model(CONV, (1, 8, 8, 18)),  # YOLO's maps of anchors
        map_model(SOFTMAX, (1, 32, 32, 21)),  # a segmentation
        map_model(SOFTMAX, (1, 7, 7, 3)),  # no whole stride
        map_model(CONV, (1, 84, 1024)),  # YOLO's list of all cells
        listed_model(("a", "b", "c"), LISTED[:3]),
    ],
)
def test_what_no_decoder_takes_is_raw(tmp_path: Path, model: bytes) -> None:
    found = bundle.read(saved(tmp_path, model))
    assert (found.task, found.decode.decoder) == ("raw", "none")

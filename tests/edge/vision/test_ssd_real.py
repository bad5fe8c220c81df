"""Real detectors: their outputs in any order, as bundles, and against published boxes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from ssd_cases import ORDERS, ROLES, told
from tiny_models import heads_of

from edge import bundle as bundles
from edge import tflite
from edge.bundle import Bundle, Thresholds
from edge.errors import BadDataError
from edge.infer.cpu import open_cpu
from edge.infer.runtime import pick
from edge.overlap import iou
from edge.vision import DECODERS
from edge.vision.geometry import SAME, Geometry
from edge.vision.prepare import prepare
from edge.vision.ssd import decode_ssd

VISION = "suites/tflite-support/cc/test/testdata/task/vision"
COCO = f"{VISION}/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
HEAD_LAYERS = "coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite"


@pytest.mark.parametrize("turned", ORDERS)
def test_a_real_file_with_its_outputs_in_any_order(
    turned: tuple[str, ...], shared: Path, tmp_path: Path
) -> None:
    """The tail of a real detector, whose file lists the operator's outputs in another order."""
    original = bundles.read(shared / "data" / HEAD_LAYERS)
    outputs = tflite.read(original.model).outputs
    order = [outputs[ROLES.index(role)] for role in turned]
    path = tmp_path / "turned.tflite"
    path.write_bytes(tflite.with_outputs(original.model, order))
    bundle = bundles.read(path)
    assert tuple(spec.role for spec in bundle.outputs) == turned
    rng = np.random.default_rng(3)
    given = [
        (rng.integers(0, 256, spec.shape[1:]) - spec.zero_point).astype(np.float32) * spec.scale
        for spec in bundle.inputs
    ]
    arrays = open_cpu(bundle, pick()).infer(given)
    wanted = decode_ssd(open_cpu(original, pick()).infer(given), original, SAME)
    unnamed = replace(bundle, outputs=tuple(replace(o, role="raw") for o in bundle.outputs))
    assert len(wanted) > 5
    for read in (bundle, unnamed):
        assert told(decode_ssd(arrays, read, SAME)) == told(wanted)


@pytest.mark.train  # where bundles are written
def test_a_published_detector_becomes_a_bundle_and_says_the_same(
    shared: Path, tmp_path: Path
) -> None:
    bare = bundles.read(shared / "data" / COCO)
    cut = tmp_path / "heads.tflite"
    cut.write_bytes(heads_of(bare.model))
    picture = shared / "data" / VISION / "cats_and_dogs.jpg"
    for foreign in (bare, bundles.read(cut)):
        written = bundles.write(foreign, tmp_path / "bundle", {})
        assert written.decode == foreign.decode
        found = [decode_ssd(answers(b, picture)[0], b, SAME) for b in (foreign, written)]
        assert told(found[0]) == told(found[1])
        assert len(found[0]) >= 3


def test_states_are_no_part_of_a_bundle(shared: Path, tmp_path: Path) -> None:
    recurrent = bundles.read(shared / "data/coral/traffic_model.tflite")
    with pytest.raises(BadDataError, match="format 1 has no word for states"):
        bundles.write(recurrent, tmp_path / "bundle", {})


def answers(bundle: Bundle, picture: Path) -> tuple[tuple[Any, ...], Geometry]:
    prepared = prepare(cv2.imread(str(picture)), bundle.inputs[0])
    return open_cpu(bundle, pick()).infer((prepared.pixels,)), prepared.geometry


def test_the_published_boxes_of_a_coco_detector(shared: Path) -> None:
    """Of tflite-support's own test; the runtimes' rounding moves scores by up to 3 steps of 256."""
    golden = json.loads((shared / "data/suites/tflite-support/golden_vision.json").read_text())[0]
    folder = shared / "data" / VISION
    bundle = bundles.read(folder / golden["model"])
    outputs, geometry = answers(bundle, folder / golden["image"])
    found = DECODERS[bundle.decode.decoder](outputs, bundle, geometry)
    assert [d.label for d in found] == [r["label"] for r in golden["results"]]
    for detection, wanted in zip(found, golden["results"], strict=True):
        assert detection.score == pytest.approx(wanted["score"], abs=3.5 / 256)
        x, y, w, h = wanted["box_xywh"]
        box = detection.box
        got = np.array([[box.x0 * 1200, box.y0 * 600, box.x1 * 1200, box.y1 * 600]])
        assert iou(got, np.array([[x, y, x + w, y + h]]))[0, 0] > 0.95


def test_own_decoding_of_real_heads_equals_the_operators(shared: Path, tmp_path: Path) -> None:
    """The same detector cut before its last operator: uint8 heads, uint8 anchors in the file."""
    whole = bundles.read(shared / "data" / COCO)
    path = tmp_path / "heads.tflite"
    path.write_bytes(heads_of(whole.model))
    cut = bundles.read_bare(path)
    assert [spec.role for spec in cut.outputs] == ["boxes", "scores"]
    assert cut.decode.decoder == "ssd"
    assert (cut.decode.background, cut.labels[17]) == (True, "cat")
    assert any("1917 boxes are decoded with the anchors in the file" in g for g in cut.guesses)
    picture = shared / "data" / VISION / "cats_and_dogs.jpg"
    low = Thresholds(0.4)
    results = []
    for bundle in (whole, replace(cut, decode=replace(cut.decode, nms_iou=0.6))):
        outputs, geometry = answers(bundle, picture)
        results.append(decode_ssd(outputs, replace(bundle, thresholds=low), geometry))
    theirs, ours = results
    assert len(theirs) >= 6
    # the operator suppresses across classes, the decoder within each
    agnostic = [
        d for i, d in enumerate(ours)
        if not any(iou(corners(d), corners(better))[0, 0] > 0.6 for better in ours[:i])
    ]  # fmt: skip
    assert [d.label for d in agnostic] == [d.label for d in theirs]
    for a, b in zip(theirs, agnostic, strict=True):
        assert b.score == pytest.approx(a.score, abs=1e-6)
        assert corners(b) == pytest.approx(corners(a), abs=1e-4)


def corners(detection) -> np.ndarray:
    box = detection.box
    return np.array([[box.x0, box.y0, box.x1, box.y1]])

"""Every model that the shared data's manifest marks runnable gives what the manifest says.

The classifiers of pictures and the broken models have their tests beside `edge run`'s.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from manifest import NAMED, VWW, is_broken, models, readable
from tiny_models import heads_of

from edge import bundle as bundles
from edge.bundle import Thresholds
from edge.errors import BadDataError
from edge.infer.cpu import open_cpu
from edge.infer.runtime import pick
from edge.overlap import iou
from edge.recognizer import open_recognizer
from edge.vision.geometry import SAME
from edge.vision.ssd import decode_ssd

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = pick()
DEADLINE_S = 120.0
TRAFFIC = "coral/traffic_model.tflite"
EMBEDDER = "tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite"
FOMO = "openmv/fomo_face_detection.tflite"
STEP = 1 / 256  # of a score; the runtimes' rounding adds up over layers
Answer = Callable[..., tuple[np.ndarray, ...]]


def raw(data: Path, name: str, **image: Any) -> Answer:
    """Return how a bare model answers real tensors, or pictures where `image` says how."""
    bundle = bundles.read(data / name)
    changes = image or {"kind": "tensor"}
    inputs = tuple(replace(spec, **changes) for spec in bundle.inputs)
    backend = open_cpu(replace(bundle, inputs=inputs), RUNTIME)
    return lambda *values: backend.infer(values)


def run(*words: object) -> list[dict[str, Any]]:
    """Run `edge run` and return its scenes."""
    done = subprocess.run(
        [sys.executable, "-c", "from edge.cli import main; main()", "-q", "run",
         *map(str, words), "--no-window", "--jsonl", "-"],
        capture_output=True, text=True, timeout=DEADLINE_S,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def pixels(path: Path, size: int) -> np.ndarray:
    small = cv2.resize(readable(path), (size, size), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1])


def random(seed: int, low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def distribution(answers: Sequence[np.ndarray], classes: int) -> None:
    """Check scores that nobody published: shares of one, and not the same whatever comes in."""
    for answer in answers:
        assert answer.shape == (1, classes)
        assert answer.sum() == pytest.approx(1.0, abs=0.05)
        assert answer.min() >= 0
    assert not np.array_equal(answers[0], answers[1])


def traffic(data: Path, tmp_path: Path) -> None:
    """Top scores of three frames in a row, through the states; the manifest's count is 40."""
    frames = data / "coral/traffic_frames"
    scenes = run(data / TRAFFIC, "--source", frames, "--threshold", 0)
    assert [len(scene["detections"]) for scene in scenes] == pytest.approx([40] * 3, abs=2)
    best = [scene["detections"][0] for scene in scenes]
    assert [d["score"] for d in best] == pytest.approx([0.414, 0.480, 0.414], abs=7 * STEP)
    assert {d["label"] for d in best} == {"1"}
    corners = [np.array([d["box"]]) for d in best]
    assert all(iou(a, b)[0, 0] > 0.6 for a, b in itertools.pairwise(corners))


def fomo(data: Path, tmp_path: Path) -> None:
    """The largest score of a face on each picture, and whose is below a half."""
    wanted = {
        "openmv/person.bmp": 0.996, "coral/images/grace_hopper.bmp": 0.996,
        "coral/images/face.jpg": 0.984, "openmv/faces.bmp": 0.52, "coral/images/cat.bmp": 0.289,
    }  # fmt: skip
    for index, name in enumerate(wanted):
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), readable(data / name))
    labels = (data / FOMO).with_suffix(".txt")
    scenes = run(data / FOMO, "--labels", labels, "--source", tmp_path, "--threshold", 0.05)
    best = [max((d["score"] for d in s["detections"]), default=0.0) for s in scenes]
    assert all(d["label"] == "face" for s in scenes for d in s["detections"])
    assert best[:3] == pytest.approx(list(wanted.values())[:3], abs=5 * STEP)
    assert 0.4 < best[3] < 0.7
    assert best[4] < 0.4


def ssd_heads(data: Path, tmp_path: Path) -> None:
    """Twelve feature maps in: the operator's boxes are those decoded here from the same heads."""
    name = "coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite"
    whole = bundles.read(data / name)
    path = tmp_path / "heads.tflite"
    path.write_bytes(heads_of(whole.model))
    low = Thresholds(0.3)
    cut = replace(bundles.read(path), thresholds=low)
    cut = replace(cut, decode=replace(cut.decode, nms_iou=1.0))
    rng = np.random.default_rng(3)
    given = [
        (rng.integers(0, 256, spec.shape[1:]) - spec.zero_point).astype(np.float32) * spec.scale
        for spec in whole.inputs
    ]
    theirs = decode_ssd(open_cpu(whole, RUNTIME).infer(given), replace(whole, thresholds=low), SAME)
    ours = decode_ssd(open_cpu(cut, RUNTIME).infer(given), cut, SAME)
    corners = np.array([[d.box.x0, d.box.y0, d.box.x1, d.box.y1] for d in ours])
    assert len(theirs) == 20
    for detection in theirs:
        box = detection.box
        near = np.abs(corners - (box.x0, box.y0, box.x1, box.y1)).max(axis=1) < 1e-3
        assert any(ours[i].score == pytest.approx(detection.score) for i in np.flatnonzero(near))


def split_concat(data: Path, tmp_path: Path) -> None:
    """It only moves channels: [a0 a1 a2 | b | c0 c1] leaves as a0, a2, c0, a1 and (b, c1)."""
    a, b, c = (random(i, -0.9, 0.9, 8, 8, depth) for i, depth in enumerate((3, 1, 2)))
    steps = [np.trunc(x * 128 + np.copysign(0.5, x)) / 128 for x in (a, b, c)]
    a, b, c = steps
    wanted = (a[..., :1], a[..., 2:], c[..., :1], a[..., 1:2], np.concatenate([b, c[..., 1:]], -1))
    for got, channels in zip(raw(data, "coral/split_concat.tflite")(*steps), wanted, strict=True):
        assert np.array_equal(got[0], channels.astype(np.float32))


def anomaly(data: Path, tmp_path: Path) -> None:
    answer = raw(data, "mlperf-tiny/ad01_int8.tflite")
    sound = np.fromfile(data / "mlperf-tiny/normal_id_01_00000000_hist_librosa.bin", "<f4")
    rows = sound.reshape(200, 128)
    windows = [rows[i : i + 5].reshape(-1) for i in range(196)]
    errors = [np.square(answer(window)[0][0] - window).mean() for window in windows]
    assert np.mean(errors) == pytest.approx(10.27, abs=0.02)


def keywords(name: str) -> Callable[[Path, Path], None]:
    def check(data: Path, tmp_path: Path) -> None:
        answer = raw(data, name)
        distribution([answer(random(i, -100, 40, 49, 10, 1))[0] for i in range(3)], 12)

    return check


def person_float(data: Path, tmp_path: Path) -> None:
    """The float twin of the int8 model, on the same pictures: it takes 0..1."""
    answer = raw(data, "mlperf-tiny/vww_96_float.tflite", mean=(0.0,), std=(255.0,))
    for picture, label in NAMED[VWW].items():
        (scores,) = answer(pixels(data / picture, 96))
        assert ("no_person", "person")[int(scores.argmax())] == label


def smallest(data: Path, tmp_path: Path) -> None:
    answer = raw(data, "openmv/force_int_quant.tflite")
    values = [answer(random(i, -1, 1, 36))[0] for i in range(3)]
    assert all(value.shape == (1, 1) and np.isfinite(value).all() for value in values)
    assert len({float(value[0, 0]) for value in values}) == 3


def embedder(data: Path, tmp_path: Path) -> None:
    """Two files of one photo lie together, other photos apart."""
    answer = raw(data, EMBEDDER, mean=(0.0,), std=(255.0,))
    pictures = ("cat.bmp", "cat_720p.jpg", "parrot.jpg", "hot_dog.jpg")
    vectors = [answer(pixels(data / "coral/images" / p, 96))[0][0] for p in pictures]
    assert all(vector.shape == (1280,) for vector in vectors)
    unit = np.array([vector / np.linalg.norm(vector) for vector in vectors])
    cosines = unit @ unit.T
    assert cosines[0, 1] > 0.97
    assert cosines[0, 2:].max() < 0.6


def sine(name: str, tolerance: float) -> Callable[[Path, Path], None]:
    def check(data: Path, tmp_path: Path) -> None:
        answer = raw(data, name)
        for angle in np.linspace(0, 2 * np.pi, 50):
            (value,) = answer(np.array([angle], np.float32))
            assert value[0, 0] == pytest.approx(np.sin(angle), abs=tolerance)

    return check


def speech(data: Path, tmp_path: Path) -> None:
    answer = raw(data, "tflite-micro/micro_speech_quantized.tflite")
    distribution([answer(random(i, 0, 26, 1960))[0] for i in range(3)], 4)


def addition(data: Path, tmp_path: Path) -> None:
    answer = raw(data, "tflite-micro/simple_add_model.tflite")
    a, b = random(1, -3, 3, 128, 128, 1), random(2, -3, 3, 128, 128, 1)
    (total,) = answer(a, b)
    assert np.abs(total[0] - (a + b)).max() <= (0.0408 + 0.0413 + 0.0584) / 2  # half a step each


def digits(data: Path, tmp_path: Path) -> None:
    for digit in range(10):
        answer = raw(data, "tflite-micro/trained_lstm_int8.tflite")  # a stream: each begins anew
        picture = cv2.imread(str(data / f"tflite-micro/mnist/sample{digit}.png"), 0)
        (scores,) = answer((picture / 255).astype(np.float32))
        assert int(scores.argmax()) == digit
        assert scores.max() > 0.85


KWS, KWS_FLOAT = "mlperf-tiny/kws_ref_model.tflite", "mlperf-tiny/kws_ref_model_float32.tflite"
SINE, SINE_FLOAT = "tflite-micro/hello_world_int8.tflite", "tflite-micro/hello_world_float.tflite"
CASES: dict[str, Callable[[Path, Path], None]] = {
    "coral/split_concat.tflite": split_concat,
    "coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite": ssd_heads,
    TRAFFIC: traffic,
    "mlperf-tiny/ad01_int8.tflite": anomaly,
    KWS: keywords(KWS),
    KWS_FLOAT: keywords(KWS_FLOAT),
    "mlperf-tiny/vww_96_float.tflite": person_float,
    FOMO: fomo,
    "openmv/force_int_quant.tflite": smallest,
    EMBEDDER: embedder,
    SINE: sine(SINE, 0.13),
    SINE_FLOAT: sine(SINE_FLOAT, 0.05),
    "tflite-micro/micro_speech_quantized.tflite": speech,
    "tflite-micro/simple_add_model.tflite": addition,
    "tflite-micro/trained_lstm_int8.tflite": digits,
}  # fmt: skip


def test_no_runnable_model_is_without_a_test(shared: Path) -> None:
    found = models(shared / "data")
    assert len(found) > 20
    runnable = {name for name, notes in found.items() if not is_broken(notes)}
    assert all("tfl214: runs" in found[name] for name in runnable)
    assert runnable == set(CASES) | set(NAMED)
    assert not set(CASES) & set(NAMED)


@pytest.mark.parametrize("name", CASES)
def test_a_runnable_model_gives_what_the_manifest_says(
    name: str, shared: Path, tmp_path: Path
) -> None:
    CASES[name](shared / "data", tmp_path)


def test_the_published_class_of_another_classifier(shared: Path) -> None:
    """Of tflite-support's own test, whose labels lie in the file: cheeseburger at 0.96."""
    vision = shared / "data/suites/tflite-support"
    golden = json.loads((vision / "golden_vision.json").read_text())[1]
    folder = vision / "cc/test/testdata/task/vision"
    with open_recognizer(folder / golden["model"], runtime=RUNTIME.name) as recognizer:
        found = recognizer(cv2.imread(str(folder / golden["image"]))).detections
    assert found[0].label == golden["results"][0]["label"]
    assert found[0].score == pytest.approx(golden["results"][0]["score"], abs=0.05)


REFUSED = {
    EMBEDDER: "no decoder takes what",
    "suites/tinyengine/assets/detection.tflite": r"gives: 1806 float32 \[1, 4, 5, 18\], 1807 ",
    "suites/tflite-support/cc/test/testdata/task/vision/deeplabv3.tflite": "Decoder classify takes",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_picture_model_that_no_decoder_takes_is_refused(name: str, shared: Path) -> None:
    with pytest.raises(BadDataError, match=REFUSED[name]) as raised:
        open_recognizer(shared / "data" / name, runtime=RUNTIME.name)
    for decoder in ("classify", "ssd", "centroid", "boxes"):
        assert f"{decoder} takes" in str(raised.value)

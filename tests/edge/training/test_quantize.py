"""A Keras model becomes a bundle that answers as it did, or one line says why not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import KINDS, toy_pictures, write_folders

from edge import bundle as bundles
from edge import tflite
from edge.bundle import Bundle, Input, Interval, Score
from edge.errors import BadDataError, EdgeError
from edge.infer.cpu import open_cpu
from edge.infer.runtime import available, build
from edge.metadata import read_metadata
from edge.training.drop import Comparison
from edge.training.quantize import Report, quantize

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

PIXELS, NUMBERS = toy_pictures(120, seed=2)
CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def test_the_bundle_reads_back_with_all_that_the_device_needs(
    quantized: tuple[Bundle, Report],
) -> None:
    bundle = bundles.read(quantized[0].folder or "")
    assert (bundle.name, bundle.task, bundle.labels) == ("kinds", "classify", KINDS)
    (image,), (scores,) = bundle.inputs, bundle.outputs
    assert (image.name, image.kind, image.dtype, image.color) == ("image", "image", "int8", "rgb")
    assert (image.mean, image.std) == ((127.5,), (127.5,))
    assert image.scale == pytest.approx(2 / 255, rel=1e-3)
    assert (scores.name, scores.role, scores.shape) == ("scores", "scores", (1, 3))
    assert (scores.scale, scores.zero_point) == (1 / 256, -128)
    assert bundle.decode.decoder == "classify"
    assert bundle.requires["macs"] > 10_000
    assert {"litert_min", "tflite_runtime_min", "arena_lower_bound_bytes"} < set(bundle.requires)
    signature = tflite.read(bundle.model).signature
    assert signature is not None
    assert (list(signature.inputs), list(signature.outputs)) == (["image"], ["scores"])


def test_metadata_inside_carry_labels_and_normalisation(quantized: tuple[Bundle, Report]) -> None:
    metadata = read_metadata(quantized[0].model)
    assert metadata is not None
    assert metadata.outputs[0].labels == KINDS
    assert (metadata.inputs[0].mean, metadata.inputs[0].std) == ((127.5,), (127.5,))


def test_int8_is_as_good_as_float_on_class_folders(quantized: tuple[Bundle, Report]) -> None:
    score = quantized[0].score
    assert score is not None
    assert score.metric == "top1"
    assert score.float.n == score.int8.n == 120
    assert score.float.value > 0.9
    assert score.int8.value > score.float.value - 0.05
    comparison = quantized[1].comparison
    assert comparison is not None
    assert comparison.drop.value == pytest.approx(score.float.value - score.int8.value)


def test_the_score_is_that_of_the_written_bundle(quantized: tuple[Bundle, Report]) -> None:
    backend = open_cpu(quantized[0], available()[0])
    answers = [int(backend.infer([p])[0].argmax()) for p in PIXELS]
    backend.close()
    assert quantized[0].score is not None
    assert np.mean(answers == NUMBERS) == pytest.approx(quantized[0].score.int8.value)


def test_golden_vectors_hold_on_every_runtime_and_move(quantized: tuple[Bundle, Report]) -> None:
    bundle = quantized[0]
    golden = bundles.load_golden(bundle)
    assert bundle.golden["count"] == 8
    assert 2 <= bundle.golden["max_abs_diff"] <= 8
    assert np.ptp(golden.outputs[0].astype(int), axis=0).max() > 100
    for resolver, allowed in (("reference", 0), ("default", bundle.golden["max_abs_diff"])):
        interpreter = build(available()[0], bundle.model, resolver=resolver)  # type: ignore[arg-type]
        for given, wanted in zip(golden.inputs[0], golden.outputs[0], strict=True):
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
            interpreter.invoke()
            got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
            assert np.abs(got.astype(int) - wanted).max() <= allowed


def test_golden_vectors_are_no_pictures_of_the_user(quantized: tuple[Bundle, Report]) -> None:
    golden = bundles.load_golden(quantized[0]).inputs[0][:, 0].astype(int)
    pictures = PIXELS.astype(int) - 128
    assert np.abs(golden[:, None] - pictures[None]).mean(axis=(2, 3, 4)).min() > 10


def test_what_was_found_out_is_said(quantized: tuple[Bundle, Report]) -> None:
    text = "\n".join(quantized[1].notes)
    assert "-1..1 fits the first BatchNormalization best" in text
    assert "labels are the class folders" in text
    assert [p.output for p in quantized[1].parity] == ["scores"] * len(available())


def test_a_keras_2_file_with_plain_pixels(shared: Path, tmp_path: Path) -> None:
    """The public CIFAR-10 ResNet-8, which saw pixels 0..255 and does not say so."""
    import cv2

    pixels = np.stack([cv2.resize(p, (32, 32)) for p in PIXELS[:60]])
    found: list[Report] = []
    bundle = quantize(
        shared / "data/mlperf-tiny/pretrainedResnet.h5", pixels, tmp_path / "resnet",
        labels=CIFAR10, report=found.append,
    )  # fmt: skip
    assert (bundle.inputs[0].mean, bundle.inputs[0].std) == ((0.0,), (1.0,))
    assert (bundle.inputs[0].scale, bundle.inputs[0].zero_point) == (1.0, -128)
    assert bundle.requires["macs"] == 12_501_632  # as published for this model
    assert bundle.score is None
    assert "no labelled data: float and int8 were not compared by score" in found[0].notes
    backend = open_cpu(bundle, available()[0])
    cat = cv2.imread(str(shared / "data/coral/images/cat.bmp"))
    edge = min(cat.shape[:2])
    top, left = (cat.shape[0] - edge) // 2, (cat.shape[1] - edge) // 2
    middle = cat[top : top + edge, left : left + edge]
    square = cv2.resize(middle, (32, 32), interpolation=cv2.INTER_AREA)
    scores = backend.infer([np.ascontiguousarray(square[..., ::-1])])[0]
    backend.close()
    assert CIFAR10[int(scores.argmax())] == "cat"


def test_several_tensors_a_uint8_border_and_own_words(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    first, second = keras.Input((6,), name="sound"), keras.Input((4,), name="motion")
    x = layers.Dense(16, activation="relu")(layers.Concatenate()([first, second]))
    model = keras.Model(
        [first, second], [layers.Dense(5, name="z")(x), layers.Dense(2, name="a")(x)]
    )
    rng = np.random.default_rng(1)
    data = {
        n: rng.normal(size=(40, s)).astype(np.float32) for n, s in (("motion", 4), ("sound", 6))
    }
    bundle = quantize(
        model, data, tmp_path / "Two Sensors-1", io="uint8", roles={"a": "logits"}, version=7,
        counts={"train": 40}, golden_count=5, golden_pictures=2, license="MIT",
    )  # fmt: skip
    assert (bundle.name, bundle.version, bundle.license) == ("two_sensors_1", 7, "MIT")
    assert [(i.name, i.kind, i.dtype) for i in bundle.inputs] == [
        ("sound", "tensor", "uint8"), ("motion", "tensor", "uint8"),
    ]  # fmt: skip
    assert [(o.name, o.role, o.dtype) for o in bundle.outputs] == [
        ("z", "raw", "uint8"), ("a", "logits", "uint8"),
    ]  # fmt: skip
    assert (bundle.task, bundle.decode.decoder, bundle.golden["count"]) == ("raw", "none", 5)
    assert dict(bundle.data) == {"train": 40}
    own = bundles.load_golden(bundle).inputs[0][3:, 0].astype(float)
    spec = bundle.inputs[0]
    assert np.allclose((own[0] - spec.zero_point) * spec.scale, data["sound"][0], atol=spec.scale)


IMAGE = Input("image", "image", (1, 24, 24, 3), "int8", 0.0, 0, mean=(0.0,), std=(255.0,))


@pytest.mark.parametrize(("options", "expected"), [
    ({"labels": ("a", "b")}, "2 labels; the model has 3 classes"),
    ({"inputs": (IMAGE, IMAGE)}, "2 inputs described; the model has 1"),
    ({"inputs": (replace(IMAGE, shape=(1, 9, 9, 3)),)}, "is described as [1, 9, 9, 3]"),
    ({"roles": {"boxes": "boxes"}}, "no output 'boxes'; the model's outputs: scores"),
])  # fmt: skip
def test_words_that_do_not_fit_the_model_are_refused(
    classifier: Any, tmp_path: Path, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(BadDataError) as caught:
        quantize(classifier, PIXELS, tmp_path / "out", **options)
    assert expected in caught.value.faults[0]
    assert list(tmp_path.iterdir()) == []


def test_a_range_that_nobody_told_is_checked_against_what_training_saw(
    classifier: Any, tmp_path: Path
) -> None:
    with pytest.raises(BadDataError, match=r"training saw pixels as -1\.\.1"):
        quantize(classifier, PIXELS.astype(np.float32), tmp_path / "out")


def test_a_range_that_was_told_is_checked_against_the_data(classifier: Any, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"look like 0\.\.1"):
        quantize(
            classifier, (PIXELS / 255).astype(np.float32), tmp_path / "out", mean=127.5, std=127.5
        )


def test_every_fault_of_the_data_is_said_before_anything_is_converted(
    classifier: Any, tmp_path: Path
) -> None:
    values = PIXELS[:9].astype(np.float32)
    values[4, 0, 0, 0] = np.nan
    with pytest.raises(BadDataError) as caught:
        quantize(classifier, values, tmp_path / "out", mean=127.5, std=127.5)
    text = "\n".join(caught.value.faults)
    assert "too few" in text
    assert "NaN" in text
    assert "look like 0..255" in text
    assert list(tmp_path.iterdir()) == []


def test_a_loss_beyond_doubt_writes_nothing_and_leaves_the_old_bundle(
    classifier: Any, quantized: tuple[Bundle, Report], tmp_path: Path
) -> None:
    scored: list[Bundle] = []

    def evaluate(bundle: Bundle) -> Comparison:
        scored.append(bundle)
        before, after = Interval(0.9, 0.87, 0.93, 500), Interval(0.8, 0.76, 0.83, 500)
        return Comparison(Score("top1", before, after), Interval(0.1, 0.07, 0.13, 500))

    with pytest.raises(EdgeError, match="int8 loses") as caught:
        quantize(classifier, PIXELS, tmp_path / "out", labels=KINDS, evaluate=evaluate)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []
    assert (scored[0].labels, scored[0].folder) == (KINDS, None)


def test_an_untrained_model_whose_answers_never_move_is_refused(tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    scores = layers.Dense(3, activation="softmax", name="scores", kernel_initializer="zeros")
    dead = keras.Sequential(
        [keras.Input((24, 24, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), scores]
    )
    with pytest.raises(BadDataError, match="untrained or dead"):
        quantize(dead, PIXELS, tmp_path / "out", mean=0.0, std=255.0, labels=KINDS)


def test_class_folders_that_are_no_labels_are_named(classifier: Any, tmp_path: Path) -> None:
    folder = write_folders(tmp_path / "pictures", PIXELS[:30], NUMBERS[:30])
    (folder / "disc").rename(folder / "disk")
    with pytest.raises(BadDataError, match="class folder 'disk' is no label"):
        quantize(classifier, folder, tmp_path / "out", labels=KINDS)

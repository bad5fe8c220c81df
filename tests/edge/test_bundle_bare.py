"""Bare `.tflite` files: what is inferred is right, and said."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import bundle, metadata
from edge.errors import BadDataError, NotFoundError

VWW = "mlperf-tiny/vww_96_int8.tflite"
MOBILENET = "coral/mobilenet_v2_1.0_224_quant.tflite"
# file, task, decoder, kind of the first input
TASKS = [
    (MOBILENET, "classify", "classify", "image"),
    ("coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite", "classify", "classify", "image"),
    ("coral/model_invoking_error.tflite", "raw", "none", "tensor"),
    ("coral/split_concat.tflite", "raw", "none", "image"),
    ("coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite", "detect", "ssd",
     "tensor"),
    ("coral/traffic_model.tflite", "detect", "ssd", "image"),
    ("mlperf-tiny/ad01_int8.tflite", "raw", "none", "tensor"),
    ("mlperf-tiny/kws_ref_model.tflite", "classify", "classify", "tensor"),
    ("mlperf-tiny/pretrainedResnet_quant.tflite", "classify", "classify", "image"),
    ("mlperf-tiny/vww_96_float.tflite", "classify", "classify", "image"),
    (VWW, "classify", "classify", "image"),
    ("openmv/fomo_face_detection.tflite", "detect", "centroid", "image"),
    ("openmv/force_int_quant.tflite", "raw", "none", "tensor"),
    ("tflite-micro/person_detect.tflite", "classify", "classify", "image"),
    ("tflite-micro/micro_speech_quantized.tflite", "classify", "classify", "tensor"),
    ("tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite", "raw", "none",
     "image"),
]  # fmt: skip


def path(shared: Path, name: str) -> Path:
    return shared / "data" / name


@pytest.mark.parametrize(("name", "task", "decoder", "kind"), TASKS)
def test_the_task_is_inferred(shared: Path, name: str, task: str, decoder: str, kind: str) -> None:
    found = bundle.read(path(shared, name))
    assert (found.task, found.decode.decoder) == (task, decoder)
    assert found.inputs[0].kind == kind
    assert found.folder is None


def test_every_public_model_becomes_a_bundle(shared: Path) -> None:
    for file in sorted((shared / "data").rglob("*.tflite")):
        found = bundle.read(file)
        assert len(found.outputs) > 0, file
        assert found.task != "classify" or len(found.labels) == found.outputs[0].shape[-1]


DYNAMIC = "suites/litert/tflite/testdata/dynamic_shapes.bin.tflite"
# file, shape of its first output
OUTPUT_SHAPES = [
    (DYNAMIC, (8, -1, 1024)),  # a slice as long as one of the inputs says
    ("mlperf-tiny/kws_ref_model.tflite", (1, 12)),  # of any batch in the file
    ("suites/tflite-support/custom_ops/kernel/testdata/whitespace_tokenizer_to_tensor.tflite",
     (1, -1)),
    ("suites/litert/tflite/java/src/testdata/add_unknown_dimensions.bin.tflite", ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape"), OUTPUT_SHAPES)
def test_an_open_size_of_an_output_stays_open_and_the_batch_is_one(
    shared: Path, name: str, shape: tuple[int, ...]
) -> None:
    assert bundle.read(path(shared, name)).outputs[0].shape == shape


# file, value of the model's tensor for pixel p
PIXELS = [
    (MOBILENET, 0),  # uint8, scale 1/128 around 128
    (VWW, -128),  # int8, scale 1/255
    ("mlperf-tiny/pretrainedResnet_quant.tflite", -128),  # int8, scale 1
    ("tflite-micro/person_detect.tflite", -128),  # int8, scale 1/127.5 around -1
    ("openmv/fomo_face_detection.tflite", -128),
]


@pytest.mark.parametrize(("name", "offset"), PIXELS)
def test_a_quantized_image_model_takes_pixels_as_they_are(
    shared: Path, name: str, offset: int
) -> None:
    (spec, *_) = bundle.read(path(shared, name)).inputs
    for pixel in range(256):
        real = (pixel - spec.mean[0]) / spec.std[0]
        assert real / spec.scale + spec.zero_point == pytest.approx(pixel + offset, abs=1e-6)


def test_a_float_image_model_says_what_was_guessed(shared: Path) -> None:
    found = bundle.read(path(shared, "mlperf-tiny/vww_96_float.tflite"))
    assert (found.inputs[0].mean, found.inputs[0].std) == ((127.5,), (127.5,))
    assert any("pixels as -1..1" in guess for guess in found.guesses)
    assert any("red, green, blue" in guess for guess in found.guesses)


def test_a_spectrogram_is_no_picture(shared: Path) -> None:
    (spec,) = bundle.read(path(shared, "mlperf-tiny/kws_ref_model.tflite")).inputs
    assert (spec.kind, spec.shape) == ("tensor", (1, 49, 10, 1))


def test_a_gray_square_is_a_picture(shared: Path) -> None:
    (spec,) = bundle.read(path(shared, "tflite-micro/person_detect.tflite")).inputs
    assert (spec.kind, spec.color) == ("image", "gray")


def test_the_outputs_of_a_detector_have_their_roles(shared: Path) -> None:
    found = bundle.read(path(shared, "coral/traffic_model.tflite"))
    roles = [spec.role for spec in found.outputs]
    assert roles == ["boxes", "classes", "scores", "count", "raw", "raw"]


def test_imagenets_background_is_recognised(shared: Path) -> None:
    labels = shared / "data" / "coral" / "labels" / "imagenet_labels.txt"
    found = bundle.read_bare(path(shared, MOBILENET), labels)
    assert found.decode.background
    assert (found.labels[0], found.labels[286]) == ("background", "Egyptian cat")


def test_indices_before_the_names_are_said(shared: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("0 nobody\n1 somebody\n")
    found = bundle.read_bare(path(shared, VWW), labels)
    assert found.labels == ("nobody", "somebody")
    assert "labels: the number before each name is its index" in found.guesses


def test_a_picture_is_taken_whole(shared: Path) -> None:
    found = bundle.read(path(shared, VWW))
    assert (found.inputs[0].resize, found.inputs[0].interpolation) == ("stretch", "area")
    assert any("the whole picture, stretched, resized by area" in g for g in found.guesses)


def test_labels_come_from_the_metadata(shared: Path) -> None:
    found = bundle.read(path(shared, MOBILENET))
    assert (len(found.labels), found.labels[286]) == (1001, "Egyptian cat")


def test_a_missing_background_is_named_as_the_cure(shared: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"thing {i}\n" for i in range(1000)))
    with pytest.raises(BadDataError, match="1000 labels for 1001 scores; add 'background'"):
        bundle.read_bare(path(shared, MOBILENET), labels)


@pytest.mark.parametrize(("text", "said"), [("a\nb\nc\n", "3 labels for 2 scores"), ("", "empty")])
def test_labels_of_another_model_are_refused(
    shared: Path, tmp_path: Path, text: str, said: str
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text(text)
    with pytest.raises(BadDataError, match=said):
        bundle.read_bare(path(shared, VWW), labels)


def test_labels_that_are_no_text_are_refused(shared: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadDataError, match="not UTF-8"):
        bundle.read_bare(path(shared, VWW), labels)


@pytest.mark.parametrize("missing", ["model", "label"])
def test_a_file_that_is_not_there_is_not_found(shared: Path, tmp_path: Path, missing: str) -> None:
    model = tmp_path / "none.tflite" if missing == "model" else path(shared, VWW)
    with pytest.raises(NotFoundError, match=f"no {missing} file"):
        bundle.read_bare(model, tmp_path / "none.txt")


def test_a_name_fit_for_c_is_made_of_the_files(shared: Path, tmp_path: Path) -> None:
    model = tmp_path / "3D Net-v2.tflite"
    model.write_bytes(path(shared, VWW).read_bytes())
    assert bundle.read(model).name == "m_3d_net_v2"


def test_a_threshold_of_the_metadata_is_kept(shared: Path, tmp_path: Path) -> None:
    content = path(shared, VWW).read_bytes()
    info = metadata.TensorInfo("scores", labels=("no", "yes"), threshold=0.75)
    described = metadata.Metadata(inputs=(metadata.TensorInfo("image"),), outputs=(info,))
    model = tmp_path / "model.tflite"
    model.write_bytes(metadata.write_metadata(content, described))
    found = bundle.read(model)
    assert (found.thresholds.default, found.labels) == (0.75, ("no", "yes"))


LABEL_FILES = [
    ("cat\ndog\n", ("cat", "dog"), False),
    ("0 cat\n1 dog\n", ("cat", "dog"), True),
    ("0  person\n2  car\n", ("person", "", "car"), True),
    ("0: cat\n1: dog", ("cat", "dog"), True),
    ("1 cat\n2 dog\n", ("", "cat", "dog"), True),
    ("\ufeffcat\r\ndog\r\n\r\n", ("cat", "dog"), False),
    ("2 of clubs\n3 of clubs\n", ("2 of clubs", "3 of clubs"), False),
    ("0 cat\ndog\n", ("0 cat", "dog"), False),
    ("0 cat\n0 dog\n", ("0 cat", "0 dog"), False),
    ("0 cat\n999999 dog\n", ("0 cat", "999999 dog"), False),
    ("7\n8\n", ("7", "8"), False),
    ("???\nperson\n???\ncar\n", ("", "person", "", "car"), False),
    ("0 N/A\n1 dog\n", ("", "dog"), True),
    (
        "item {\n  name: 'x'\n  id: 1\n display_name: \"a cat\"\n}\nitem { id: 3 name: 'dog' }\n",
        ("", "a cat", "", "dog"),
        True,
    ),
    ("item { id: 1 }", ("item { id: 1 }",), False),
]


@pytest.mark.parametrize(("text", "labels", "indexed"), LABEL_FILES)
def test_label_files_of_every_kind(text: str, labels: tuple[str, ...], indexed: bool) -> None:
    assert bundle.parse_labels(text) == (labels, indexed)


@pytest.mark.parametrize(
    ("name", "count", "index", "label"),
    [
        ("coco_labels.txt", 90, 16, "cat"),
        ("pet_labels.txt", 37, 0, "Abyssinian"),
        ("face_labels.txt", 1, 0, "face"),
        ("imagenet_labels.txt", 1001, 286, "Egyptian cat"),
    ],
)
def test_public_label_files(shared: Path, name: str, count: int, index: int, label: str) -> None:
    text = (shared / "data" / "coral" / "labels" / name).read_text()
    labels, indexed = bundle.parse_labels(text)
    assert (len(labels), labels[index], indexed) == (count, label, False)


@given(st.text(max_size=200))
def test_any_text_is_some_labels(text: str) -> None:
    labels, _ = bundle.parse_labels(text)
    assert all(label == label.strip() for label in labels)


def test_damaged_models_are_refused_or_read(shared: Path, tmp_path: Path) -> None:
    content = path(shared, "coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite")
    original = content.read_bytes()
    rng = random.Random(3)  # noqa: S311
    model = tmp_path / "model.tflite"
    refused = []
    for _ in range(100):
        data = bytearray(original)
        for _ in range(3):
            at = rng.randrange(len(data) - 4)
            data[at : at + 4] = rng.choice((0, 1, 2**31, 2**32 - 1)).to_bytes(4, "little")
        model.write_bytes(data)
        try:
            bundle.read(model)
        except BadDataError as error:
            refused.append(error.faults[0])
    assert len(refused) > 20
    assert all(str(model) in fault for fault in refused)

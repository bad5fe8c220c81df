"""Metadata and signatures: written, read back, and harmless to the model."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge import metadata, tflite
from edge.errors import BadDataError
from edge.metadata import Metadata, TensorInfo

HELLO = "tflite-micro/hello_world_int8.tflite"
SPLIT = "coral/split_concat.tflite"
MOBILENET = "coral/mobilenet_v1_0.25_128_quant.tflite"
EMBEDDER = "tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite"
SSD = (
    "suites/tflite-support/cc/test/testdata/task/vision/"
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
)
# Without a signature, with one, with an archive behind it, with several inputs and outputs.
MODELS = ["mlperf-tiny/vww_96_int8.tflite", HELLO, SPLIT, MOBILENET, EMBEDDER]


def model(shared: Path, name: str) -> bytes:
    return (shared / "data" / name).read_bytes()


def described(content: bytes, labels: tuple[str, ...] = ("cat", "dog")) -> Metadata:
    graph = tflite.read(content)
    inputs = (
        TensorInfo("image", kind="image", color="rgb", mean=(127.5,), std=(127.5,), low=(-1.0,),
                   high=(1.0,)),
    )  # fmt: skip
    rest = tuple(TensorInfo(f"in{i}") for i in range(1, len(graph.inputs)))
    outputs = tuple(
        TensorInfo(f"out{i}", "what it is", labels=labels, threshold=0.25)
        for i in range(len(graph.outputs))
    )
    return Metadata("net", "about", "3", "somebody", "MIT", inputs + rest, outputs)


def interpreter(content: bytes) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tflite_runtime.interpreter import Interpreter
    made = Interpreter(model_content=content)
    made.allocate_tensors()
    return made


def answers(content: bytes) -> list[NDArray[Any]]:
    running = interpreter(content)
    rng = np.random.default_rng(5)
    for detail in running.get_input_details():
        drawn = rng.integers(0, 100, detail["shape"])
        running.set_tensor(detail["index"], drawn.astype(detail["dtype"]))
    running.invoke()
    return [running.get_tensor(d["index"]).copy() for d in running.get_output_details()]


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_read(shared: Path, name: str) -> None:
    content = model(shared, name)
    wanted = described(content)
    written = metadata.write_metadata(content, wanted)
    assert metadata.read_metadata(written) == wanted
    again = metadata.write_metadata(written, wanted)
    assert metadata.read_metadata(again) == wanted
    assert metadata.write_metadata(content, wanted) == written


@pytest.mark.parametrize("name", MODELS)
def test_a_model_keeps_its_bytes_and_its_answers(shared: Path, name: str) -> None:
    content = model(shared, name)
    inputs = [f"in{i}" for i in range(len(tflite.read(content).inputs))]
    outputs = [f"out{i}" for i in range(len(tflite.read(content).outputs))]
    signed = metadata.add_signature(content, inputs, outputs)
    assert content in signed
    whole = metadata.write_metadata(signed, described(content))
    before, after = tflite.read(content), tflite.read(whole)
    assert (after.tensors, after.operators) == (before.tensors, before.operators)
    for left, right in zip(answers(content), answers(whole), strict=True):
        assert np.array_equal(left, right)


@pytest.mark.parametrize("name", MODELS)
def test_a_runtime_reads_the_signature(shared: Path, name: str) -> None:
    content = model(shared, name)
    graph = tflite.read(content)
    inputs = [f"in{i}" for i in range(len(graph.inputs))]
    outputs = [f"out{i}" for i in range(len(graph.outputs))]
    running = interpreter(metadata.add_signature(content, inputs, outputs))
    assert running.get_signature_list() == {
        "serving_default": {"inputs": inputs, "outputs": sorted(outputs)}
    }
    runner = running.get_signature_runner("serving_default")
    rng = np.random.default_rng(5)
    fed = {
        name: rng.integers(0, 100, d["shape"]).astype(d["dtype"])
        for name, d in zip(inputs, running.get_input_details(), strict=True)
    }
    for name, expected in zip(outputs, answers(content), strict=True):
        assert np.array_equal(runner(**fed)[name], expected)


def test_names_that_do_not_suit_are_all_refused(shared: Path) -> None:
    content = model(shared, SPLIT)
    with pytest.raises(BadDataError) as caught:
        metadata.add_signature(content, ["a", "a", "b"], ["x"])
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "input names repeat",
        "1 output names; the model has 5 outputs",
    ]


def test_metadata_of_other_tensors_are_refused(shared: Path) -> None:
    with pytest.raises(BadDataError, match="metadata of 0 inputs; the model has 1"):
        metadata.write_metadata(model(shared, HELLO), Metadata("nothing"))


def test_a_foreign_classifier_names_its_classes(shared: Path) -> None:
    found = metadata.read_metadata(model(shared, MOBILENET))
    assert found is not None
    assert (found.inputs[0].kind, found.inputs[0].color) == ("image", "rgb")
    assert (found.inputs[0].mean, found.inputs[0].std) == ((127.5,), (127.5,))
    labels = found.outputs[0].labels
    assert (len(labels), labels[0], labels[286]) == (1001, "background", "Egyptian cat")


def test_a_foreign_classifier_keeps_its_labels_behind_a_new_root(shared: Path) -> None:
    signed = metadata.add_signature(model(shared, MOBILENET), ["image"], ["scores"])
    found = metadata.read_metadata(signed)
    assert found is not None
    assert len(found.outputs[0].labels) == 1001


def test_a_foreign_detector_names_the_values_of_its_classes(shared: Path) -> None:
    found = metadata.read_metadata(model(shared, SSD))
    assert found is not None
    (classes,) = [info for info in found.outputs if info.labels]
    assert (classes.name, classes.labels_of, len(classes.labels)) == ("classes", "value", 90)
    assert classes.labels[0] == "person"


def test_a_foreign_embedder_has_no_labels(shared: Path) -> None:
    found = metadata.read_metadata(model(shared, EMBEDDER))
    assert found is not None
    assert found.inputs[0].kind == "image"
    assert not any(info.labels for info in found.outputs)


def test_a_model_without_metadata_has_none(shared: Path) -> None:
    assert metadata.read_metadata(model(shared, HELLO)) is None


def test_labels_lie_in_an_archive_that_any_zip_reader_opens(shared: Path) -> None:
    content = model(shared, HELLO)
    written = metadata.write_metadata(content, described(content, ("tabby cat", "Löwe")))
    with zipfile.ZipFile(BytesIO(written)) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt").decode() == "tabby cat\nLöwe\n"


def test_a_label_with_a_line_break_is_refused(shared: Path) -> None:
    content = model(shared, HELLO)
    with pytest.raises(BadDataError, match="line break"):
        metadata.write_metadata(content, described(content, ("a\nb", "c")))


def test_a_missing_archive_is_said(shared: Path) -> None:
    content = model(shared, HELLO)
    written = metadata.write_metadata(content, described(content))
    at = written.index(b"PK\3\4")
    with pytest.raises(BadDataError, match=r"label file 'labels\.txt' in the model is damaged"):
        metadata.read_metadata(written[:at])


def test_a_huge_label_file_is_not_unpacked(shared: Path) -> None:
    content = model(shared, HELLO)
    written = metadata.write_metadata(content, described(content))
    stream = BytesIO(written[: written.index(b"PK\3\4")])
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", b"\n" * (5 << 20))
    with pytest.raises(BadDataError, match="at most 4194304"):
        metadata.read_metadata(stream.getvalue())


# No line breaks, and no byte order mark: in front of a label file it is no part of a label.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff")
TEXT = st.text(CHARACTERS, max_size=20)
REALS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=3).map(tuple)
INFO = st.builds(
    TensorInfo,
    name=TEXT,
    description=TEXT,
    kind=st.sampled_from(["image", "feature", "boxes"]),
    mean=REALS,
    std=REALS,
    low=REALS,
    high=REALS,
    labels=st.lists(TEXT, min_size=1, max_size=5).map(tuple),
    labels_of=st.sampled_from(["axis", "value"]),
    threshold=st.none() | st.floats(0, 1, width=32),
)


@settings(deadline=None, max_examples=50)
@given(st.builds(Metadata, TEXT, TEXT, TEXT, TEXT, TEXT, st.tuples(INFO), st.tuples(INFO)))
def test_any_metadata_come_back(wanted: Metadata) -> None:
    written = metadata.write_metadata(SMALLEST, wanted)
    assert metadata.read_metadata(written) == wanted


def smallest_model() -> bytes:
    """Return a model with one tensor that is both its input and its output."""
    import flatbuffers
    import tflite as schema

    builder = flatbuffers.Builder(256)

    def vector(positions: list[int]) -> int:
        builder.StartVector(4, len(positions), 4)
        for position in reversed(positions):
            builder.PrependUOffsetTRelative(position)
        return int(builder.EndVector())

    schema.TensorStart(builder)
    tensors = vector([schema.TensorEnd(builder)])
    builder.StartVector(4, 1, 4)
    builder.PrependInt32(0)
    border = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    schema.SubGraphAddInputs(builder, border)
    schema.SubGraphAddOutputs(builder, border)
    subgraphs = vector([schema.SubGraphEnd(builder)])
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, subgraphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


SMALLEST = smallest_model()

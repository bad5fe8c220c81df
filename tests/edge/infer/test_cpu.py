import dataclasses
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.bundle import Bundle, Decode, Input, Output, read_bare
from edge.errors import BadDataError
from edge.infer.backend import Stager
from edge.infer.cpu import MOST_STAGED, open_cpu
from edge.infer.runtime import Interpreter, Resolver, build, pick
from edge.metadata import add_signature

RUNTIME = pick()

# Models of every border: int8, uint8, float, int16; one input or many, one output or many.
MODELS = (
    "mlperf-tiny/kws_ref_model.tflite",
    "mlperf-tiny/kws_ref_model_float32.tflite",
    "mlperf-tiny/vww_96_int8.tflite",
    "mlperf-tiny/ad01_int8.tflite",
    "coral/mobilenet_v1_0.25_128_quant.tflite",
    "coral/split_concat.tflite",
    "coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite",
    "tflite-micro/hello_world_int8.tflite",
    "tflite-micro/simple_add_model.tflite",
    "tflite-micro/trained_lstm_int8.tflite",
    "tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite",
    "suites/derived-int8/tflite2onnx__maxpooling_float32.int8.tflite",
)


def details(model: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    interpreter = build(RUNTIME, model)
    return interpreter.get_input_details(), interpreter.get_output_details()


def described(path: Path, **changes: Any) -> Bundle:
    """Return a bundle of real tensors, exactly as the file describes its border."""
    model = path.read_bytes()
    entered, left = details(model)
    inputs = tuple(Input(**_common(d), kind="tensor") for d in entered)
    outputs = tuple(Output(**_common(d), role="raw") for d in left)
    return dataclasses.replace(
        Bundle(path.stem, "raw", inputs, outputs, Decode(), (), model), **changes
    )


def _common(detail: dict[str, Any]) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "name": detail["name"],
        "shape": tuple(int(n) for n in detail["shape"]),
        "dtype": detail["dtype"].__name__,
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def reals(bundle: Bundle, seed: int = 0) -> tuple[Any, ...]:
    """Return random values that the inputs can hold."""
    rng = np.random.default_rng(seed)
    return tuple(
        (rng.normal(0, 40, spec.shape[1:]) * (spec.scale or 1 / 40)).astype(np.float32)
        for spec in bundle.inputs
    )


def by_hand(interpreter: Interpreter, inputs: tuple[Any, ...]) -> list[Any]:
    """Answer with the bare interpreter, in file order, by the formulas of the format."""
    for detail, real in zip(interpreter.get_input_details(), inputs, strict=True):
        scale, zero_point = detail["quantization"]
        value = real.reshape(detail["shape"])
        if scale:
            ends = np.iinfo(detail["dtype"])
            scaled = (value / np.float32(scale)).astype(np.float64)
            value = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + zero_point
            value = value.clip(ends.min, ends.max)
        interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
    interpreter.invoke()
    results = []
    for detail in interpreter.get_output_details():
        scale, zero_point = detail["quantization"]
        q = interpreter.get_tensor(detail["index"])
        results.append(((q.astype(np.float64) - zero_point) * (scale or 1.0)).astype(np.float32))
    return results


@pytest.mark.parametrize("resolver", ["default", "reference", "no-delegate"])
@pytest.mark.parametrize("path", MODELS)
def test_answers_equal_the_bare_interpreters(path: str, resolver: Resolver, shared: Path) -> None:
    bundle = described(shared / "data" / path)
    backend = open_cpu(bundle, RUNTIME, resolver=resolver)
    interpreter = build(RUNTIME, bundle.model, resolver=resolver)
    for seed in range(3):
        inputs = reals(bundle, seed)
        answers, wanted = backend.infer(inputs), by_hand(interpreter, inputs)
        assert len(answers) == len(wanted) == len(bundle.outputs)
        for answer, exact, spec in zip(answers, wanted, bundle.outputs, strict=True):
            assert answer.dtype == np.float32
            assert answer.shape == exact.shape
            assert np.array_equal(answer, exact), spec.name
    backend.close()


def test_a_picture_enters_as_pixels(shared: Path) -> None:
    """The manifest: input is pixel - 128, which the mean and std of this bundle also say."""
    bundle = described(shared / "data/mlperf-tiny/vww_96_int8.tflite")
    (tensor,) = bundle.inputs
    image = dataclasses.replace(tensor, kind="image", mean=(0.0,), std=(255.0,))
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    (answer,) = open_cpu(dataclasses.replace(bundle, inputs=(image,)), RUNTIME).infer((pixels,))
    interpreter = build(RUNTIME, bundle.model)
    shifted = (pixels.astype(np.int16) - 128).astype(np.int8)[None]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], shifted)
    interpreter.invoke()
    q = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert np.array_equal(answer, ((q.astype(np.float64) + 128) / 256).astype(np.float32))


def test_frames_stand_alone_and_streams_do_not(shared: Path) -> None:
    """An LSTM keeps its state between two invokes of one interpreter."""
    stream = described(shared / "data/tflite-micro/trained_lstm_int8.tflite")
    image = dataclasses.replace(stream.inputs[0], kind="image", mean=(0.0,), std=(255.0,))
    frames = dataclasses.replace(stream, inputs=(image,))
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 40, (2, 28, 28)).clip(0, 255).astype(np.uint8)
    backend = open_cpu(frames, RUNTIME)
    (alone,) = backend.infer((first,))
    backend.infer((second,))
    assert np.array_equal(backend.infer((first,))[0], alone)
    backend = open_cpu(stream, RUNTIME)
    (alone,) = backend.infer(reals(stream, 0))
    backend.infer(reals(stream, 1))
    assert not np.array_equal(backend.infer(reals(stream, 0))[0], alone)


def test_an_answer_outlives_the_next_one(shared: Path) -> None:
    for path in ("mlperf-tiny/kws_ref_model_float32.tflite", "mlperf-tiny/kws_ref_model.tflite"):
        bundle = described(shared / "data" / path)
        backend = open_cpu(bundle, RUNTIME)
        (first,) = backend.infer(reals(bundle, 0))
        kept = first.copy()
        (second,) = backend.infer(reals(bundle, 1))
        assert not np.array_equal(second, kept)
        assert np.array_equal(first, kept)


@pytest.mark.parametrize("path", MODELS)
def test_a_staged_frame_has_crossed_the_border_and_is_answered_alike(
    path: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = described(shared / "data" / path)
    staging, plain = open_cpu(bundle, RUNTIME), open_cpu(bundle, RUNTIME)
    assert isinstance(staging, Stager)
    frames = [reals(bundle, seed) for seed in range(3)]
    wanted = [plain.infer(frame) for frame in frames]
    crossings: list[Any] = []
    enters = [lambda real, enter=e: crossings.append(real) or enter(real) for e in staging._enter]
    monkeypatch.setattr(staging, "_enter", enters)
    staging.stage(frames[0])
    staging.stage(frames[2])
    before = len(crossings)
    for frame, want in zip(frames, wanted, strict=True):
        for answer, exact in zip(staging.infer(frame), want, strict=True):
            assert np.array_equal(answer, exact)
    assert len(crossings) - before == len(enters)


def test_a_staged_frame_that_does_not_fit_is_refused_when_it_is_asked_for(shared: Path) -> None:
    bundle = described(shared / "data/tflite-micro/simple_add_model.tflite")
    backend = open_cpu(bundle, RUNTIME)
    assert isinstance(backend, Stager)
    few, nan = reals(bundle)[:1], tuple(np.full_like(real, np.nan) for real in reals(bundle))
    for inputs, words in ((few, "1 inputs given"), (nan, "NaN")):
        backend.stage(inputs)
        with pytest.raises(BadDataError, match=words):
            backend.infer(inputs)


def test_frames_that_were_staged_for_nothing_are_let_go(shared: Path) -> None:
    bundle = described(shared / "data/tflite-micro/hello_world_int8.tflite")
    backend = open_cpu(bundle, RUNTIME)
    assert isinstance(backend, Stager)
    arrays = [np.zeros(1, np.float32) for _ in range(100)]
    kept = [weakref.ref(array) for array in arrays]
    for array in arrays:
        backend.stage((array,))
    del array, arrays
    assert sum(ref() is not None for ref in kept) <= MOST_STAGED


def test_outputs_come_in_the_bundles_order_by_tensor_name(shared: Path) -> None:
    bundle = described(shared / "data/coral/split_concat.tflite")
    inputs = reals(bundle)
    straight = open_cpu(bundle, RUNTIME).infer(inputs)
    turned = dataclasses.replace(bundle, inputs=bundle.inputs[::-1], outputs=bundle.outputs[::-1])
    answers = open_cpu(turned, RUNTIME).infer(inputs[::-1])
    for answer, wanted in zip(answers, straight[::-1], strict=True):
        assert np.array_equal(answer, wanted)


def test_names_of_the_signature_are_known(shared: Path) -> None:
    path = "tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite"
    bundle = described(shared / "data" / path)
    named = dataclasses.replace(
        bundle,
        inputs=(dataclasses.replace(bundle.inputs[0], name="keras_layer_input"),),
        outputs=(dataclasses.replace(bundle.outputs[0], name="keras_layer"),),
    )
    inputs = reals(bundle)
    (by_signature,) = open_cpu(named, RUNTIME).infer(inputs)
    (by_tensor,) = open_cpu(bundle, RUNTIME).infer(inputs)
    assert np.array_equal(by_signature, by_tensor)


def test_a_signatures_names_go_before_the_files_order(shared: Path) -> None:
    bundle = described(shared / "data/coral/split_concat.tflite")
    inputs = reals(bundle)
    straight = open_cpu(bundle, RUNTIME).infer(inputs)
    entered, left = ("c", "a", "b"), ("v", "z", "x", "y", "w")
    signed = dataclasses.replace(
        bundle,
        model=add_signature(bundle.model, entered, left),
        inputs=sorted_by_name(bundle.inputs, entered),
        outputs=sorted_by_name(bundle.outputs, left),
    )
    assert [spec.name for spec in signed.outputs] == ["v", "w", "x", "y", "z"]
    answers = open_cpu(signed, RUNTIME).infer([inputs[entered.index(n)] for n in "abc"])
    for name, answer in zip("vwxyz", answers, strict=True):
        assert np.array_equal(answer, straight[left.index(name)])


def sorted_by_name(specs: tuple[Any, ...], names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the specs under new names, in the order of the names."""
    named = [dataclasses.replace(s, name=n) for s, n in zip(specs, names, strict=True)]
    return tuple(sorted(named, key=lambda spec: spec.name))


def test_a_dynamic_batch_takes_the_shape_of_the_bundle(shared: Path) -> None:
    bundle = described(shared / "data/mlperf-tiny/kws_ref_model.tflite")
    two = dataclasses.replace(bundle.inputs[0], shape=(2, 49, 10, 1))
    backend = open_cpu(dataclasses.replace(bundle, inputs=(two,)), RUNTIME)
    (first,), (second,) = reals(bundle, 0), reals(bundle, 1)
    (both,) = backend.infer((np.stack([first, second]),))
    assert both.shape == (2, 12)
    single = open_cpu(bundle, RUNTIME)
    for row, real in zip(both, (first, second), strict=True):
        assert np.abs(row - single.infer((real,))[0][0]).max() <= 1 / 256


def test_a_model_that_xnnpack_refuses_when_it_runs_is_run_without(
    shared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Under litert 2.3 XNNPACK fails at the first invoke of this model of dynamic shapes."""
    bundle = described(shared / "data/suites/litert/tflite/testdata/dynamic_shapes.bin.tflite")
    backend = open_cpu(bundle, RUNTIME)
    # the third input is the start of a slice: nought takes it whole
    inputs = [np.zeros(spec.shape, np.float32) for spec in bundle.inputs]
    with caplog.at_level("INFO"):
        answers = backend.infer(inputs)
    assert len(answers) == 1
    assert ("XNNPACK fails on this model" in caplog.text) == (RUNTIME.name == "litert")
    assert ("without XNNPACK" in backend.description) == (RUNTIME.name == "litert")


def test_variables_keep_their_state_from_frame_to_frame(shared: Path) -> None:
    """A streaming wake word: the same input gives another answer as its history grows."""
    bundle = described(shared / "data/suites/micro-wake-word/models/v2/okay_nabu.tflite")
    backend = open_cpu(bundle, RUNTIME)
    inputs = reals(bundle)
    answers = [backend.infer(inputs)[0].tolist() for _ in range(8)]
    fresh = open_cpu(bundle, RUNTIME)
    assert answers == [fresh.infer(inputs)[0].tolist() for _ in range(8)]
    assert answers[0] != answers[-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"shape": (1, 48, 10, 1)}, "input 'input_1': shape is [1, 48, 10, 1]; the model's is [1, 49"),
     ({"dtype": "uint8"}, "input 'input_1': dtype is uint8; the model's is int8"),
     ({"scale": 0.5}, "input 'input_1': scale is 0.5; the model's is 0.58"),
     ({"zero_point": 1}, "input 'input_1': zero_point is 1; the model's is 83"),
     ({"dtype": "float32"}, "dtype float32; with a scale allowed")],
)  # fmt: skip
def test_a_bundle_that_contradicts_its_model_is_refused(
    change: dict[str, Any], words: str, shared: Path
) -> None:
    bundle = described(shared / "data/mlperf-tiny/kws_ref_model.tflite")
    wrong = (dataclasses.replace(bundle.inputs[0], **change),)
    with pytest.raises(BadDataError, match=re.escape(words)):
        open_cpu(dataclasses.replace(bundle, inputs=wrong), RUNTIME)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"shape": (1, 11)}, "output 'Identity': shape is [1, 11]; the model's is [1, 12]"),
     ({"shape": (1, -1)}, "output 'Identity': shape is [1, -1]; the model's is [1, 12]"),
     ({"scale": 0.5}, "output 'Identity': scale is 0.5; the model's is 0.00390625"),
     ({"zero_point": 0}, "output 'Identity': zero_point is 0; the model's is -128")],
)  # fmt: skip
def test_a_bundle_that_contradicts_an_output_is_refused(
    change: dict[str, Any], words: str, shared: Path
) -> None:
    bundle = described(shared / "data/mlperf-tiny/kws_ref_model.tflite")
    wrong = (dataclasses.replace(bundle.outputs[0], **change),)
    with pytest.raises(BadDataError) as raised:
        open_cpu(dataclasses.replace(bundle, outputs=wrong), RUNTIME)
    assert raised.value.faults == (words,)


@pytest.mark.parametrize("name", MODELS)
def test_a_record_by_the_file_is_the_interpreters(name: str, shared: Path) -> None:
    open_cpu(read_bare(shared / "data" / name), RUNTIME).close()


def test_every_tensor_at_fault_is_named_at_once(shared: Path) -> None:
    bundle = described(shared / "data/coral/split_concat.tflite")
    wrong = tuple(dataclasses.replace(spec, dtype="str") for spec in bundle.outputs)
    with pytest.raises(BadDataError) as raised:
        open_cpu(dataclasses.replace(bundle, outputs=wrong), RUNTIME)
    assert len(raised.value.faults) == len(bundle.outputs) == 5


def test_a_missing_output_is_refused(shared: Path) -> None:
    bundle = described(shared / "data/coral/split_concat.tflite")
    with pytest.raises(BadDataError, match="the bundle names 4 outputs, the model has 5"):
        open_cpu(dataclasses.replace(bundle, outputs=bundle.outputs[:4]), RUNTIME)


def test_a_missing_input_is_refused(shared: Path) -> None:
    bundle = described(shared / "data/tflite-micro/simple_add_model.tflite")
    with pytest.raises(BadDataError, match="1 inputs given; the model takes 2"):
        open_cpu(bundle, RUNTIME).infer(reals(bundle)[:1])


def test_the_runtimes_refusal_is_one_line(shared: Path) -> None:
    kws = described(shared / "data/mlperf-tiny/kws_ref_model.tflite")
    foreign = (shared / "data/tflite-micro/person_detect_vela.tflite").read_bytes()
    with pytest.raises(BadDataError, match=f"{RUNTIME.name} .* refuses the model: .*ethos-u") as e:
        open_cpu(dataclasses.replace(kws, model=foreign), RUNTIME)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("threads", "resolver", "words"),
    [(1, "default", ", 1 thread"), (2, "reference", ", 2 threads, reference kernels")],
)
def test_the_description_says_what_answers(
    threads: int, resolver: Resolver, words: str, shared: Path
) -> None:
    bundle = described(shared / "data/tflite-micro/hello_world_int8.tflite")
    backend = open_cpu(bundle, RUNTIME, threads, resolver)
    assert backend.description == f"{RUNTIME.name} {RUNTIME.version}{words}"

"""Keras to full int8 in a child: order kept, every operator int8, and a death is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge import operators, tflite
from edge.errors import BadDataError
from edge.training.audit_model import audit_model
from edge.training.convert import convert, converter_fault, death
from edge.training.load import load
from edge.training.parity import run, runtime_names

pytestmark = pytest.mark.train


def samples(*shapes: tuple[int, ...], count: int = 12) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    return tuple(rng.normal(size=(count, *shape)).astype(np.float32) for shape in shapes)


@pytest.fixture(scope="module")
def two_heads() -> tuple[Any, bytes, list[tuple[str, int, int]]]:
    """Return a model of two inputs and three outputs, its int8 bytes, and the progress."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    image, size = keras.Input((16, 16, 3), name="z_image"), keras.Input((4,), name="a_size")
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(image)
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), size])
    heads = [layers.Dense(n, name=name)(x) for n, name in ((4, "z"), (3, "a"), (2, "m"))]
    model = load(keras.Model([image, size], heads))
    steps: list[tuple[str, int, int]] = []
    content = convert(model, samples((16, 16, 3), (4,)), progress=lambda *step: steps.append(step))
    return model, content, steps


def test_inputs_and_outputs_keep_the_keras_order_at_batch_1(two_heads: Any) -> None:
    graph = tflite.read(two_heads[1])
    shapes = [graph.tensors[i].shape for i in (*graph.inputs, *graph.outputs)]
    assert shapes == [(1, 16, 16, 3), (1, 4), (1, 4), (1, 3), (1, 2)]
    assert all(-1 not in t.shape_signature for t in graph.tensors)


def test_every_operator_is_int8_and_loads_everywhere(two_heads: Any) -> None:
    graph = tflite.read(two_heads[1])
    assert audit_model(graph, "int8") == ()
    for op in graph.operators:
        limit = operators.max_version(op.op)
        assert limit is not None
        assert op.version <= limit


def test_int8_answers_as_float_within_its_steps(two_heads: Any) -> None:
    model, content, _ = two_heads
    graph = tflite.read(content)
    real = samples((16, 16, 3), (4,))
    quants = [graph.tensors[i].quant for i in (*graph.inputs, *graph.outputs)]
    entered = tuple(
        np.clip(np.round(r / q.scales[0]) + q.zero_points[0], -128, 127).astype(np.int8)
        for r, q in zip(real, quants, strict=False)
    )
    got = run(content, entered, runtime_names()[0])
    for index, (values, quant) in enumerate(zip(got, quants[2:], strict=True)):
        have = (values.astype(float) - quant.zero_points[0]) * quant.scales[0]
        want = np.stack([model.call([r[i : i + 1] for r in real])[index][0] for i in range(12)])
        assert np.ptp(want) > 0.5
        assert np.abs(have - want).max() < 0.06 * np.ptp(want)


def test_progress_counts_every_sample(two_heads: Any) -> None:
    steps = two_heads[2]
    assert [done for step, done, total in steps if step == "calibrate"] == list(range(1, 13))
    assert steps[-1] == ("done", 1, 1)


def test_dense_weights_have_one_scale(two_heads: Any) -> None:
    graph = tflite.read(two_heads[1])
    dense = [op for op in graph.operators if op.op == "FULLY_CONNECTED"]
    assert len(dense) == 3
    assert {len(graph.tensors[op.inputs[1]].quant.scales) for op in dense} == {1}  # type: ignore[union-attr]


def test_float_operators_that_stay_are_all_named_with_their_remedy() -> None:
    """One model with every layer that the converter leaves in float without a word."""
    import keras

    layers = keras.layers
    image = keras.Input((12, 12, 4))
    x = layers.ELU()(layers.Conv2D(8, 3, padding="same")(image))
    x = layers.LayerNormalization()(x)
    x = layers.Conv3D(2, 2)(layers.Reshape((12, 12, 8, 1))(x))
    x = layers.UpSampling2D()(layers.Reshape((11, 11, 14))(x))
    x = layers.Activation("softplus")(x)
    model = load(keras.Model(image, layers.GlobalAveragePooling2D()(x)))
    faults = audit_model(tflite.read(convert(model, samples((12, 12, 4)))), "int8")
    text = "\n".join(faults)
    assert "ELU (" in text
    assert "use ReLU or LeakyReLU" in text
    assert "CONV_3D (" in text
    assert "use Conv2D with the depth as channels" in text
    assert "layer_normalization" in text
    assert "use BatchNormalization" in text
    assert "TILE (" in text
    assert "keras.layers.Resizing" in text
    assert "LOG (" in text
    assert "DEQUANTIZE" not in text  # a consequence, not a cause


def test_a_calibrator_that_dies_is_one_line_with_the_cure() -> None:
    import keras

    sequence = keras.Input((10, 6))
    model = load(keras.Model(sequence, keras.layers.LSTM(8)(sequence)))
    with pytest.raises(BadDataError) as caught:
        convert(model, samples((10, 6)))
    (fault,) = caught.value.faults
    assert "SIGSEGV" in fault
    assert "unroll=True" in fault


def test_a_class_number_as_output_is_refused_with_the_remedy() -> None:
    import keras

    x = keras.Input((6,))
    model = load(keras.Model(x, keras.ops.argmax(keras.layers.Dense(4)(x), axis=-1)))
    with pytest.raises(BadDataError) as caught:
        convert(model, samples((6,)))
    (fault,) = caught.value.faults
    assert "no builtin operator for BitwiseAnd" in fault
    assert "argmax at the end belongs to the host" in fault


@pytest.mark.parametrize(("code", "graph", "expected"), [
    (-11, b"..TensorListReserve..", "unroll=True"),
    (-9, b"", "out of memory"),
    (-6, b"", "by halves"),
    (1, b"", "ModuleNotFoundError: no x"),
])  # fmt: skip
def test_every_death_says_what_to_do(code: int, graph: bytes, expected: str) -> None:
    line = death(code, "calibrate", graph, "Traceback\n\nModuleNotFoundError: no x\n")
    assert expected in line
    assert "\n" not in line


def test_a_long_message_of_the_converter_becomes_one_line() -> None:
    text = "Some ops are not supported:\n\tFlex ops: FlexErf, FlexErf, FlexBesselI0\nDetails:\n..."
    assert "no builtin operator for BesselI0, Erf" in converter_fault(text)
    assert "bad shape" in converter_fault("loc: error: bad shape\nmore\n")


def test_audit_of_models_by_others(shared: Path) -> None:
    data = shared / "data"
    good = tflite.read((data / "mlperf-tiny/pretrainedResnet_quant.tflite").read_bytes())
    # its batch is open, as ours never is; all else is in order
    assert [f for f in audit_model(good, "int8") if "open shape [-1," not in f] == []
    assert any("is int8, not uint8" in fault for fault in audit_model(good, "uint8"))
    compiled = data / "coral/split_concat_edgetpu.tflite"
    assert "edgetpu-custom-op" in "".join(audit_model(tflite.read(compiled.read_bytes()), "uint8"))
    floats = tflite.read((data / "mlperf-tiny/kws_ref_model_float32.tflite").read_bytes())
    faults = audit_model(floats, "int8")
    assert len(faults) > 4
    assert any("CONV_2D" in fault and "is float32, not int8" in fault for fault in faults)

"""What would map to the Edge TPU: real models beside their compiled twins, and every limit."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge import operators
from edge.edgetpu import RULES, Prediction, predict
from edge.edgetpu.predict import AFTER, CHIP_BYTES
from edge.tflite import EDGETPU_OP, Graph, Operator, Quant, Tensor, read, read_compiled

TWINS = ("mobilenet_v1_0.25_128_quant", "split_concat")
Shape = tuple[int, ...]


def tensor(
    index: int, shape: Shape, dtype: str = "int8", data: bytes | None = None, **more: Any
) -> Tensor:
    quant = Quant((0.5,), (0,), 0) if dtype in ("int8", "uint8", "int16") else None
    made = Tensor(index, f"t{index}", shape, dtype, quant, data, False, shape)
    return dataclasses.replace(made, **more)


def numbers(*values: int, dtype: str = "int32") -> tuple[str, Shape, bytes]:
    return dtype, (len(values),), np.array(values, dtype).tobytes()


WEIGHTS = ("int8", (4, 3, 3, 8), bytes(288))
BIAS = numbers(0, 0, 0, 0)
Constant = tuple[str, Shape, bytes]


def one(
    op: str, shape: Shape, out: Shape, constants: Sequence[Constant | None] = (), *,
    first: bool = False, dtype: str = "int8", version: int = 1, **options: Any,
) -> Graph:  # fmt: skip
    """Return a graph of one operator: an input, constants after (or before) it, one output."""
    tensors = [tensor(0, shape, dtype), tensor(1, out, dtype)]
    inputs = [0]
    for constant in constants:
        if constant is None:
            tensors.append(tensor(len(tensors), (4,)))
        else:
            kind, sides, data = constant
            tensors.append(tensor(len(tensors), sides, kind, data))
        inputs.append(len(tensors) - 1)
    if first:
        inputs = [*inputs[1:], 0]
    node = Operator(0, op, False, version, tuple(inputs), (1,), options)
    return Graph(tuple(tensors), (node,), (0,), (1,), None, 1, "")


def chain(*ops: str) -> Graph:
    """Return operators in a row, each with one input and one output of 8 bytes."""
    tensors = tuple(tensor(index, (1, 8)) for index in range(len(ops) + 1))
    nodes = tuple(
        Operator(index, op, False, 1, (index,), (index + 1,), {}) for index, op in enumerate(ops)
    )
    return Graph(tensors, nodes, (0,), (len(ops),), None, 1, "")


def predicted(graph: Graph) -> Prediction:
    prediction = predict(graph)
    assert prediction is not None
    return prediction


def reason(graph: Graph) -> str:
    (placement,) = predicted(graph).placements
    return placement.reason


@pytest.mark.parametrize("name", TWINS)
def test_a_model_maps_as_its_compiled_twin_did(shared: Path, name: str) -> None:
    folder = shared / "data" / "coral"
    prediction = predicted(read((folder / f"{name}.tflite").read_bytes()))
    twin = read((folder / f"{name}_edgetpu.tflite").read_bytes())
    left = Counter(op.op for op in twin.operators)
    assert left.pop(EDGETPU_OP, 0) == int(bool(prediction.mapped))
    assert left == Counter(placement.op for placement in prediction.on_processor)
    compiled = read_compiled(twin)
    assert compiled is not None
    assert prediction.runtime_min is not None
    assert prediction.runtime_min <= compiled.runtime_min
    assert predict(twin) is None


def test_every_compiled_twin_at_hand_is_compared(shared: Path) -> None:
    found = (shared / "data" / "coral").glob("*_edgetpu.tflite")
    assert {path.name.removesuffix("_edgetpu.tflite") for path in found} == set(TWINS)


@pytest.mark.parametrize(
    ("name", "mapped", "left"),
    [
        ("coral/mobilenet_v2_1.0_224_quant", 66, []),
        ("coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers", 16,
         ["TFLite_Detection_PostProcess"]),
        ("coral/traffic_model", 184, ["TFLite_Detection_PostProcess"]),
        ("tflite-micro/person_detect", 31, []),
        # The compiled twins of these two are public: one custom operator, then this one.
        ("suites/{coco_ssd_mobilenet_v1_1.0_quant_2018_06_29}", 63,
         ["TFLite_Detection_PostProcess"]),
        ("suites/{posenet_mobilenet_v1_075_353_481_16_quant_decoder}", 37, ["PosenetDecoderOp"]),
        ("coral/model_invoking_error", 0, ["fake-op-double"]),
    ],
)  # fmt: skip
def test_public_models_map_all_but_their_last_step(
    shared: Path, name: str, mapped: int, left: list[str]
) -> None:
    pattern = f"{name}.tflite".replace("{", "**/").replace("}", "")
    file = next((shared / "data").glob(pattern))
    prediction = predicted(read(file.read_bytes()))
    assert len(prediction.mapped) == mapped
    assert [placement.op for placement in prediction.on_processor] == left


def test_float_models_map_nothing(shared: Path) -> None:
    graph = read((shared / "data" / "mlperf-tiny" / "vww_96_float.tflite").read_bytes())
    assert predicted(graph).mapped == ()


def test_every_model_at_hand_gets_a_prediction(shared: Path) -> None:
    count = 0
    for path in sorted((shared / "data").rglob("*.tflite")):
        graph = read(path.read_bytes())
        prediction = predict(graph)
        if prediction is not None:
            count += 1
            assert len(prediction.placements) == len(graph.operators)
            assert len(prediction.mapped) + len(prediction.on_processor) == len(graph.operators)
    assert count > 100


def test_the_rules_are_those_that_training_goes_by() -> None:
    assert set(RULES) == operators.edgetpu_operators()
    for op, rule in RULES.items():
        assert 10 <= rule.runtime <= 14
        assert 1 <= rule.version <= operators.OPERATORS[op].version


def test_only_the_first_part_maps() -> None:
    # edgetpu_compiler 16.0 on dense, dense, sine, dense: the first two on the Edge TPU.
    prediction = predicted(chain("TANH", "TANH", "SIN", "TANH", "TANH"))
    assert [placement.index for placement in prediction.mapped] == [0, 1]
    reasons = [placement.reason for placement in prediction.on_processor]
    assert reasons == ["is no operator of the Edge TPU", AFTER, AFTER]


def test_a_start_on_the_processor_keeps_nothing_back() -> None:
    # As a float border: the compiler leaves its QUANTIZE and maps what follows.
    prediction = predicted(chain("CAST", "TANH", "RELU", "CAST"))
    assert [placement.index for placement in prediction.mapped] == [1, 2]


@pytest.mark.parametrize(("order", "mapped"), [((0, 1, 2, 3), {1, 2, 3}), ((1, 0, 2, 3), {1, 2})])
def test_a_branch_beside_an_unmapped_operator_maps(order: Sequence[int], mapped: set[int]) -> None:
    """The operator that is written first decides who begins; 0 stays on the processor."""
    steps = [("SIN", (0,), 1), ("TANH", (0,), 2), ("TANH", (2,), 3), ("ADD", (1, 3), 4)]
    nodes = tuple(
        Operator(index, op, False, 1, inputs, (output,), {})
        for index, (op, inputs, output) in enumerate(steps[step] for step in order)
    )
    tensors = tuple(tensor(index, (1, 8)) for index in range(5))
    graph = Graph(tensors, nodes, (0,), (4,), None, 1, "")
    assert {order[placement.index] for placement in predicted(graph).mapped} == mapped


def test_operators_in_a_loop_never_start() -> None:
    tensors = tuple(tensor(index, (1, 8)) for index in range(3))
    loop = tuple(
        Operator(index, "TANH", False, 1, (1 + index,), (2 - index,), {}) for index in (0, 1)
    )
    assert predicted(Graph(tensors, loop, (), (2,), None, 1, "")).mapped == ()


def test_a_long_model_written_backwards_is_no_burden() -> None:
    length = 20_000
    graph = chain(*["TANH"] * length)
    backwards = tuple(
        dataclasses.replace(op, index=index) for index, op in enumerate(reversed(graph.operators))
    )
    assert len(predicted(dataclasses.replace(graph, operators=backwards)).mapped) == length


PICTURE, DEEP = (1, 8, 8, 8), (1, 8, 8, 6)
GOOD: dict[str, Graph] = {
    "ADD": one("ADD", PICTURE, PICTURE, [("int8", (8,), bytes(8))]),
    "AVERAGE_POOL_2D": one("AVERAGE_POOL_2D", PICTURE, (1, 1, 1, 8)),
    "CONCATENATION": one("CONCATENATION", PICTURE, PICTURE, [("int8", PICTURE, bytes(512))]),
    "CONV_2D": one("CONV_2D", PICTURE, (1, 8, 8, 4), [WEIGHTS, BIAS], dilation_w_factor=2,
                   dilation_h_factor=2),
    "DEPTHWISE_CONV_2D": one("DEPTHWISE_CONV_2D", PICTURE, PICTURE, [WEIGHTS, BIAS]),
    "FULLY_CONNECTED": one("FULLY_CONNECTED", (1, 8), (1, 4), [("int8", (4, 8), bytes(32)), BIAS]),
    "MEAN": one("MEAN", PICTURE, (1, 8), [numbers(1, 2)]),
    "PACK": one("PACK", (1, 8), (1, 2, 8), axis=1),
    "PAD": one("PAD", PICTURE, (1, 10, 10, 8), [numbers(0, 0, 1, 1, 1, 1, 0, 0)]),
    "PRELU": one("PRELU", PICTURE, PICTURE, [("int8", (1, 1, 8), bytes(8))]),
    "RESIZE_BILINEAR": one("RESIZE_BILINEAR", PICTURE, (1, 16, 16, 8), [numbers(16, 16)]),
    "SOFTMAX": one("SOFTMAX", (1, 16_000), (1, 16_000)),
    "SPLIT": one("SPLIT", PICTURE, (1, 8, 8, 4), [numbers(3)], first=True, num_splits=2),
    "SQUEEZE": one("SQUEEZE", (1, 1, 10), (10,)),
    "STRIDED_SLICE": one("STRIDED_SLICE", (1, 8), (1, 4),
                         [numbers(0, 0), numbers(1, 4), numbers(1, 1)]),
    "SUM": one("SUM", PICTURE, (1, 8), [numbers(1, 2)]),
    "TRANSPOSE_CONV": one("TRANSPOSE_CONV", (1, 8, 8, 4), PICTURE, [WEIGHTS], first=False),
}  # fmt: skip


@pytest.mark.parametrize("op", GOOD)
def test_an_operator_within_its_limits_maps(op: str) -> None:
    prediction = predicted(GOOD[op])
    assert reason(GOOD[op]) == ""
    assert prediction.runtime_min == RULES[op].runtime


ONES = ("int8", PICTURE, b"\1" * 512)
BAD: tuple[tuple[Graph, str], ...] = (
    (one("SIN", (1, 8), (1, 8)), "is no operator of the Edge TPU"),
    (one("TANH", (1, 8), (1, 8), dtype="float32"), "works on float32"),
    (one("TANH", (1, 8), (1, 8), dtype="int16"), "works on int16"),
    (one("TANH", (2, 8, 8, 8), (2, 8, 8, 8)), "shape [2, 8, 8, 8]: only the three innermost"),
    (one("AVERAGE_POOL_2D", PICTURE, PICTURE, fused_activation_function="RELU6"),
     "fused activation RELU6"),
    (one("MAX_POOL_2D", PICTURE, PICTURE, fused_activation_function="RELU"), "fused activation"),
    (one("CONCATENATION", PICTURE, PICTURE, [ONES]), "constant input must be all zeros"),
    (one("CONCATENATION", PICTURE, PICTURE, [None, ("int8", PICTURE, bytes(512))]), "one of two"),
    (one("CONV_2D", PICTURE, PICTURE, [None, BIAS]), "weights are computed"),
    (one("CONV_2D", PICTURE, PICTURE, [WEIGHTS, None]), "bias are computed"),
    (one("CONV_2D", PICTURE, PICTURE, [("int4", (4, 3, 3, 8), bytes(144))]), "weights are int4"),
    (one("CONV_2D", PICTURE, PICTURE, [WEIGHTS], dilation_w_factor=2), "dilation 2 in x and 1"),
    (one("FULLY_CONNECTED", (4, 8), (4, 4), [("int8", (4, 8), bytes(32))]), "output [4, 4]"),
    (one("FULLY_CONNECTED", (1, 8), (1, 4), [("int8", (4, 8), bytes(32))],
         weights_format="SHUFFLED4x16INT8"), "SHUFFLED4x16INT8; it takes DEFAULT"),
    (one("MEAN", PICTURE, (8, 8, 8), [numbers(0)]), "reduces the batch"),
    (one("MEAN", PICTURE, (8, 8, 8), [None]), "axes are computed"),
    (one("MEAN", DEEP, (1, 8, 8), [numbers(-1)]), "depth of 6: it must be a multiple of 4"),
    (one("SUM", PICTURE, (8,), [numbers(0, 1, 2)]), "reduces the batch"),
    (one("REDUCE_MAX", PICTURE, (8,), [numbers(-4)]), "reduces the batch"),
    (one("REDUCE_MIN", PICTURE, (8,), [numbers(0)]), "reduces the batch"),
    (one("PACK", (8,), (2, 8), axis=0), "packs along the batch"),
    (one("PAD", PICTURE, (1, 8, 8, 8), [numbers(1, 0, 0, 0, 0, 0, 0, 0)]), "pads the batch"),
    (one("PAD", PICTURE, PICTURE, [None]), "paddings are computed"),
    (one("PRELU", PICTURE, PICTURE, [("int8", (8, 8, 8), bytes(512))]), "alpha [8, 8, 8]"),
    (one("RESIZE_NEAREST_NEIGHBOR", (8, 8), (8, 8), [numbers(8, 8)]), "it takes pictures"),
    (one("SOFTMAX", (1, 16_001), (1, 16_001)), "16,001 elements; at most 16,000"),
    (one("SOFTMAX", PICTURE, PICTURE), "input [1, 8, 8, 8]"),
    (one("SPLIT", PICTURE, PICTURE, [numbers(0)], first=True, num_splits=2), "splits the batch"),
    (one("SPLIT", PICTURE, PICTURE, [None], first=True, num_splits=2), "axis is computed"),
    (one("STRIDED_SLICE", (1, 8), (1, 4), [numbers(0, 0), numbers(1, 8), numbers(1, 2)]),
     "strides [1, 2]"),
    (one("STRIDED_SLICE", (1, 8), (1, 4), [numbers(0, 0), numbers(1, 8), numbers(1, 1)],
         new_axis_mask=1), "new_axis_mask must be 0"),
    (one("TRANSPOSE_CONV", (1, 8, 8, 4), PICTURE, [None]), "weights are not constants"),
)  # fmt: skip


@pytest.mark.parametrize(("graph", "said"), BAD, ids=lambda value: None)
def test_an_operator_beyond_a_limit_says_which(graph: Graph, said: str) -> None:
    assert said in reason(graph)
    assert predicted(graph).runtime_min is None


@pytest.mark.parametrize(
    ("graph", "runtime"),
    [
        (one("TANH", (1, 8), (1, 8)), 10),
        (one("QUANTIZE", (1, 8), (1, 8)), 13),
        (one("TRANSPOSE", (1, 8), (8, 1)), 14),
        (one("DEPTHWISE_CONV_2D", PICTURE, PICTURE, [WEIGHTS], dilation_w_factor=2,
             dilation_h_factor=2), 13),
        (one("MEAN", PICTURE, (1, 8, 8), [numbers(3)]), 13),
        (one("PAD", PICTURE, (1, 8, 8, 9), [numbers(0, 0, 0, 0, 0, 0, 0, 1)]), 13),
        (one("SQUEEZE", (5, 1, 10), (5, 10)), 13),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_a_later_runtime_is_asked_for_where_one_is_needed(graph: Graph, runtime: int) -> None:
    assert predicted(graph).runtime_min == runtime


@pytest.mark.parametrize(("op", "version"), [("CONV_2D", 6), ("TRANSPOSE_CONV", 4)])
def test_a_version_that_the_compiler_does_not_load_is_refused(op: str, version: int) -> None:
    made = GOOD[op]
    newer = dataclasses.replace(made.operators[0], version=version)
    prediction = predicted(dataclasses.replace(made, operators=(newer,)))
    (line,) = prediction.refusals
    assert line.startswith(f"{op} has version {version}; the last compiler, 16.0, loads up to ")
    assert prediction.mapped == ()


def test_a_size_that_may_change_is_refused() -> None:
    graph = one("TANH", (1, 8), (1, 8))
    loose = dataclasses.replace(graph.tensors[0], shape_signature=(-1, 8))
    prediction = predicted(dataclasses.replace(graph, tensors=(loose, graph.tensors[1])))
    assert prediction.refusals == ("sizes may change (-1): convert with a fixed batch of 1",)


def test_weights_beyond_the_chip_are_counted() -> None:
    size = CHIP_BYTES + 1000
    graph = one("FULLY_CONNECTED", (1, 8), (1, 4), [("int8", (size // 8, 8), bytes(size))])
    prediction = predicted(graph)
    assert prediction.weight_bytes == size
    assert prediction.streamed_bytes == (1000, size - 6_291_456)


@pytest.mark.parametrize("op", RULES)
def test_an_operator_without_its_inputs_is_no_traceback(op: str) -> None:
    for inputs, outputs in (((), ()), ((-1, -1, -1, -1), (0,)), ((0,), (0,))):
        node = Operator(0, op, False, 1, inputs, outputs, {})
        graph = Graph((tensor(0, ()),), (node,), (), (), None, 1, "")
        assert predict(graph) is not None

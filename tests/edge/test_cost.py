"""Costs of public models against published figures, and of made graphs against a count."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import cost, tflite
from edge.tflite import Graph, Operator, Tensor

# MACs and the least activation memory of the four MLPerf Tiny models, as published for them.
PUBLISHED = [
    ("mlperf-tiny/pretrainedResnet_quant.tflite", 12_501_632, 49_152),
    ("mlperf-tiny/vww_96_int8.tflite", 7_489_664, 55_296),
    ("mlperf-tiny/kws_ref_model.tflite", 2_656_768, 16_000),
    ("mlperf-tiny/ad01_int8.tflite", 264_192, 768),
]


def graph_of(shared: Path, name: str) -> Graph:
    return tflite.read((shared / "data" / name).read_bytes())


@pytest.mark.parametrize(("name", "macs", "bound_bytes"), PUBLISHED)
def test_costs_are_the_published_ones(shared: Path, name: str, macs: int, bound_bytes: int) -> None:
    graph = graph_of(shared, name)
    assert cost.macs(graph) == macs
    assert cost.live_tensor_bound_bytes(graph) == bound_bytes


def test_float_and_int8_models_do_the_same_work(shared: Path) -> None:
    whole = graph_of(shared, "mlperf-tiny/kws_ref_model.tflite")
    real = graph_of(shared, "mlperf-tiny/kws_ref_model_float32.tflite")
    assert cost.macs(whole) == cost.macs(real)
    assert cost.live_tensor_bound_bytes(real) == 4 * cost.live_tensor_bound_bytes(whole)


def test_weights_lie_inside_the_file(shared: Path) -> None:
    for file in (shared / "data").glob("*/*.tflite"):
        content = file.read_bytes()
        assert cost.weight_bytes(tflite.read(content)) <= len(content)


def test_a_shared_constant_counts_once() -> None:
    graph = made([(4,), (4,), (4,)], [("ADD", (0, 1), (2,))])
    tensors = tuple(replace(t, data=b"abcd") for t in graph.tensors[:2])
    assert cost.weight_bytes(replace(graph, tensors=(*tensors, graph.tensors[2]))) == 4


def made(
    shapes: list[tuple[int, ...]],
    operators: Sequence[tuple[str, tuple[int, ...], tuple[int, ...]]],
    options: dict[str, tflite.graph.OptionValue] | None = None,
) -> Graph:
    """Return an int8 graph; its inputs are the first tensor, its outputs the last."""
    tensors = tuple(
        Tensor(i, f"t{i}", shape, "int8", None, None, is_variable=False)
        for i, shape in enumerate(shapes)
    )
    ops = tuple(
        Operator(i, name, False, 1, inputs, outputs, options or {})
        for i, (name, inputs, outputs) in enumerate(operators)
    )
    return Graph(tensors, ops, (0,), (len(shapes) - 1,), None, 1, "")


# operator, shapes of its inputs, of its output, options, multiplications counted by hand
BY_HAND = [
    ("CONV_2D", [(1, 8, 8, 3), (16, 3, 3, 3)], (1, 4, 4, 16), {}, 4 * 4 * 16 * 27),
    ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 8)], (1, 8, 8, 8), {}, 8 * 8 * 8 * 9),
    ("FULLY_CONNECTED", [(1, 10), (5, 10)], (1, 5), {}, 50),
    ("FULLY_CONNECTED", [(2, 3, 10), (5, 10)], (2, 3, 5), {"keep_num_dims": True}, 300),
    ("TRANSPOSE_CONV", [(4,), (6, 4, 4, 3), (1, 5, 5, 3)], (1, 10, 10, 6), {}, 25 * 3 * 16 * 6),
    ("BATCH_MATMUL", [(2, 4, 16), (2, 16, 8)], (2, 4, 8), {"adj_x": False}, 2 * 4 * 8 * 16),
    ("BATCH_MATMUL", [(2, 16, 4), (2, 16, 8)], (2, 4, 8), {"adj_x": True}, 2 * 4 * 8 * 16),
    ("SVDF", [(1, 40), (8, 40), (8, 10)], (1, 8), {"rank": 1}, 8 * 40 + 8 * 10),
    ("CONV_3D", [(1, 4, 4, 4, 2), (2, 2, 2, 2, 5)], (1, 3, 3, 3, 5), {}, 27 * 5 * 8 * 2),
    ("ADD", [(1, 8), (1, 8)], (1, 8), {}, 0),
    ("CONV_2D", [(1, 8, 8, 3)], (1, 4, 4, 16), {}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "output", "options", "macs"), BY_HAND)
def test_multiplications_are_those_counted_by_hand(
    op: str,
    inputs: list[tuple[int, ...]],
    output: tuple[int, ...],
    options: dict[str, tflite.graph.OptionValue],
    macs: int,
) -> None:
    count = len(inputs)
    graph = made([*inputs, output], [(op, tuple(range(count)), (count,))], options)
    assert cost.macs(graph) == macs


def test_an_lstm_counts_each_gate_at_each_step(shared: Path) -> None:
    graph = graph_of(shared, "tflite-micro/trained_lstm_int8.tflite")
    lstm = graph.operators[0]
    units = graph.tensors[lstm.outputs[0]].shape[-1]
    assert cost.operator_macs(graph, lstm) == 28 * 4 * units * (28 + units)


@given(st.lists(st.integers(1, 200), min_size=2, max_size=12))
def test_a_chain_needs_its_largest_pair(sizes: list[int]) -> None:
    ops = [("RELU", (i,), (i + 1,)) for i in range(len(sizes) - 1)]
    pairs = [a + b for a, b in itertools.pairwise(sizes)]
    assert cost.live_tensor_bound_bytes(made([(s,) for s in sizes], ops)) == max(pairs)


@given(st.data())
def test_the_bound_is_the_largest_sum_of_what_is_still_needed(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 8))
    sizes = data.draw(st.lists(st.integers(1, 50), min_size=count, max_size=count))
    ops = [("CONCATENATION", (data.draw(st.integers(0, i)), i), (i + 1,)) for i in range(count - 1)]
    graph = made([(s,) for s in sizes], ops)
    sums = []
    for step in range(len(ops)):
        begun = {0, *(out for _, _, outs in ops[: step + 1] for out in outs)}
        needed = {count - 1, *(i for _, ins, outs in ops[step:] for i in (*ins, *outs))}
        sums.append(int(np.sum([sizes[i] for i in begun & needed])))
    assert cost.live_tensor_bound_bytes(graph) == max(sums)


def test_a_residual_keeps_its_shortcut_alive() -> None:
    ops = [("RELU", (0,), (1,)), ("RELU", (1,), (2,)), ("ADD", (0, 2), (3,))]
    assert cost.live_tensor_bound_bytes(made([(10,), (7,), (10,), (10,)], ops)) == 30

"""What a graph costs, from its shapes alone: multiplications, constant bytes, live tensors."""

import math
from collections.abc import Callable

from edge.tflite import Graph, Operator, Tensor


def macs(graph: Graph) -> int:
    """Return the multiply-accumulates of one inference at batch 1 (batch -1 counts as 1)."""
    return sum(operator_macs(graph, op) for op in graph.operators)


def operator_macs(graph: Graph, op: Operator) -> int:
    """Return the multiply-accumulates of one operator; 0 for those that are not matrix-like."""
    count = MACS.get(op.op)
    if count is None or op.custom:
        return 0
    inputs: Tensors = [graph.tensors[i] if i >= 0 else None for i in op.inputs]
    outputs: Tensors = [graph.tensors[i] for i in op.outputs]
    try:
        return count(op, inputs, outputs)
    except (IndexError, ValueError):
        return 0  # a node without its weights or of a wrong rank runs nowhere: it costs nothing


def weight_bytes(graph: Graph) -> int:
    """Return the bytes of all constants, each shared buffer counted once."""
    return sum(map(len, {t.data for t in graph.tensors if t.data is not None}))


def live_tensor_bound_bytes(graph: Graph) -> int:
    """Return the largest sum of tensors that are alive at one operator, in file order.

    No arena can be smaller while each tensor lies in one piece of its own: inputs live from the
    begin to their last use, outputs to the end, variables always, constants never.
    """
    spans = _lifetimes(graph)
    changes = [0] * (len(graph.operators) + 2)
    for index, (first, last) in spans.items():
        changes[first] += graph.tensors[index].size_bytes
        changes[last + 1] -= graph.tensors[index].size_bytes
    live = peak = 0
    for change in changes:
        live += change
        peak = max(peak, live)
    return peak


def _lifetimes(graph: Graph) -> dict[int, tuple[int, int]]:
    """Return tensor index -> (first, last) operator that needs it."""
    end = max(len(graph.operators) - 1, 0)
    spans: dict[int, tuple[int, int]] = {}

    def touch(index: int, step: int) -> None:
        if index >= 0 and graph.tensors[index].data is None:
            first, last = spans.get(index, (step, step))
            spans[index] = min(first, step), max(last, step)

    for index in graph.inputs:
        touch(index, 0)
    for step, op in enumerate(graph.operators):
        for index in (*op.inputs, *op.outputs):
            touch(index, step)
    for index in graph.outputs:
        touch(index, end)
    return {
        index: (0, end) if graph.tensors[index].is_variable else span
        for index, span in spans.items()
    }


def _sides(tensor: Tensor | None) -> tuple[int, ...]:
    """Return the shape with -1 as 1, () for an absent tensor."""
    return tuple(1 if side == -1 else side for side in tensor.shape) if tensor else ()


def _size(tensor: Tensor | None) -> int:
    """Return the elements of a tensor, 0 for an absent one."""
    return math.prod(_sides(tensor)) if tensor else 0


Tensors = list[Tensor | None]


def _conv_2d(_op: Operator, inputs: Tensors, outputs: Tensors) -> int:
    _, height, width, channels = _sides(inputs[1])  # filter: O, H, W, I
    return _size(outputs[0]) * height * width * channels


def _conv_3d(_op: Operator, inputs: Tensors, outputs: Tensors) -> int:
    depth, height, width, channels, _ = _sides(inputs[1])  # filter: D, H, W, I, O
    return _size(outputs[0]) * depth * height * width * channels


def _depthwise_conv_2d(_op: Operator, inputs: Tensors, outputs: Tensors) -> int:
    _, height, width, _ = _sides(inputs[1])  # filter: 1, H, W, channels x multiplier
    return _size(outputs[0]) * height * width


def _transpose_conv(_op: Operator, inputs: Tensors, _outputs: Tensors) -> int:
    channels, height, width, _ = _sides(inputs[1])  # inputs: output shape, filter OHWI, data
    return _size(inputs[2]) * height * width * channels


def _fully_connected(_op: Operator, inputs: Tensors, outputs: Tensors) -> int:
    return _size(outputs[0]) * _sides(inputs[1])[-1]  # filter: O, I


def _batch_matmul(op: Operator, inputs: Tensors, outputs: Tensors) -> int:
    return _size(outputs[0]) * _sides(inputs[0])[-2 if op.options.get("adj_x") else -1]


def _svdf(_op: Operator, inputs: Tensors, _outputs: Tensors) -> int:
    batch = _sides(inputs[0])[0]
    return batch * (_size(inputs[1]) + _size(inputs[2]))  # feature weights, time weights


def _lstm(op: Operator, inputs: Tensors, _outputs: Tensors) -> int:
    steps = math.prod(_sides(inputs[0])[:-1])
    if op.options.get("kernel_type") == "BASIC":
        return steps * _size(inputs[2])  # all four gates in one matrix
    # Four gates on the input, four on the state, then the projection where there is one.
    return steps * sum(map(_size, [*inputs[1:9], *inputs[16:17]]))


def _rnn(_op: Operator, inputs: Tensors, _outputs: Tensors) -> int:
    return math.prod(_sides(inputs[0])[:-1]) * (_size(inputs[1]) + _size(inputs[2]))


MACS: dict[str, Callable[[Operator, Tensors, Tensors], int]] = {
    "CONV_2D": _conv_2d,
    "CONV_3D": _conv_3d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "SVDF": _svdf,
    "LSTM": _lstm,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "RNN": _rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn,
}

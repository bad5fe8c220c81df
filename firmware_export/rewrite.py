"""Passes Graph -> Graph that leave every output byte as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge.tflite import Graph, Operator, Tensor
from firmware_export.fold import fold_constants
from firmware_export.node import BYTE_TYPES, has_one_scale, scale, zero_point

# They give another shape to the same bytes.
RESHAPES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A graph that runs as it stands; `storage` names the tensor whose bytes another one shares."""

    graph: Graph
    storage: Mapping[int, int]

    def at(self, index: int) -> int:
        """Return the tensor that holds the bytes of a tensor."""
        return self.storage.get(index, index)


def rewrite(graph: Graph) -> Rewritten:
    """Apply every pass in order."""
    for change in PASSES:
        graph = change(graph)
    return fold_aliases(graph)


def drop_float_inputs(graph: Graph) -> Graph:
    """Where a float input only feeds one QUANTIZE, the caller gives what that would give."""
    inputs, dropped = list(graph.inputs), set()
    for place, index in enumerate(graph.inputs):
        readers = [op for op in graph.operators if index in op.inputs]
        if graph.tensors[index].dtype != "float32" or index in graph.outputs or len(readers) != 1:
            continue
        (reader,) = readers
        if reader.op == "QUANTIZE" and _is_byte(graph, reader.outputs[0]):
            inputs[place] = reader.outputs[0]
            dropped.add(reader.index)
    return _without(replace(graph, inputs=tuple(inputs)), dropped)


def drop_float_outputs(graph: Graph) -> Graph:
    """Where a float output comes from DEQUANTIZE, the caller gets what goes into that."""
    outputs, dropped = list(graph.outputs), set()
    makers = {out: op for op in graph.operators for out in op.outputs}
    for place, index in enumerate(graph.outputs):
        maker = makers.get(index)
        if maker is None or maker.op != "DEQUANTIZE" or not _is_byte(graph, maker.inputs[0]):
            continue
        if not any(index in op.inputs for op in graph.operators):
            outputs[place] = maker.inputs[0]
            dropped.add(maker.index)
    return _without(replace(graph, outputs=tuple(outputs)), dropped)


def make_outputs(graph: Graph) -> Graph:
    """Give a buffer of its own to an output that is a constant or an input."""
    tensors, operators, outputs = list(graph.tensors), list(graph.operators), []
    for index in graph.outputs:
        if tensors[index].data is None and index not in graph.inputs:
            outputs.append(index)
            continue
        copy = len(tensors)
        tensors.append(replace(tensors[index], index=copy, data=None))
        operators.append(
            Operator(len(operators), "RESHAPE", False, 1, (index,), (copy,), options={})
        )
        outputs.append(copy)
    return replace(
        graph, tensors=tuple(tensors), operators=tuple(operators), outputs=tuple(outputs)
    )


def fold_aliases(graph: Graph) -> Rewritten:
    """Drop operators that only rename bytes: their readers read the source.

    One that joins a graph input to a graph output stays: those are two buffers of the caller.
    """
    storage: dict[int, int] = {}
    dropped = set()
    for op in graph.operators:
        if not op.inputs or not op.outputs or not _is_alias(graph, op):
            continue
        into = storage.get(op.inputs[0], op.inputs[0])
        is_border = into in graph.inputs and op.outputs[0] in graph.outputs
        source = graph.tensors[into]
        if not is_border and source.data is None and not source.is_variable:
            storage[op.outputs[0]] = into
            dropped.add(op.index)
    return Rewritten(_without(graph, dropped), storage)


def _is_alias(graph: Graph, op: Operator) -> bool:
    if op.custom or not op.outputs:
        return False
    into, out = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if op.op in RESHAPES:
        return into.dtype == out.dtype and into.size_bytes == out.size_bytes
    if op.op != "QUANTIZE" or not (has_one_scale(into) and has_one_scale(out)):
        return False
    # int8 and uint8 of one scale are the same byte here
    return (scale(into), zero_point(into)) == (scale(out), zero_point(out))


def _is_byte(graph: Graph, index: int) -> bool:
    tensor: Tensor = graph.tensors[index]
    return tensor.dtype in BYTE_TYPES and has_one_scale(tensor)


def _without(graph: Graph, dropped: set[int]) -> Graph:
    kept = [op for op in graph.operators if op.index not in dropped]
    return replace(graph, operators=tuple(replace(op, index=i) for i, op in enumerate(kept)))


PASSES = (fold_constants, drop_float_inputs, drop_float_outputs, make_outputs)

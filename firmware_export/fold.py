"""Operators on shapes and other constants, computed at export time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Graph, Operator, Tensor
from firmware_export.node import NUMPY_TYPES, shape

MOST_ELEMENTS = 1 << 20  # of a folded tensor; beyond it a file is not believed
Arrays = list[NDArray[Any]]


def option(op: Operator, name: str) -> int:
    """Return an integer option, 0 where the file leaves it out."""
    value = op.options.get(name, 0)
    return value if isinstance(value, int) else 0


def strided(array: NDArray[Any], arrays: Arrays, op: Operator) -> NDArray[Any]:
    """Return what STRIDED_SLICE takes of `array`; `arrays` are begin, end and strides."""
    begin, end, step = (a.reshape(-1).tolist() for a in arrays)
    masks = {name: option(op, f"{name}_mask") for name in ("begin", "end")}
    shrink = option(op, "shrink_axis_mask")
    where: list[slice | int] = []
    for axis in range(len(begin)):
        first = None if masks["begin"] >> axis & 1 else begin[axis]
        last = None if masks["end"] >> axis & 1 else end[axis]
        where.append(begin[axis] if shrink >> axis & 1 else slice(first, last, step[axis]))
    result: NDArray[Any] = array[tuple(where)]
    return result


def _sliced(array: NDArray[Any], begin: NDArray[Any], size: NDArray[Any]) -> NDArray[Any]:
    pairs = zip(begin.reshape(-1).tolist(), size.reshape(-1).tolist(), strict=True)
    result: NDArray[Any] = array[tuple(slice(b, None if s < 0 else b + s) for b, s in pairs)]
    return result


# What is folded -> the value of its first output from those of its inputs.
FOLDS: Mapping[str, Callable[[Arrays, Operator], NDArray[Any]]] = {
    "ADD": lambda a, _: a[0] + a[1],
    "CAST": lambda a, _: a[0],
    "CONCATENATION": lambda a, op: np.concatenate(a, option(op, "axis")),
    "EXPAND_DIMS": lambda a, _: a[0],
    "GATHER": lambda a, op: np.take(a[0], a[1], option(op, "axis")),
    "MUL": lambda a, _: a[0] * a[1],
    "PACK": lambda a, op: np.stack(a, option(op, "axis")),
    "RESHAPE": lambda a, _: a[0],
    "SLICE": lambda a, _: _sliced(a[0], a[1], a[2]),
    "SQUEEZE": lambda a, _: a[0],
    "STRIDED_SLICE": lambda a, op: strided(a[0], a[1:], op),
    "SUB": lambda a, _: a[0] - a[1],
    "TRANSPOSE": lambda a, _: a[0].transpose(a[1].reshape(-1).tolist()),
}
# These only move values, so they are folded whatever the values mean.
MOVES = frozenset({"EXPAND_DIMS", "RESHAPE", "SLICE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"})


def fold_constants(graph: Graph) -> Graph:
    """Compute the operators whose inputs are all constant, and SHAPE; the rest stays."""
    tensors, kept = list(graph.tensors), []
    for op in graph.operators:
        value = None if op.custom or len(op.outputs) != 1 else _value(tensors, op)
        if value is None:
            kept.append(op)
        else:
            out = op.outputs[0]
            tensors[out] = replace(tensors[out], data=value)
    return replace(
        graph,
        tensors=tuple(tensors),
        operators=tuple(replace(op, index=i) for i, op in enumerate(kept)),
    )


def _value(tensors: list[Tensor], op: Operator) -> bytes | None:
    """Return the bytes that an operator computes, None where it is not constant."""
    out, ins = tensors[op.outputs[0]], [tensors[i] for i in op.inputs if i >= 0]
    if op.op == "SHAPE" and ins:
        return _packed(np.array(shape(ins[0])), out)
    if op.op not in FOLDS or not ins or any(t.data is None for t in ins):
        return None
    if op.op not in MOVES and out.dtype not in ("int32", "int64"):
        return None
    if any(t.dtype not in NUMPY_TYPES or _count(t) > MOST_ELEMENTS for t in (*ins, out)):
        return None
    try:
        arrays = [np.frombuffer(t.data or b"", NUMPY_TYPES[t.dtype]).reshape(shape(t)) for t in ins]
        return _packed(FOLDS[op.op](arrays, op), out)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None  # damaged: the operator stays and is refused as it stands


def _packed(values: NDArray[Any], out: Tensor) -> bytes | None:
    fits = values.size == _count(out) and out.dtype in NUMPY_TYPES
    return np.ascontiguousarray(values.astype(NUMPY_TYPES[out.dtype])).tobytes() if fits else None


def _count(tensor: Tensor) -> int:
    return math.prod(shape(tensor))

"""Data movement and broadcasting as two strided views of one shape, for kernels of five loops."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Tensor
from firmware_export.node import Call, Constant, Node, shape, values

MOST_DIMS = 5
View = NDArray[np.int8]
Fields = tuple[tuple[str, str], ...]


def base(tensor: Tensor) -> View:
    """Return an array whose addresses stand for a tensor's; its values mean nothing."""
    return np.empty(shape(tensor), np.int8)


def start_bytes(view: View, whole: View) -> int:
    """Return where a view begins in the tensor that it was taken of."""
    return int(view.__array_interface__["data"][0] - whole.__array_interface__["data"][0])


def collapse(*views: View) -> tuple[list[int], list[list[int]]]:
    """Return dimensions and the steps of each view, joined where all views allow it.

    Padded in front to MOST_DIMS; ValueError where more are left.
    """
    dims: list[int] = []
    steps: list[list[int]] = [[] for _ in views]
    for axis, side in enumerate(views[0].shape):
        if side == 1:
            continue
        own = [view.strides[axis] for view in views]
        if dims and all(s[-1] == o * side for s, o in zip(steps, own, strict=True)):
            dims[-1] *= side
            for s, o in zip(steps, own, strict=True):
                s[-1] = o
        else:
            dims.append(side)
            for s, o in zip(steps, own, strict=True):
                s.append(o)
    missing = MOST_DIMS - len(dims)
    if missing < 0:
        raise ValueError(f"{len(dims)} dimensions that cannot be joined; at most {MOST_DIMS}")
    return [1] * missing + dims, [[0] * missing + s for s in steps]


def array(numbers: list[int]) -> str:
    """Return a C initializer."""
    return f"{{ {', '.join(map(str, numbers))} }}"


def source(node: Node, position: int) -> tuple[int | str, tuple[Constant, ...]]:
    """Return an input as a call takes it: its position, or a constant with its name."""
    tensor = node.input(position)
    if tensor.data is None:
        return position, ()
    name = f"input{position}"
    return f"@{name}", (Constant(name, values(tensor).astype(np.int8)),)


def copy(
    node: Node, position: int, into: tuple[View, View], output: int, out: tuple[View, View],
    table: NDArray[np.int8] | None = None,
) -> Call:  # fmt: skip
    """Return the copy of a view of an input to a view of an output, each given with its whole.

    With a table every byte is looked up on its way.
    """
    dims, (in_step, out_step) = collapse(into[0], out[0])
    where, constants = source(node, position)
    layout: Fields = (
        ("dims", array(dims)),
        ("in_step", array(in_step)),
        ("out_step", array(out_step)),
    )
    starts = (start_bytes(*into), start_bytes(*out))
    if table is None:
        kernels, function, fields = ("copy", "copy_plain"), "copy", layout
    else:
        kernels, function = ("copy", "copy_table"), "copy_table"
        text = ", ".join(value for _, value in layout)
        fields = (("copy", f"{{ {text} }}"), ("table", "@table"))
        constants = (*constants, Constant("table", table))
    return Call(
        kernels, function, fields, constants,
        inputs=(where,), outputs=(output,), starts=starts,
    )  # fmt: skip


def numbers(node: Node, position: int) -> list[int]:
    """Return a constant's integers."""
    found: list[Any] = values(node.input(position)).reshape(-1).tolist()
    return [int(number) for number in found]

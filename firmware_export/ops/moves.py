"""Operators that only move bytes: each is one or more copies between views."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Tensor
from firmware_export.fold import strided
from firmware_export.node import (
    Call,
    Node,
    elements,
    has_one_scale,
    not_bytes,
    quantised,
    scale,
    shape,
    values,
    zero_point,
)
from firmware_export.ops.views import View, base, copy, numbers


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A view of an input (position and whole) and the view of an output that it fills."""

    position: int
    into: View
    whole_in: View
    output: int
    out: View
    whole_out: View


Moves = Iterator[Move]


def _same(node: Node) -> Moves:
    whole, out = base(node.input()), base(node.output())
    yield Move(0, whole.reshape(out.shape), whole, 0, out, out)


def _into_output(node: Node, position: int, view: Callable[[View], View]) -> Move:
    """Return the move of `view` of an input to the whole of output 0."""
    whole, out = base(node.input(position)), base(node.output())
    into = view(whole)
    return Move(position, into, whole, 0, out.reshape(into.shape), out)


def _transpose(node: Node) -> Moves:
    yield _into_output(node, 0, lambda a: a.transpose(numbers(node, 1)))


def _slice(node: Node) -> Moves:
    pairs = zip(numbers(node, 1), numbers(node, 2), strict=True)
    where = tuple(slice(b, None if s < 0 else b + s) for b, s in pairs)
    yield _into_output(node, 0, lambda a: a[where])


def _strided_slice(node: Node) -> Moves:
    arrays = [values(node.input(i)) for i in (1, 2, 3)]
    yield _into_output(node, 0, lambda a: strided(a, arrays, node.op))


def _broadcast_to(node: Node) -> Moves:
    yield _into_output(node, 0, lambda a: np.broadcast_to(a, shape(node.output())))


def _space_to_depth(node: Node) -> Moves:
    block = node.option("block_size", 1)

    def view(a: View) -> View:
        n, h, w, c = a.shape
        split = a.reshape(n, h // block, block, w // block, block, c)
        return split.transpose(0, 1, 3, 2, 4, 5)

    yield _into_output(node, 0, view)


def _depth_to_space(node: Node) -> Moves:
    block = node.option("block_size", 1)

    def view(a: View) -> View:
        n, h, w, c = a.shape
        split = a.reshape(n, h, w, block, block, c // (block * block))
        return split.transpose(0, 1, 3, 2, 4, 5)

    yield _into_output(node, 0, view)


def _concatenation(node: Node) -> Moves:
    out = base(node.output())
    axis, at = node.option("axis", 0) % out.ndim, 0
    for position in range(len(node.op.inputs)):
        whole = base(node.input(position))
        side = whole.shape[axis]
        where = (slice(None),) * axis + (slice(at, at + side),)
        yield Move(position, whole, whole, 0, out[where], out)
        at += side


def _pack(node: Node) -> Moves:
    out = base(node.output())
    ahead = np.moveaxis(out, node.option("axis", 0), 0)
    for position in range(len(node.op.inputs)):
        whole = base(node.input(position))
        yield Move(position, whole, whole, 0, ahead[position], out)


def _unpack(node: Node) -> Moves:
    whole = base(node.input())
    ahead = np.moveaxis(whole, node.option("axis", 0), 0)
    for position in range(len(node.op.outputs)):
        out = base(node.output(position))
        yield Move(0, ahead[position].reshape(out.shape), whole, position, out, out)


def _split(node: Node) -> Moves:
    yield from _parts(node, 1, numbers(node, 0)[0])


def _split_v(node: Node) -> Moves:
    yield from _parts(node, 0, numbers(node, 2)[0])


def _parts(node: Node, position: int, axis: int) -> Moves:
    whole, at = base(node.input(position)), 0
    axis %= whole.ndim
    for number in range(len(node.op.outputs)):
        out = base(node.output(number))
        where = (slice(None),) * axis + (slice(at, at + out.shape[axis]),)
        yield Move(position, whole[where], whole, number, out, out)
        at += out.shape[axis]


def _pad(node: Node) -> Moves:
    whole, out = base(node.input()), base(node.output())
    pads = values(node.input(1)).reshape(-1, 2).tolist()
    where = tuple(slice(b, b + n) for (b, _), n in zip(pads, whole.shape, strict=True))
    yield Move(0, whole, whole, 0, out[where], out)


def _space_to_batch(node: Node) -> Moves:
    """Fold a padded picture into its blocks; what lies outside keeps the fill."""
    whole, out = base(node.input()), base(node.output())
    block, pads = numbers(node, 1), values(node.input(2)).reshape(-1, 2).tolist()
    n, sides = whole.shape[0], whole.shape[1 : 1 + len(block)]
    for part in np.ndindex(*block):
        take, put = [slice(None)], [slice(None)]
        for b, s, (before, _), side in zip(block, part, pads, sides, strict=True):
            first = max(-(-(before - s) // b), 0)  # the first block row that meets the picture
            begin = first * b + s - before
            count = len(range(begin, side, b))
            take.append(slice(begin, None, b))
            put.append(slice(first, first + count))
        index = int(np.ravel_multi_index(part, tuple(block)))
        target = out[index * n : (index + 1) * n]
        yield Move(0, whole[tuple(take)], whole, 0, target[tuple(put)], out)


def _batch_to_space(node: Node) -> Moves:
    whole, out = base(node.input()), base(node.output())
    block, crops = numbers(node, 1), values(node.input(2)).reshape(-1, 2).tolist()
    n, sides = out.shape[0], out.shape[1 : 1 + len(block)]
    for part in np.ndindex(*block):
        take, put = [slice(None)], [slice(None)]
        for b, s, (before, _), side in zip(block, part, crops, sides, strict=True):
            first = max(-(-(before - s) // b), 0)
            begin = first * b + s - before
            count = len(range(begin, side, b))
            put.append(slice(begin, None, b))
            take.append(slice(first, first + count))
        index = int(np.ravel_multi_index(part, tuple(block)))
        source = whole[index * n : (index + 1) * n]
        yield Move(0, source[tuple(take)], whole, 0, out[tuple(put)], out)


@dataclass(frozen=True, slots=True)
class Mover:
    """An operator of the table: `moves` of it, which inputs are constant, what fills the rest."""

    moves: Callable[[Node], Moves]
    constants: tuple[int, ...] = ()
    fill: Callable[[Node], int] | None = None
    data: int = 0
    joins: bool = False  # every input is data, and uint8 ones may be scaled

    def faults(self, node: Node) -> list[str]:
        """Return why it cannot be exported."""
        inputs = range(len(node.op.inputs)) if self.joins else (self.data,)
        outputs = range(len(node.op.outputs))
        tensors = [*(node.input(i) for i in inputs), *(node.output(i) for i in outputs)]
        found = quantised(*tensors) if self.fill or self.joins else not_bytes(*tensors)
        for position in self.constants:
            if not node.has_input(position) or node.input(position).data is None:
                found.append(f"input {position} is computed, not constant: fix the shapes")
        if node.option("fused_activation_function", "NONE") != "NONE":
            found.append("a fused activation is not supported here")
        for name in ("ellipsis_mask", "new_axis_mask"):
            if node.option(name, 0):
                found.append(f"{name} is not supported: reshape before it")
        if not found and self.joins:
            found += _joined(node)
        return found or self._shapes(node)

    def _shapes(self, node: Node) -> list[str]:
        try:
            for move in self.moves(node):
                if move.into.shape != move.out.shape:
                    raise ValueError(f"{move.into.shape} into {move.out.shape}")
                copy(node, move.position, (move.into, move.whole_in), 0,
                     (move.out, move.whole_out))  # fmt: skip
        except (ValueError, IndexError, TypeError) as error:
            return [f"its shapes do not fit each other: {error}"]
        return []

    def call(self, node: Node) -> tuple[Call, ...]:
        """Return the copies, after a fill where they leave something out."""
        calls = []
        if self.fill is not None:
            fields = (("count", str(elements(node.output()))), ("value", str(self.fill(node))))
            calls.append(Call(("fill",), "fill", fields, inputs=()))
        for move in self.moves(node):
            if move.out.size:
                table = _table(node.input(move.position), node.output(move.output))
                calls.append(
                    copy(node, move.position, (move.into, move.whole_in), move.output,
                         (move.out, move.whole_out), table if self.joins else None)
                )  # fmt: skip
        return tuple(calls)


def _joined(node: Node) -> list[str]:
    out = node.output()
    return [
        f"tensor '{t.name}' has another scale than the output: only uint8 may; convert again"
        for t in (node.input(i) for i in range(len(node.op.inputs)))
        if out.dtype != "uint8" and _table(t, out) is not None
    ]


def _table(into: Tensor, out: Tensor) -> NDArray[np.int8] | None:
    """Return what the bytes of one scale become in another, None where they are the same.

    A float32 factor and offset, halves away from zero: as CONCATENATION of uint8 is defined.
    """
    if not (has_one_scale(into) and has_one_scale(out)):
        return None
    if (scale(into), zero_point(into)) == (scale(out), zero_point(out)):
        return None
    factor = scale(into) * (np.float32(1.0) / scale(out))
    zero_in, zero_out = zero_point(into) + 128, zero_point(out) + 128
    real = np.arange(256).astype(np.float32) * factor + np.float32(-zero_in) * factor
    steps = np.trunc(real + np.copysign(np.float32(0.5), real)).astype(np.int64) + zero_out
    result: NDArray[np.int8] = (steps.clip(0, 255) - 128).astype(np.int8)
    return result


def _zero(node: Node) -> int:
    return zero_point(node.output())


def _outside(node: Node) -> int:
    """Return what TFLM and LiteRT differ in: 0 however the zero point lies, or the zero point."""
    return 0 if node.rounding == "tflm" else _zero(node)


def _given(node: Node) -> int:
    return int(values(node.input(2)).reshape(-1)[0]) if node.has_input(2) else _zero(node)


MOVERS = {
    "BATCH_TO_SPACE_ND": Mover(_batch_to_space, (1, 2)),
    "BROADCAST_TO": Mover(_broadcast_to),
    "CONCATENATION": Mover(_concatenation, joins=True),
    "DEPTH_TO_SPACE": Mover(_depth_to_space),
    "EXPAND_DIMS": Mover(_same),
    "PACK": Mover(_pack, joins=True),
    "PAD": Mover(_pad, (1,), _zero),
    "PADV2": Mover(_pad, (1, 2), _given),
    "RESHAPE": Mover(_same),
    "SLICE": Mover(_slice, (1, 2)),
    "SPACE_TO_BATCH_ND": Mover(_space_to_batch, (1, 2), _outside),
    "SPACE_TO_DEPTH": Mover(_space_to_depth),
    "SPLIT": Mover(_split, (0,), data=1),
    "SPLIT_V": Mover(_split_v, (1, 2)),
    "SQUEEZE": Mover(_same),
    "STRIDED_SLICE": Mover(_strided_slice, (1, 2, 3)),
    "TRANSPOSE": Mover(_transpose, (1,)),
    "UNPACK": Mover(_unpack),
}

"""One operator with its tensors, and the questions that the rules ask of it."""

import struct
from dataclasses import dataclass

from edge.tflite import Graph, Operator, Tensor


@dataclass(frozen=True, slots=True)
class Node:
    """An operator with its tensors; `inputs` may hold None where an input is absent."""

    op: Operator
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """Return what is computed at run time: inputs that are no constants, and outputs.

        A state that lives between calls, such as an LSTM's, has its own type and is none of them.
        """
        given = (t for t in self.inputs if t and t.data is None and not t.is_variable)
        return (*given, *self.outputs)

    def input(self, index: int) -> Tensor | None:
        """Return an input, None where the operator has it not."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int) -> tuple[int, ...] | None:
        """Return the whole numbers of a constant int32 or int64 input, None for anything else."""
        tensor = self.input(index)
        size = {"int32": 4, "int64": 8}.get(tensor.dtype, 0) if tensor else 0
        if tensor is None or tensor.data is None or not size:
            return None
        form = f"<{len(tensor.data) // size}{'i' if size == 4 else 'q'}"
        return struct.unpack(form, tensor.data)

    def axes(self, index: int) -> tuple[int, ...]:
        """Return a constant list of axes counted from 0, () where it is none."""
        tensor = self.input(0)
        rank = len(tensor.shape) if tensor else 0
        return tuple(axis % rank for axis in self.constant(index) or () if rank)


def node_of(graph: Graph, op: Operator) -> Node:
    """Return an operator of a graph with its tensors."""
    inputs = tuple(graph.tensors[index] if index >= 0 else None for index in op.inputs)
    return Node(op, inputs, tuple(graph.tensors[index] for index in op.outputs))


def outer(shape: tuple[int, ...], inner: int) -> tuple[int, ...]:
    """Return the sides of a shape but for the `inner` last ones."""
    return shape[: max(len(shape) - inner, 0)]

"""One operator of a graph with its tensors at hand, and what an op module makes of it."""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Graph, Operator, Tensor

Rounding = Literal["tflm", "litert"]
NUMPY_TYPES = {"int8": "i1", "uint8": "u1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}
# The C works on int8: a uint8 value q is held as q - 128, by its flipped top bit.
BYTE_TYPES = ("int8", "uint8")
UNSIGNED_SHIFT = 128


@dataclass(frozen=True, slots=True)
class Node:
    """An operator in its graph; `rounding` is the profile that the export was asked for."""

    graph: Graph
    op: Operator
    rounding: Rounding = "tflm"

    def has_input(self, position: int) -> bool:
        """Return whether the optional input is there."""
        return position < len(self.op.inputs) and self.op.inputs[position] >= 0

    def input(self, position: int = 0) -> Tensor:
        """Return an input tensor; IndexError where it is absent."""
        if self.op.inputs[position] < 0:
            raise IndexError(f"input {position} is absent")
        return self.graph.tensors[self.op.inputs[position]]

    def output(self, position: int = 0) -> Tensor:
        """Return an output tensor."""
        return self.graph.tensors[self.op.outputs[position]]

    def option(self, name: str, default: Any) -> Any:
        """Return an option of the operator, or its default in the schema."""
        return self.op.options.get(name, default)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """An array that goes to flash: `dtype` is int8, int16 or int32."""

    name: str
    values: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """How a node is run in C.

    `kernels` are files of kernels/ in order of dependence; `function` takes a pointer to a
    constant struct of type `function_t` with the members `fields` (C expressions; `@name` stands
    for a constant), then `inputs`, then the outputs, then the scratch where there is one.
    `inputs` are positions among the operator's inputs, or `@name` of a constant; `outputs` are
    positions among its outputs. `starts` are bytes to add to each of those pointers.
    `lead_bytes`: the output may overlap input 0, which dies here, when it starts at least this
    many bytes before it (0: in place); None: it must not. `lag_bytes`: the function has a field
    `backward`; where that is 1 the output may start at least so many bytes behind the input.
    `in_place`: the inputs for which this holds; `exactly_in_place`: with a lead of 0 and no other.
    `greatest`: macros that the kernels read, each
    the greatest of all layers.
    """

    kernels: tuple[str, ...]
    function: str
    fields: tuple[tuple[str, str], ...]
    constants: tuple[Constant, ...] = ()
    inputs: tuple[int | str, ...] = (0,)
    outputs: tuple[int, ...] = (0,)
    starts: tuple[int, ...] = ()
    scratch_bytes: int = 0
    scratch_type: str = "int8_t *"
    lead_bytes: int | None = None
    lag_bytes: int | None = None
    in_place: tuple[int, ...] = (0,)
    exactly_in_place: bool = False
    greatest: tuple[tuple[str, int], ...] = ()


class Op(Protocol):
    """What a module of this folder offers."""

    def faults(self, node: Node) -> list[str]:
        """Return why the node cannot be exported, each with its remedy; [] if it can."""
        ...

    def call(self, node: Node) -> Call | tuple[Call, ...]:
        """Return how it is run, in one step or several; only for nodes without faults."""
        ...


def shape(tensor: Tensor) -> tuple[int, ...]:
    """Return the shape with -1 as 1: every dynamic batch is 1 on a microcontroller."""
    return tuple(1 if side == -1 else side for side in tensor.shape)


def sample_shape(tensor: Tensor) -> tuple[int, ...]:
    """Return the shape of one input or output of many: without a batch of 1."""
    sides = shape(tensor)
    return sides[1:] if len(sides) > 1 and sides[0] == 1 else sides


def elements(tensor: Tensor) -> int:
    """Return how many values a tensor holds."""
    return math.prod(shape(tensor))


def nhwc(tensor: Tensor) -> tuple[int, int, int, int]:
    """Return the shape with leading 1s up to four dimensions."""
    sides = (1, 1, 1, 1, *shape(tensor))[-4:]
    return sides[0], sides[1], sides[2], sides[3]


def scale(tensor: Tensor) -> np.float32:
    """Return the one scale of a tensor, as the file's float32."""
    assert tensor.quant is not None  # noqa: S101 - faults() came first
    return np.float32(tensor.quant.scales[0])


def zero_point(tensor: Tensor) -> int:
    """Return the one zero point of a tensor as int8 holds it."""
    assert tensor.quant is not None  # noqa: S101 - faults() came first
    shift = UNSIGNED_SHIFT if tensor.dtype == "uint8" else 0
    return int(tensor.quant.zero_points[0]) - shift


def values(tensor: Tensor) -> NDArray[Any]:
    """Return a constant's values in its shape, those of uint8 as int8 holds them."""
    assert tensor.data is not None  # noqa: S101 - faults() came first
    array = np.frombuffer(tensor.data, NUMPY_TYPES[tensor.dtype]).reshape(shape(tensor))
    return (array ^ 0x80).view(np.int8) if tensor.dtype == "uint8" else array


def has_one_scale(tensor: Tensor) -> bool:
    """Return whether a tensor is int8 or uint8 with one usable scale and zero point."""
    quant = tensor.quant
    if tensor.dtype not in BYTE_TYPES or quant is None:
        return False
    if len(quant.scales) != 1 or len(quant.zero_points) != 1:
        return False
    low = 0 if tensor.dtype == "uint8" else -128
    return 0 < quant.scales[0] < math.inf and low <= quant.zero_points[0] <= low + 255


def not_bytes(*tensors: Tensor) -> list[str]:
    """Return a fault for each tensor that is not int8 or uint8."""
    return [
        f"tensor '{tensor.name}' is {tensor.dtype}, not int8: quantize the model in full"
        for tensor in tensors
        if tensor.dtype not in BYTE_TYPES
    ]


def quantised(*tensors: Tensor) -> list[str]:
    """Return a fault for each tensor that is not int8 or uint8 with one scale and zero point."""
    return not_bytes(*tensors) + [
        f"tensor '{tensor.name}' has no single scale: convert the model again"
        for tensor in tensors
        if tensor.dtype in BYTE_TYPES and not has_one_scale(tensor)
    ]


def constant(node: Node, position: int, what: str) -> list[str]:
    """Return a fault where an input must lie in the file and does not."""
    if node.has_input(position) and node.input(position).data is None:
        return [f"{what} '{node.input(position).name}' is computed, not constant"]
    return []


def activation_range(tensor: Tensor, activation: str) -> tuple[int, int]:
    """Return the clamp in steps of the output that a fused activation comes to."""
    zero, step = zero_point(tensor), scale(tensor)

    def steps(real: float) -> int:
        # TfLiteRound of a float32 quotient: half away from zero
        quotient = np.float32(real) / step
        return zero + int(np.trunc(quotient + np.copysign(np.float32(0.5), quotient)))

    low, high = {
        "NONE": (-128, 127),
        "RELU": (steps(0.0), 127),
        "RELU6": (steps(0.0), steps(6.0)),
        "RELU_N1_TO_1": (steps(-1.0), steps(1.0)),
    }[activation]
    return max(low, -128), min(high, 127)


def unknown_activation(node: Node) -> list[str]:
    """Return a fault for a fused activation that has no integer form here."""
    name = node.option("fused_activation_function", "NONE")
    if name in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1"):
        return []
    return [f"fused activation {name} is not supported: use RELU, RELU6, RELU_N1_TO_1 or none"]

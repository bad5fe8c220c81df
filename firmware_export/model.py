"""An export before it is text: the model with its layers and plan, and how C spells it."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from edge.tflite import Graph, Tensor
from firmware_export.layers import Layer
from firmware_export.node import Rounding, has_one_scale
from firmware_export.plan import ALIGN_BYTES, Plan

C_TYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t",
    "int64": "int64_t",
}  # fmt: skip
# What invoke takes of the stack at most, where no compiler is there to tell: twice the most that a
# supported one was seen to use, without the pointers that depthwise layers add.
STACK_BOUND_BYTES = 640
LICENCE = "/* SPDX-License-Identifier: MIT-0 */"


# Where inputs and outputs lie: in the arena, or in memory of the caller.
Io = Literal["arena", "caller"]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """All that the text is made of; `inputs` and `outputs` as the caller sees them."""

    name: str
    content: bytes
    graph: Graph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    plan: Plan
    rounding: Rounding
    labels: tuple[str, ...]
    family: str
    io: Io = "arena"
    align_bytes: int = ALIGN_BYTES
    stack_bytes: int = STACK_BOUND_BYTES
    # what the C holds for each 8-bit pixel value: (256, channels or 1), by input
    pixels: Mapping[int, NDArray[Any]] = field(default_factory=dict)

    @property
    def upper(self) -> str:
        """Return the prefix of macros."""
        return self.name.upper()

    @property
    def border(self) -> dict[int, str]:
        """Return the parameter of invoke that holds a tensor, for those outside the arena."""
        if self.io == "arena":
            return {}
        names = {index: f"in{i}" for i, index in enumerate(self.graph.inputs)}
        return {**names, **{index: f"out{i}" for i, index in enumerate(self.graph.outputs)}}

    @property
    def sha256(self) -> str:
        """Return the hash of the .tflite file."""
        return hashlib.sha256(self.content).hexdigest()


def c_type(tensor: Tensor) -> str:
    """Return the C type of a tensor's elements."""
    return C_TYPES[tensor.dtype]


def inner_type(tensor: Tensor) -> str:
    """Return the C type that kernels see: uint8 is held as int8."""
    return C_TYPES["int8" if tensor.dtype == "uint8" else tensor.dtype]


def invoke_parameters(model: Model) -> str:
    """Return the parameters of invoke behind the model, one per tensor."""
    ins = [f"const {c_type(t)} *in{i}" for i, t in enumerate(model.inputs)]
    return ", ".join(ins + [f"{c_type(t)} *out{i}" for i, t in enumerate(model.outputs)])


def c_name(text: str) -> str:
    """Return a name [a-z][a-z0-9_]* made of any text."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "model"
    return plain if plain[0].isalpha() else f"m_{plain}"


def scaled(tensors: tuple[Tensor, ...]) -> list[tuple[int, Tensor]]:
    """Return the tensors that stand for real numbers, with their positions."""
    return [(i, tensor) for i, tensor in enumerate(tensors) if has_one_scale(tensor)]


def numbers(array: NDArray[Any]) -> str:
    """Return an array as the lines of a C initializer."""
    flat = array.reshape(-1).tolist()
    rows = (flat[i : i + 20] for i in range(0, len(flat), 20))
    return "\n".join("    " + " ".join(f"{_number(v)}," for v in row) for row in rows)


def _number(value: int) -> str:
    return "INT32_MIN" if value == -(1 << 31) else str(value)


def strings(texts: Iterable[str | None]) -> str:
    """Return texts as the members of a C array, NULL for None."""
    escaped = (
        "NULL" if text is None else '"' + "".join(map(_escape, text.encode())) + '"'
        for text in texts
    )
    return ", ".join(escaped)


def _escape(byte: int) -> str:
    plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
    return chr(byte) if plain else f"\\{byte:03o}"

"""The nouns of a model: tensors, operators, and the graph they form."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import tflite as schema

OptionValue = int | float | bool | str | tuple[int | float, ...]


def enum_names(enum: type) -> dict[int, str]:
    """Return value -> name of a generated enumeration."""
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


DTYPES = {value: name.lower() for value, name in enum_names(schema.TensorType).items()}
DTYPES[19] = "int2"  # came after the schema that the reader is generated from
# Bits of one element; types without a fixed size (string, resource, variant) are absent.
DTYPE_BITS = {
    "int2": 2, "int4": 4, "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16,
    "float16": 16, "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32, "int64": 64,
    "uint64": 64, "float64": 64, "complex64": 64, "complex128": 128,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quant:
    """`real = (q - zero_point) * scale`; one pair, or one per slice along `axis`.

    `axis` is what the file says, even where it lies outside the tensor's rank.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `dtype` is numpy's name, or int4, int2, bfloat16, string, resource, variant.

    `shape` holds what the file was built for (batch 1); `shape_signature` the same with -1 where
    the size may change. `data` is None unless constant; it is packed little-endian, row-major.
    A sparse tensor's data are not dense.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None
    data: bytes | None
    is_variable: bool
    shape_signature: tuple[int, ...] = ()
    is_sparse: bool = False

    @property
    def size_bytes(self) -> int:
        """Return the bytes of the dense tensor, -1 counted as 1; 0 for types of no fixed size."""
        count = math.prod(1 if side == -1 else side for side in self.shape)
        return (count * DTYPE_BITS.get(self.dtype, 0) + 7) // 8


@dataclass(frozen=True, slots=True)
class Operator:
    """One step; `op` is the builtin's name or the custom code, `inputs` may hold -1 (absent).

    `options` has the schema's field names in snake_case; enumerations and types as names.
    """

    index: int
    op: str
    custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, OptionValue]
    custom_options: bytes = b""
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """A named entry; `inputs` and `outputs` map names to tensor indices."""

    key: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """One subgraph in file order; `inputs` and `outputs` are tensor indices."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    signature: Signature | None
    subgraph_count: int
    description: str

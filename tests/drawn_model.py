"""A model that is drawn at random, operator by operator, and its border."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray


class _Schema:
    """The schema with objects, looked up late: one environment of the tests has none."""

    def __getattr__(self, name: str) -> Any:
        from ai_edge_litert import schema_py_generated

        return getattr(schema_py_generated, name)


schema: Any = _Schema()
DTYPES = {"int8": np.int8, "uint8": np.uint8, "int32": np.int32, "int64": np.int64}
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
PADDINGS = {"SAME": 0, "VALID": 1}


@dataclass
class Draw:
    """A model in the making, its border, and the source of all randomness."""

    rng: np.random.Generator
    dtype: str = "int8"
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def pick(self, *values: Any) -> Any:
        """Return one of the values."""
        return values[int(self.rng.integers(len(values)))]

    def number(self, low: int, high: int) -> int:
        """Return an integer of low..high: the ends and the middle as often as all others."""
        ends = (low, high, (low + high) // 2)
        return int(self.pick(*ends, self.rng.integers(low, high + 1)))

    def scale(self, low: float = 0.003, high: float = 0.1) -> float:
        """Return a scale, even in its logarithm."""
        return float(np.float32(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def zero(self) -> int:
        """Return a zero point of the whole range."""
        low = 0 if self.dtype == "uint8" else -128
        return int(self.pick(low, low + 128, low + 255, low + self.rng.integers(256)))

    def tensor(
        self, shape: Sequence[int], quant: tuple[Any, Any] | None = None, dtype: str = "",
        values: NDArray[Any] | None = None, axis: int = 0,
    ) -> int:  # fmt: skip
        """Add a tensor; with values a constant."""
        made = schema.TensorT()
        made.name, made.shape = f"t{len(self.tensors)}".encode(), list(shape)
        dtype = dtype or self.dtype
        made.type = getattr(schema.TensorType, dtype.upper())
        if quant is not None:
            made.quantization = schema.QuantizationParametersT()
            scales, zeros = (np.atleast_1d(q) for q in quant)
            made.quantization.scale = [float(s) for s in scales]
            made.quantization.zeroPoint = [int(z) for z in np.resize(zeros, len(scales))]
            made.quantization.quantizedDimension = axis
        made.buffer = 0
        if values is not None:
            buffer = schema.BufferT()
            array = np.ascontiguousarray(values, DTYPES[dtype])
            buffer.data = np.frombuffer(array.tobytes(), np.uint8)
            self.buffers.append(buffer)
            made.buffer = len(self.buffers)
        self.tensors.append(made)
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int], quant: tuple[float, int] | None = None) -> int:
        """Add an input of the model."""
        self.inputs.append(self.tensor(shape, quant or (self.scale(), self.zero())))
        return self.inputs[-1]

    def bytes(self, shape: Sequence[int], low: int | None = None) -> NDArray[Any]:
        """Return random values of the data type."""
        limits = np.iinfo(DTYPES[self.dtype])
        low = limits.min if low is None else low
        return self.rng.integers(low, limits.max + 1, shape).astype(DTYPES[self.dtype])

    def ints(self, values: Any) -> int:
        """Add a constant of int32."""
        array = np.array(values, np.int32)
        return self.tensor(array.shape, None, "int32", array)

    def op(
        self, name: str, inputs: list[int], outputs: list[int], kind: str = "", **options: Any
    ) -> None:
        """Add an operator whose outputs leave the model; `kind` names its options' table."""
        made = schema.OperatorT()
        if name not in self.codes:
            self.codes.append(name)
        made.opcodeIndex = self.codes.index(name)
        made.inputs, made.outputs = inputs, outputs
        if kind:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = getattr(schema, f"{kind}T")()
            for key, value in options.items():
                assert hasattr(made.builtinOptions, key), key
                setattr(made.builtinOptions, key, value)
        self.operators.append(made)
        self.outputs += outputs

    def quant(self, tensor: int) -> tuple[float, int]:
        """Return the scale and zero point of a tensor."""
        quant = self.tensors[tensor].quantization
        return quant.scale[0], quant.zeroPoint[0]

    def like(self, tensor: int, shape: Sequence[int] | None = None) -> int:
        """Add an output of the same scale."""
        return self.tensor(shape or self.tensors[tensor].shape, self.quant(tensor))

    def other(self, tensor: int, shape: Sequence[int] | None = None, by: float = 1.0) -> int:
        """Add an output of a scale of its own, near that of a tensor times `by`."""
        step = self.quant(tensor)[0] * by * self.scale(0.5, 2.0)
        return self.tensor(shape or self.tensors[tensor].shape, (np.float32(step), self.zero()))

    def model(self) -> bytes:
        """Return the file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, self.outputs
        made = schema.ModelT()
        made.version, made.subgraphs = 3, [graph]
        made.buffers = [schema.BufferT(), *self.buffers]
        made.operatorCodes = []
        for name in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
            made.operatorCodes.append(code)
        builder = flatbuffers.Builder(1 << 12)
        builder.Finish(made.Pack(builder), b"TFL3")
        return bytes(builder.Output())


Case = Callable[[Draw], None]

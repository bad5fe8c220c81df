"""A stand-in for a Coral stick: a delegate library compiled here, and a compiled model for it.

The library (edgetpu_standin.c) runs the very path that a real one takes in both runtimes; its
answers are a function of the input bytes, which `standin_outputs` computes again.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite as schema
from numpy.typing import NDArray

from edge import tflite

SOURCE = Path(__file__).with_name("edgetpu_standin.c")
LIBRARY = "libedgetpu.so.1"
TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int8": 9}


def build_library(folder: Path) -> Path:
    """Compile the library into a folder; return its path."""
    library = folder / LIBRARY
    flags = ["-shared", "-fPIC", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread"]
    command = ["gcc", *flags, "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return library


class Stick:
    """What the library obeys and tells: a folder that its environment names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def plan(self, *starts: str) -> None:
        """Say how each start behaves, the last one for all later ones."""
        fresh = self.folder / "plan.new"
        fresh.write_text("".join(f"{line}\n" for line in starts or ("",)))
        fresh.rename(self.folder / "plan")

    def unplug(self, device: str = "") -> None:
        """Take a device away, or all: whoever uses it is aborted, nobody can start with it."""
        self._away(device).touch()

    def plug(self, device: str = "") -> None:
        self._away(device).unlink(missing_ok=True)

    @property
    def starts(self) -> int:
        """Return how often a delegate was created, or tried."""
        path = self.folder / "starts"
        return path.stat().st_size if path.exists() else 0

    @property
    def devices(self) -> list[str]:
        """Return the option `device` of each start."""
        path = self.folder / "devices"
        return path.read_text().split() if path.exists() else []

    @property
    def ended_ns(self) -> int:
        """Return when it last acted as told, by the monotonic clock."""
        return int((self.folder / "ended").read_text())

    def _away(self, device: str) -> Path:
        return self.folder / (f"unplugged-{device}" if device else "unplugged")


def standin_outputs(
    graph: tflite.Graph, inputs: Sequence[NDArray[Any]]
) -> tuple[NDArray[Any], ...]:
    """Return what the stand-in answers: one array for each output of the graph, in its dtype.

    `inputs` are what the tensors hold, in the order of the graph. Computed from the tensors'
    names, which salt the sums, so that a swapped tensor shows.
    """
    seed = 0
    for index, value in zip(graph.inputs, inputs, strict=True):
        raw = np.ascontiguousarray(value).view(np.uint8).ravel().astype(np.uint64)
        weights = np.arange(raw.size, dtype=np.uint64) % 251 + 1
        seed += int((raw * weights).sum()) * (1 + _salt(graph, index) % 97)
    outputs = []
    for index in graph.outputs:
        tensor = graph.tensors[index]
        count = int(np.prod(tensor.shape))
        first = (seed + _salt(graph, index)) % 2**32
        values = ((first + 31 * np.arange(count, dtype=np.int64)) % 256).astype(np.uint8)
        if tensor.dtype == "float32":
            outputs.append((values.astype(np.float32) / 256).reshape(tensor.shape))
        else:
            outputs.append(values.view(tensor.dtype).reshape(tensor.shape))
    return tuple(outputs)


def _salt(graph: tflite.Graph, index: int) -> int:
    return sum(graph.tensors[index].name.encode())


def compiled_twin(model: bytes, side_px: int | None = None) -> bytes:
    """Return a model of one `edgetpu-custom-op` with the inputs and outputs of another.

    `side_px` gives its picture another size.
    """
    graph = tflite.read(model)
    builder = flatbuffers.Builder(1024)
    borders = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
    if side_px is not None:
        borders[0] = replace(borders[0], shape=(1, side_px, side_px, 3))
    tensors = [_tensor(builder, tensor) for tensor in borders]
    ins = list(range(len(graph.inputs)))
    outs = list(range(len(graph.inputs), len(borders)))
    operator = _operator(builder, ins, outs)
    operators = _tables(builder, schema.SubGraphStartOperatorsVector, [operator])
    tensors_at = _tables(builder, schema.SubGraphStartTensorsVector, tensors)
    ins_at = _numbers(builder, schema.SubGraphStartInputsVector, ins)
    outs_at = _numbers(builder, schema.SubGraphStartOutputsVector, outs)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors_at)
    schema.SubGraphAddInputs(builder, ins_at)
    schema.SubGraphAddOutputs(builder, outs_at)
    schema.SubGraphAddOperators(builder, operators)
    graphs = _tables(builder, schema.ModelStartSubgraphsVector, [schema.SubGraphEnd(builder)])
    codes = _tables(builder, schema.ModelStartOperatorCodesVector, [_code(builder)])
    schema.BufferStart(builder)
    buffers = _tables(builder, schema.ModelStartBuffersVector, [schema.BufferEnd(builder)])
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddOperatorCodes(builder, codes)
    schema.ModelAddSubgraphs(builder, graphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _code(builder: Any) -> int:
    name = builder.CreateString("edgetpu-custom-op")
    custom = schema.BuiltinOperator.CUSTOM
    schema.OperatorCodeStart(builder)
    schema.OperatorCodeAddDeprecatedBuiltinCode(builder, custom)
    schema.OperatorCodeAddBuiltinCode(builder, custom)
    schema.OperatorCodeAddCustomCode(builder, name)
    schema.OperatorCodeAddVersion(builder, 1)
    return schema.OperatorCodeEnd(builder)


def _operator(builder: Any, inputs: list[int], outputs: list[int]) -> int:
    ins = _numbers(builder, schema.OperatorStartInputsVector, inputs)
    outs = _numbers(builder, schema.OperatorStartOutputsVector, outputs)
    schema.OperatorStart(builder)
    schema.OperatorAddOpcodeIndex(builder, 0)
    schema.OperatorAddInputs(builder, ins)
    schema.OperatorAddOutputs(builder, outs)
    return schema.OperatorEnd(builder)


def _tensor(builder: Any, tensor: tflite.Tensor) -> int:
    name = builder.CreateString(tensor.name)
    shape = builder.CreateNumpyVector(np.array(tensor.shape, np.int32))
    quant = None
    if tensor.quant:
        scales = builder.CreateNumpyVector(np.array(tensor.quant.scales, np.float32))
        zeros = builder.CreateNumpyVector(np.array(tensor.quant.zero_points, np.int64))
        schema.QuantizationParametersStart(builder)
        schema.QuantizationParametersAddScale(builder, scales)
        schema.QuantizationParametersAddZeroPoint(builder, zeros)
        quant = schema.QuantizationParametersEnd(builder)
    schema.TensorStart(builder)
    schema.TensorAddShape(builder, shape)
    schema.TensorAddType(builder, TYPES[tensor.dtype])
    schema.TensorAddBuffer(builder, 0)
    schema.TensorAddName(builder, name)
    if quant is not None:
        schema.TensorAddQuantization(builder, quant)
    return schema.TensorEnd(builder)


def _tables(builder: Any, start: Any, offsets: list[int]) -> int:
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _numbers(builder: Any, start: Any, numbers: list[int]) -> int:
    start(builder, len(numbers))
    for number in reversed(numbers):
        builder.PrependInt32(number)
    return builder.EndVector()

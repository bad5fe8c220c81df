"""Small `.tflite` files made by hand: tensors, constants, operators, and blobs of metadata."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
import tflite as schema
from flatbuffers import flexbuffers

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int16": 7, "int8": 9}


@dataclass(frozen=True)
class Made:
    """One tensor; a scale of 0 means float or unscaled, `data` a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float = 0.0
    zero_point: int = 0
    data: bytes | None = None


@dataclass(frozen=True)
class Step:
    """One operator: a builtin by its code, or a custom one by its name with options."""

    code: int | str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, float] = field(default_factory=dict)


def tiny_model(
    tensors: Sequence[Made],
    inputs: Sequence[int],
    outputs: Sequence[int],
    steps: Sequence[Step] = (),
    metadata: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a model file; `inputs` and `outputs` are indices of `tensors`."""
    b = flatbuffers.Builder(1024)
    blobs = [b""] + [t.data for t in tensors if t.data is not None] + [*(metadata or {}).values()]
    buffers = [_buffer(b, blob) for blob in blobs]
    places = iter(range(1, len(blobs)))
    made = [_tensor(b, t, next(places) if t.data is not None else 0) for t in tensors]
    entries = []
    for name in metadata or {}:
        text = b.CreateString(name)
        schema.MetadataStart(b)
        schema.MetadataAddName(b, text)
        schema.MetadataAddBuffer(b, next(places))
        entries.append(schema.MetadataEnd(b))
    codes = [_code(b, step.code) for step in steps]
    operators = [_operator(b, step, at) for at, step in enumerate(steps)]
    parts = [_offsets(b, made), _numbers(b, inputs), _numbers(b, outputs), _offsets(b, operators)]
    schema.SubGraphStart(b)
    schema.SubGraphAddTensors(b, parts[0])
    schema.SubGraphAddInputs(b, parts[1])
    schema.SubGraphAddOutputs(b, parts[2])
    schema.SubGraphAddOperators(b, parts[3])
    graphs = _offsets(b, [schema.SubGraphEnd(b)])
    vectors = [_offsets(b, codes), _offsets(b, buffers), _offsets(b, entries)]
    schema.ModelStart(b)
    schema.ModelAddVersion(b, 3)
    schema.ModelAddOperatorCodes(b, vectors[0])
    schema.ModelAddSubgraphs(b, graphs)
    schema.ModelAddBuffers(b, vectors[1])
    schema.ModelAddMetadata(b, vectors[2])
    b.Finish(schema.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


def flex(options: Mapping[str, float]) -> bytes:
    """Return options as a FlexBuffer map."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for key, value in sorted(options.items()):
            builder.Key(key)
            builder.Add(value)
    return bytes(builder.Finish())


def _buffer(b: flatbuffers.Builder, data: bytes) -> int:
    if data:
        b.StartVector(1, len(data), 16)
        b.head -= len(data)
        b.Bytes[b.head : b.head + len(data)] = data
        vector = b.EndVector()
    schema.BufferStart(b)
    if data:
        schema.BufferAddData(b, vector)
    return schema.BufferEnd(b)


def _tensor(b: flatbuffers.Builder, t: Made, buffer: int) -> int:
    name, shape, quantization = b.CreateString(t.name), _numbers(b, t.shape), 0
    if t.scale:
        schema.QuantizationParametersStartScaleVector(b, 1)
        b.PrependFloat32(t.scale)
        scale = b.EndVector()
        schema.QuantizationParametersStartZeroPointVector(b, 1)
        b.PrependInt64(t.zero_point)
        zero_point = b.EndVector()
        schema.QuantizationParametersStart(b)
        schema.QuantizationParametersAddScale(b, scale)
        schema.QuantizationParametersAddZeroPoint(b, zero_point)
        quantization = schema.QuantizationParametersEnd(b)
    schema.TensorStart(b)
    schema.TensorAddName(b, name)
    schema.TensorAddShape(b, shape)
    schema.TensorAddType(b, TYPES[t.dtype])
    schema.TensorAddBuffer(b, buffer)
    if quantization:
        schema.TensorAddQuantization(b, quantization)
    return schema.TensorEnd(b)


def _code(b: flatbuffers.Builder, code: int | str) -> int:
    custom = b.CreateString(code) if isinstance(code, str) else 0
    number = schema.BuiltinOperator.CUSTOM if isinstance(code, str) else code
    schema.OperatorCodeStart(b)
    schema.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
    schema.OperatorCodeAddBuiltinCode(b, number)
    schema.OperatorCodeAddVersion(b, 1)
    if custom:
        schema.OperatorCodeAddCustomCode(b, custom)
    return schema.OperatorCodeEnd(b)


def _operator(b: flatbuffers.Builder, step: Step, code: int) -> int:
    options = b.CreateByteVector(flex(step.options)) if step.options else 0
    inputs, outputs = _numbers(b, step.inputs), _numbers(b, step.outputs)
    schema.OperatorStart(b)
    schema.OperatorAddOpcodeIndex(b, code)
    schema.OperatorAddInputs(b, inputs)
    schema.OperatorAddOutputs(b, outputs)
    if options:
        schema.OperatorAddCustomOptions(b, options)
    return schema.OperatorEnd(b)


def _offsets(b: flatbuffers.Builder, positions: Sequence[int]) -> int:
    b.StartVector(4, len(positions), 4)
    for position in reversed(positions):
        b.PrependUOffsetTRelative(position)
    return b.EndVector()


def _numbers(b: flatbuffers.Builder, values: Sequence[int]) -> int:
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependInt32(value)
    return b.EndVector()


def heads_of(model: bytes) -> bytes:
    """Return an SSD that ends before its last operator: its outputs are encodings and scores."""
    changed = bytearray(model)
    graph = schema.Model.GetRootAs(changed).Subgraphs(0)
    last = graph.Operators(graph.OperatorsLength() - 1)
    ends = [last.Inputs(0), last.Inputs(1)]
    outputs, operators = (graph._tab.Vector(graph._tab.Offset(slot)) for slot in (8, 10))
    struct.pack_into("<I2i", changed, outputs - 4, 2, *ends)
    struct.pack_into("<I", changed, operators - 4, graph.OperatorsLength() - 1)
    return bytes(changed)


def detector_metadata(
    anchors: np.ndarray, scales: Sequence[float], classes: int, exponential: bool = True
) -> bytes:
    """Return the blob that MediaPipe's tools write, by hand: x, y, width, height an anchor."""
    b = flatbuffers.Builder(1024)
    places = []
    for y, x, h, w in anchors.tolist():
        b.StartObject(4)
        for slot, value in enumerate((x, y, w, h)):
            b.PrependFloat32Slot(slot, value, 0.0)
        places.append(b.EndObject())
    b.StartVector(4, len(places), 4)
    for place in reversed(places):
        b.PrependUOffsetTRelative(place)
    vector = b.EndVector()
    parts = [vector]
    for _ in range(2):  # FixedAnchorsSchema, SsdAnchorsOptions
        b.StartObject(1)
        b.PrependUOffsetTRelativeSlot(0, parts[-1], 0)
        parts.append(b.EndObject())
    b.StartObject(12)
    b.PrependInt32Slot(0, classes, 0)
    for slot, value in zip((7, 6, 9, 8), scales, strict=True):  # y, x, h, w
        b.PrependFloat32Slot(slot, value, 0.0)
    b.PrependBoolSlot(10, exponential, False)
    b.PrependBoolSlot(11, True, False)
    decoding = b.EndObject()
    b.StartObject(3)
    b.PrependUOffsetTRelativeSlot(1, parts[-1], 0)
    b.PrependUOffsetTRelativeSlot(2, decoding, 0)
    b.Finish(b.EndObject(), b"V001")
    return bytes(b.Output())

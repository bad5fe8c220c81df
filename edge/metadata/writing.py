"""Write TFLite Metadata and signatures into a model, as readers of other projects expect them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import flatbuffers

from edge import tflite
from edge.errors import BadDataError
from edge.metadata.info import (
    AXIS_LABELS,
    BUFFER_NAME,
    COLORS,
    CONTENT,
    IDENTIFIER,
    NORMALIZATION,
    THRESHOLDING,
    VALUE_LABELS,
    Metadata,
    TensorInfo,
)
from edge.metadata.reroot import (
    BUFFERS,
    METADATA,
    SIGNATURES,
    OldModel,
    byte_vector,
    new_root,
    table_vector,
    with_archive,
    without_archive,
)

PARSER_VERSION = "1.0.0"  # no field used here is newer

_Field = tuple[str, Any]  # (kind, value): see _table


def _table(builder: flatbuffers.Builder, fields: Mapping[int, _Field | None]) -> int:
    """Write a table; a field is ("offset", position), ("float32", x), ("int8", x) or None."""
    last = max((slot for slot, field in fields.items() if field), default=-1)
    builder.StartObject(last + 1)
    for slot, field in fields.items():
        if field is None:
            continue
        kind, value = field
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        elif kind == "float32":
            builder.PrependFloat32Slot(slot, value, 0.0)
        elif kind == "uint32":
            builder.PrependUint32Slot(slot, value, 0)
        else:
            builder.PrependUint8Slot(slot, value, 0)
    return int(builder.EndObject())


def _text(builder: flatbuffers.Builder, text: str) -> _Field | None:
    return ("offset", builder.CreateString(text)) if text else None


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> _Field | None:
    if not values:
        return None
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return "offset", builder.EndVector()


def _tables(builder: flatbuffers.Builder, positions: Sequence[int]) -> _Field | None:
    return ("offset", table_vector(builder, positions)) if positions else None


def _write_tensor_info(builder: flatbuffers.Builder, info: TensorInfo, file: str) -> int:
    units = []
    if info.mean:
        options = _table(builder, {0: _floats(builder, info.mean), 1: _floats(builder, info.std)})
        units.append(_table(builder, {0: ("uint8", NORMALIZATION), 1: ("offset", options)}))
    if info.threshold is not None:
        options = _table(builder, {0: ("float32", info.threshold)})
        units.append(_table(builder, {0: ("uint8", THRESHOLDING), 1: ("offset", options)}))
    code = next((code for code, kind in CONTENT.items() if kind == info.kind), None)
    color = next((code for code, name in COLORS.items() if name == info.color), 0)
    content = None
    if code is not None:
        properties = _table(builder, {0: ("uint8", color)} if info.kind == "image" else {})
        content = _table(builder, {0: ("uint8", code), 1: ("offset", properties)})
    stats = _table(builder, {0: _floats(builder, info.high), 1: _floats(builder, info.low)})
    kind = VALUE_LABELS if info.labels_of == "value" else AXIS_LABELS
    files = []
    if info.labels:
        files.append(_table(builder, {0: _text(builder, file), 2: ("uint8", kind)}))
    return _table(
        builder,
        {
            0: _text(builder, info.name),
            1: _text(builder, info.description),
            3: ("offset", content) if content else None,
            4: _tables(builder, units),
            5: ("offset", stats) if info.low or info.high else None,
            6: _tables(builder, files),
        },
    )


def _label_files(infos: Sequence[TensorInfo]) -> Iterator[tuple[str, TensorInfo]]:
    """Yield a file name for each tensor: labels.txt for the first with labels, then numbered."""
    count = 0
    for info in infos:
        yield ("labels.txt" if count == 0 else f"labels_{count}.txt"), info
        count += bool(info.labels)


def _metadata_blob(metadata: Metadata) -> bytes:
    builder = flatbuffers.Builder(1024)
    files = list(_label_files((*metadata.inputs, *metadata.outputs)))
    written = [_write_tensor_info(builder, info, file) for file, info in files]
    count = len(metadata.inputs)
    sides = {2: _tables(builder, written[:count]), 3: _tables(builder, written[count:])}
    subgraph = _table(builder, sides)
    root = _table(
        builder,
        {
            0: _text(builder, metadata.name),
            1: _text(builder, metadata.description),
            2: _text(builder, metadata.version),
            3: _tables(builder, [subgraph]),
            4: _text(builder, metadata.author),
            5: _text(builder, metadata.license),
            7: _text(builder, PARSER_VERSION),
        },
    )
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def write_metadata(model: bytes, metadata: Metadata) -> bytes:
    """Return the model with these metadata; older metadata and their files go.

    Raises BadDataError where the model is damaged or has other inputs or outputs.
    """
    graph = tflite.read(model)
    for side, infos, indices in (
        ("inputs", metadata.inputs, graph.inputs),
        ("outputs", metadata.outputs, graph.outputs),
    ):
        if len(infos) != len(indices):
            raise BadDataError(f"metadata of {len(infos)} {side}; the model has {len(indices)}")
    blob = _metadata_blob(metadata)
    names = tflite.read_metadata_names(model)
    with_root = new_root(
        without_archive(model), lambda builder, old: _metadata_fields(builder, old, names, blob)
    )
    files = _label_files((*metadata.inputs, *metadata.outputs))
    return with_archive(with_root, {name: info.labels for name, info in files if info.labels})


def _metadata_fields(
    builder: flatbuffers.Builder, old: OldModel, names: Sequence[str], blob: bytes
) -> dict[int, int]:
    """Add a buffer with the blob, and its entry in place of an older one of that name."""
    buffer = _table(builder, {0: ("offset", byte_vector(builder, blob))})
    buffers = [*old.elements(BUFFERS), buffer]
    entry = _table(builder, {0: _text(builder, BUFFER_NAME), 1: ("uint32", len(buffers) - 1)})
    kept = [
        at for at, name in zip(old.elements(METADATA), names, strict=True) if name != BUFFER_NAME
    ]
    return {
        BUFFERS: table_vector(builder, buffers),
        METADATA: table_vector(builder, [*kept, entry]),
    }


def add_signature(model: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return the model with the one signature `serving_default`: names in the file's order.

    Raises BadDataError where the model is damaged, names repeat, or their number differs.
    """
    graph = tflite.read(model)
    faults = []
    for side, names, indices in (
        ("input", inputs, graph.inputs),
        ("output", outputs, graph.outputs),
    ):
        if len(names) != len(indices):
            faults.append(f"{len(names)} {side} names; the model has {len(indices)} {side}s")
        if len(set(names)) != len(names):
            faults.append(f"{side} names repeat: {', '.join(names)}")
    if faults:
        raise BadDataError(*faults)

    def replace(builder: flatbuffers.Builder, _old: OldModel) -> dict[int, int]:
        sides = {
            slot: _tables(builder, [_tensor_map(builder, *pair) for pair in pairs])
            for slot, pairs in (
                (0, list(zip(inputs, graph.inputs, strict=True))),
                (1, list(zip(outputs, graph.outputs, strict=True))),
            )
        }
        signature = _table(builder, {**sides, 2: _text(builder, "serving_default")})
        return {SIGNATURES: table_vector(builder, [signature])}

    return new_root(model, replace)


def _tensor_map(builder: flatbuffers.Builder, name: str, index: int) -> int:
    return _table(builder, {0: _text(builder, name), 1: ("uint32", index)})

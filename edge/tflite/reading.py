"""Read `.tflite` bytes into a frozen graph; the schema is TensorFlow Lite's schema_v3 ("TFL3").

Every offset, index and length is checked, because the bytes may come from anybody: whatever is
wrong with them ends in `BadDataError`, and the work is bounded by a small multiple of their size.
"""

import math
import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import tflite as schema
from flatbuffers import number_types

from edge.errors import BadDataError
from edge.tflite.cursor import Cursor
from edge.tflite.graph import DTYPE_BITS, DTYPES, Graph, Operator, Quant, Signature, Tensor
from edge.tflite.options import read_options

IDENTIFIER = b"TFL3"
MAX_RANK = 64
MAX_FAULTS = 20
MAX_FAULT_CHARS = 300

T = TypeVar("T")


def read(model: bytes, subgraph: int = 0) -> Graph:
    """Return one subgraph of a model.

    Raises BadDataError with every fault found: not a TFLite file, truncated, or contradictory.
    """
    return _guard(model, lambda cursor: _graph(cursor, subgraph))


def read_metadata_buffers(model: bytes) -> dict[str, bytes]:
    """Return the named blobs of a model, such as TFLITE_METADATA."""

    def blobs(cursor: Cursor) -> dict[str, bytes]:
        entries = cursor.table(cursor.root, "Metadata")
        return {cursor.text(e.Name()): _buffer(cursor, e.Buffer()) or b"" for e in entries}

    return _guard(model, blobs)


def read_metadata_names(model: bytes) -> tuple[str, ...]:
    """Return the names of the blobs, in file order."""

    def names(cursor: Cursor) -> tuple[str, ...]:
        return tuple(cursor.text(e.Name()) for e in cursor.table(cursor.root, "Metadata"))

    return _guard(model, names)


def _guard(model: bytes, work: Callable[[Cursor], T]) -> T:
    if len(model) < 8 or model[4:8] != IDENTIFIER:
        raise BadDataError(
            f"not a TFLite model: {len(model)} bytes that begin with {model[:8]!r}; "
            f"a TFLite model has {IDENTIFIER!r} at byte 4"
        )
    try:
        cursor = Cursor(model)
        result = work(cursor)
    except (struct.error, ValueError, IndexError, TypeError, OverflowError) as error:
        raise BadDataError(
            f"the model is damaged or truncated: its tables point outside its {len(model):,} bytes"
        ) from error
    if cursor.faults:
        raise BadDataError(*_shortened(cursor.faults))
    return result


def _shortened(faults: list[str]) -> list[str]:
    faults = [fault[:MAX_FAULT_CHARS] for fault in faults]
    more = len(faults) - MAX_FAULTS
    return faults if more <= 0 else [*faults[:MAX_FAULTS], f"and {more} more faults like these"]


def _graph(cursor: Cursor, subgraph: int) -> Graph:
    root = cursor.root
    count = root.SubgraphsLength()
    if not 0 <= subgraph < count:
        raise BadDataError(f"the model has no subgraph {subgraph}: it has {count}")
    part = root.Subgraphs(subgraph)
    tensors = tuple(
        _tensor(cursor, index, t) for index, t in enumerate(cursor.table(part, "Tensors"))
    )
    codes = [_code(cursor, code) for code in cursor.table(root, "OperatorCodes")]
    operators = tuple(
        _operator(cursor, index, op, codes)
        for index, op in enumerate(cursor.table(part, "Operators"))
    )
    graph = Graph(
        tensors=tensors,
        operators=operators,
        inputs=cursor.numbers(part, "Inputs"),
        outputs=cursor.numbers(part, "Outputs"),
        signature=_signature(cursor, subgraph),
        subgraph_count=count,
        description=cursor.text(root.Description()),
    )
    cursor.faults += _index_faults(graph)
    return graph


def _tensor(cursor: Cursor, index: int, table: Any) -> Tensor:
    code = table.Type()
    if code not in DTYPES:
        cursor.faults.append(f"tensor {index}: type {code} is unknown; known: 0..{max(DTYPES)}")
    name = cursor.text(table.Name())
    shape = cursor.numbers(table, "Shape")
    tensor = Tensor(
        index=index,
        name=name,
        shape=shape,
        dtype=DTYPES.get(code, "variant"),
        quant=_quant(cursor, index, table.Quantization()),
        data=_buffer(cursor, table.Buffer()),
        is_variable=table.IsVariable(),
        shape_signature=cursor.numbers(table, "ShapeSignature") or shape,
        is_sparse=table.Sparsity() is not None,
    )
    cursor.faults += _tensor_faults(tensor)
    return tensor


def _tensor_faults(tensor: Tensor) -> Iterator[str]:
    where = f"tensor {tensor.index} ({tensor.name[:80]!r})"
    if len(tensor.shape) > MAX_RANK:
        yield f"{where}: rank {len(tensor.shape)}; at most {MAX_RANK} is read"
        return
    if any(side < -1 for side in tensor.shape):
        yield f"{where}: shape {list(tensor.shape)} has a negative side"
        return
    sized = tensor.dtype in DTYPE_BITS and not tensor.is_sparse
    if tensor.data is not None and sized and len(tensor.data) != tensor.size_bytes:
        yield (
            f"{where}: constant of {len(tensor.data)} bytes; {tensor.dtype} "
            f"{list(tensor.shape)} takes {tensor.size_bytes}"
        )


def _quant(cursor: Cursor, index: int, table: Any) -> Quant | None:
    if table is None:
        return None
    scales = cursor.numbers(table, "Scale")
    if not scales:
        return None
    zero_points = cursor.numbers(table, "ZeroPoint") or (0,) * len(scales)
    if len(zero_points) == 1:
        zero_points *= len(scales)
    if len(zero_points) != len(scales):
        cursor.faults.append(
            f"tensor {index}: {len(scales)} scales with {len(zero_points)} zero points"
        )
    if not all(math.isfinite(scale) and scale >= 0 for scale in scales):
        cursor.faults.append(f"tensor {index}: a scale is negative or not a number")
    return Quant(scales, zero_points, table.QuantizedDimension())


def _buffer(cursor: Cursor, index: int) -> bytes | None:
    """Return the bytes of a buffer, None where it is empty (buffer 0 always is)."""
    if index in cursor.data:
        return cursor.data[index]
    count = cursor.root.BuffersLength()
    if index == 0 == count:
        # Buffer 0 stands for "no data"; a model without constants may have no buffers at all.
        return None
    if index >= count:
        cursor.faults.append(f"buffer {index} is named, the model has {count}")
        return None
    table = cursor.root.Buffers(index)
    cursor.spend(table.DataLength() + table.Size())
    # Models above 2 GiB keep data behind the flatbuffer: an offset from the file's begin, above 1.
    start, size = (table.Offset(), table.Size()) if table.Offset() > 1 else (0, 0)
    if start + size > len(cursor.bytes):
        cursor.faults.append(f"buffer {index} ends at byte {start + size}, beyond the file's end")
        return None
    data = cursor.bytes[start : start + size]
    if table.DataLength():
        data = table.DataAsNumpy().tobytes()
    if not data:
        return None
    cursor.data[index] = data
    return data


def _code(cursor: Cursor, table: Any) -> tuple[str, bool, int]:
    """Return (name, custom, version); the newer of the two code fields is the larger one."""
    code = max(_new_code(table), table.DeprecatedBuiltinCode())
    if code == schema.BuiltinOperator.CUSTOM:
        return cursor.text(table.CustomCode()), True, table.Version()
    name = schema.BUILTIN_OPCODE2NAME.get(code, f"BUILTIN_{code}")
    return name, False, table.Version()


def _new_code(table: Any) -> int:
    """Return the field builtin_code, 0 where it is absent.

    The generated accessor hides every code below 127, and some files fill this field alone.
    """
    tab = table._tab
    offset = tab.Offset(10)
    return int(tab.Get(number_types.Int32Flags, offset + tab.Pos)) if offset else 0


def _operator(
    cursor: Cursor, index: int, table: Any, codes: list[tuple[str, bool, int]]
) -> Operator:
    code = table.OpcodeIndex()
    if code >= len(codes):
        cursor.faults.append(f"operator {index}: code {code} of {len(codes)}")
    name, custom, version = codes[code] if code < len(codes) else ("", True, 0)
    data = b""
    if custom and table.CustomOptionsLength():
        cursor.spend(table.CustomOptionsLength())
        data = table.CustomOptionsAsNumpy().tobytes()
    return Operator(
        index=index,
        op=name,
        custom=custom,
        version=version,
        inputs=cursor.numbers(table, "Inputs"),
        outputs=cursor.numbers(table, "Outputs"),
        options=read_options(cursor, f"operator {index} ({name})", table),
        custom_options=data,
        intermediates=cursor.numbers(table, "Intermediates"),
    )


def _signature(cursor: Cursor, subgraph: int) -> Signature | None:
    """Return `serving_default` if the subgraph has it, else its first signature."""
    found = []
    for table in cursor.table(cursor.root, "SignatureDefs"):
        if table.SubgraphIndex() == subgraph:
            inputs, outputs = (
                {cursor.text(m.Name()): m.TensorIndex() for m in cursor.table(table, side)}
                for side in ("Inputs", "Outputs")
            )
            found.append(Signature(cursor.text(table.SignatureKey()), inputs, outputs))
    return next((s for s in found if s.key == "serving_default"), found[0] if found else None)


def _index_faults(graph: Graph) -> Iterator[str]:
    count = len(graph.tensors)
    named: list[tuple[str, tuple[int, ...], int]] = [
        ("inputs", graph.inputs, 0),
        ("outputs", graph.outputs, 0),
    ]
    if graph.signature:
        named.append(("signature inputs", tuple(graph.signature.inputs.values()), 0))
        named.append(("signature outputs", tuple(graph.signature.outputs.values()), 0))
    for op in graph.operators:
        named.append((f"inputs of operator {op.index} ({op.op})", op.inputs, -1))
        named.append((f"outputs of operator {op.index} ({op.op})", op.outputs, 0))
        named.append((f"intermediates of operator {op.index}", op.intermediates, 0))
    for where, indices, least in named:
        bad = [i for i in indices if not least <= i < count]
        if bad:
            yield f"{where}: tensor {bad[0]} of {count}"

"""What the Edge TPU compiler wrote into a model: the runtime it needs, and the compiler's name.

The options of its custom operator are a FlexBuffer map; key "4" holds a FlatBuffer that begins
`DWN1` (libedgetpu: tflite/custom_op_data.cc, executable/executable.fbs, table Package).
"""

import struct
from dataclasses import dataclass

from edge.errors import BadDataError
from edge.tflite.graph import Graph, Operator

EDGETPU_OP = "edgetpu-custom-op"
PACKAGE_KEY = "4"
PACKAGE_IDENTIFIER = b"DWN1"
# Slots of the table Package.
_MIN_RUNTIME_VERSION, _COMPILER_VERSION = 0, 4
# Versions so far are 10 to 14; a number beyond this is damage.
MOST_RUNTIME_VERSION = 999
MOST_TEXT_BYTES = 200


@dataclass(frozen=True, slots=True)
class Compiled:
    """What all compiled operators of a model need; `compiler` is "" where the file is silent."""

    operators: int
    runtime_min: int
    compiler: str


def is_compiled(graph: Graph) -> bool:
    """Tell whether a graph has operators for the Edge TPU."""
    return any(map(_is_ours, graph.operators))


def read_compiled(graph: Graph) -> Compiled | None:
    """Return what the compiled operators of a graph need, None where it has none.

    Raises BadDataError with one line for each operator that cannot be read.
    """
    found: list[tuple[int, str]] = []
    faults: list[str] = []
    for operator in graph.operators:
        if _is_ours(operator):
            try:
                found.append(_package(operator))
            except BadDataError as error:
                faults.extend(error.faults)
    if faults:
        raise BadDataError(*faults)
    if not found:
        return None
    versions, compilers = zip(*found, strict=True)
    return Compiled(len(found), max(versions), next(filter(None, compilers), ""))


def _is_ours(operator: Operator) -> bool:
    return operator.custom and operator.op == EDGETPU_OP


def _package(operator: Operator) -> tuple[int, str]:
    where = f"operator {operator.index} ({EDGETPU_OP})"
    package = _find_package(where, operator.custom_options)
    if package[4:8] != PACKAGE_IDENTIFIER:
        raise BadDataError(
            f"{where}: its package has {package[4:8]!r} at byte 4; a compiled model has "
            f"{PACKAGE_IDENTIFIER!r}"
        )
    try:
        version = _int32(package, _MIN_RUNTIME_VERSION)
        compiler = _text(package, _COMPILER_VERSION)
    except (struct.error, IndexError) as error:
        raise BadDataError(
            f"{where}: its package is damaged: its tables point outside its {len(package):,} bytes"
        ) from error
    if not 1 <= version <= MOST_RUNTIME_VERSION:
        raise BadDataError(
            f"{where}: its package asks for runtime version {version}; "
            f"versions are 1..{MOST_RUNTIME_VERSION}"
        )
    return version, compiler


def _find_package(where: str, options: bytes) -> bytes:
    """Return the value of PACKAGE_KEY; the library trusts offsets, so any way of failing counts."""
    from flatbuffers import flexbuffers  # most models are not compiled: 4 ms less for them

    try:
        root = flexbuffers.GetRoot(options)
        value = root.AsMap[PACKAGE_KEY]
        package = value.AsStringBytes if value.IsString else value.AsBlob
    except (struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise BadDataError(
            f"{where}: its {len(options):,} bytes of options hold no package of a compiler"
        ) from error
    return bytes(package)


def _field(package: bytes, slot: int) -> int | None:
    """Return where a field of the root table lies, None where it is absent."""
    (table,) = _unpack("<I", package, 0)
    (back,) = _unpack("<i", package, table)
    vtable = table - back
    (vtable_bytes,) = _unpack("<H", package, vtable)
    at = 4 + 2 * slot
    if at + 2 > vtable_bytes:
        return None
    (offset,) = _unpack("<H", package, vtable + at)
    return table + offset if offset else None


def _int32(package: bytes, slot: int) -> int:
    position = _field(package, slot)
    return 0 if position is None else int(_unpack("<i", package, position)[0])


def _text(package: bytes, slot: int) -> str:
    position = _field(package, slot)
    if position is None:
        return ""
    start = position + _unpack("<I", package, position)[0]
    (count,) = _unpack("<I", package, start)
    if count > MOST_TEXT_BYTES or start + 4 + count > len(package):
        raise IndexError(count)
    text = package[start + 4 : start + 4 + count].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _unpack(form: str, data: bytes, position: int) -> tuple[int, ...]:
    # struct takes a negative position from the end: never what a file means.
    if position < 0:
        raise IndexError(position)
    return struct.unpack_from(form, data, position)

"""Give a model a new root table in front of its old bytes.

Offsets inside a flatbuffer are relative and point forward, so a new root may stand before the old
file and point into it; the old bytes stay as they are, moved by a multiple of 16.
"""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import flatbuffers
from flatbuffers.table import Table

from edge.errors import BadDataError
from edge.tflite import IDENTIFIER

ALIGN_BYTES = 16  # of constant data, as the schema asks for
HEADROOM_BYTES = 4096
# Slots of the Model table; all but the first hold offsets.
VERSION, BUFFERS, METADATA, SIGNATURES, SLOTS = 0, 4, 6, 7, 8


@dataclass(frozen=True, slots=True)
class OldModel:
    """The old root inside a builder; positions are counted from the end, as builders do."""

    root: Table
    end: int

    def position(self, slot: int) -> int | None:
        """Return where the value of a slot lies."""
        at = self.root.Offset(4 + 2 * slot)
        return self.end - self.root.Indirect(at + self.root.Pos) if at else None

    def elements(self, slot: int) -> list[int]:
        """Return where the tables of a vector lie."""
        at = self.root.Offset(4 + 2 * slot)
        if not at:
            return []
        start = self.root.Vector(at)
        count = self.root.VectorLen(at)
        return [self.end - self.root.Indirect(start + 4 * i) for i in range(count)]

    def version(self) -> int:
        """Return the schema's version."""
        at = self.root.Offset(4 + 2 * VERSION)
        return int(struct.unpack_from("<I", self.root.Bytes, at + self.root.Pos)[0]) if at else 0


def new_root(
    model: bytes, replace: Callable[[flatbuffers.Builder, OldModel], Mapping[int, int]]
) -> bytes:
    """Return the model under a new root whose slots are the old ones but for `replace`'s.

    `replace` writes what is new into the builder and returns slot -> its position.
    """
    old_bytes = model + bytes(-len(model) % ALIGN_BYTES)
    builder = flatbuffers.Builder(0)
    builder.Bytes = bytearray(HEADROOM_BYTES) + old_bytes
    builder.head = HEADROOM_BYTES
    builder.minalign = ALIGN_BYTES
    old = OldModel(Table(old_bytes, struct.unpack_from("<I", old_bytes)[0]), len(old_bytes))
    fresh = replace(builder, old)
    builder.StartObject(SLOTS)
    builder.PrependUint32Slot(VERSION, old.version(), 0)
    for slot in range(1, SLOTS):
        position = fresh.get(slot, old.position(slot))
        if position is not None:
            builder.PrependUOffsetTRelativeSlot(slot, position, 0)
    builder.Finish(builder.EndObject(), IDENTIFIER)
    return bytes(builder.Output())


def table_vector(builder: flatbuffers.Builder, positions: Sequence[int]) -> int:
    """Write a vector of tables and return its position."""
    builder.StartVector(4, len(positions), 4)
    for position in reversed(positions):
        builder.PrependUOffsetTRelative(position)
    return int(builder.EndVector())


def byte_vector(builder: flatbuffers.Builder, data: bytes) -> int:
    """Write aligned bytes and return their position."""
    builder.StartVector(1, len(data), ALIGN_BYTES)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    return int(builder.EndVector())


def without_archive(model: bytes) -> bytes:
    """Return the model without the zip archive behind it; the archive may hold label files."""
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            starts = [info.header_offset for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, struct.error):
        return model
    return model[: min(starts)] if starts and min(starts) >= 8 else model


def with_archive(model: bytes, files: Mapping[str, Sequence[str]]) -> bytes:
    """Append a zip archive with text files, one line per entry; the same bytes for the same."""
    if not files:
        return model
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, lines in files.items():
            broken = [line for line in lines if line and line.splitlines() != [line]]
            if broken:
                raise BadDataError(f"label {broken[0]!r} holds a line break")
            info = zipfile.ZipInfo(name)  # dated 1980, so that bytes repeat
            archive.writestr(info, "".join(f"{line}\n" for line in lines))
    return stream.getvalue()

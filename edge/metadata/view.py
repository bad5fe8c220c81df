"""A table of a metadata flatbuffer, its fields by their slot in the schema."""

from dataclasses import dataclass
from typing import Any

from flatbuffers import number_types
from flatbuffers.table import Table

MAX_TABLES = 256


@dataclass(frozen=True, slots=True)
class View:
    """Bytes may be anybody's: any error of struct, value, index or type means damage."""

    table: Table

    def _at(self, slot: int) -> int:
        return int(self.table.Offset(4 + 2 * slot))

    def text(self, slot: int) -> str:
        """Return a string, "" where it is absent; bytes that are not UTF-8 as escapes."""
        at = self._at(slot)
        value = self.table.String(at + self.table.Pos) if at else b""
        return bytes(value).decode("utf-8", "backslashreplace")

    def number(self, slot: int, flags: Any, default: float) -> Any:
        """Return a number of the type that `flags` says."""
        at = self._at(slot)
        return self.table.Get(flags, at + self.table.Pos) if at else default

    def floats(self, slot: int) -> tuple[float, ...]:
        """Return a vector of float32, () where it is absent."""
        at = self._at(slot)
        if not at:
            return ()
        return tuple(self.table.GetVectorAsNumpy(number_types.Float32Flags, at).tolist())

    def child(self, slot: int) -> "View | None":
        """Return a table, None where it is absent."""
        at = self._at(slot)
        if not at:
            return None
        return View(Table(self.table.Bytes, self.table.Indirect(at + self.table.Pos)))

    def children(self, slot: int, most: int = MAX_TABLES) -> "list[View]":
        """Return a vector of tables; raises ValueError where there are more than `most`."""
        at = self._at(slot)
        count = self.table.VectorLen(at) if at else 0
        if count > most:
            raise ValueError(f"a list of {count} entries; at most {most} are read")
        start = self.table.Vector(at) if at else 0
        return [
            View(Table(self.table.Bytes, self.table.Indirect(start + 4 * i))) for i in range(count)
        ]

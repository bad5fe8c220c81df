"""The bytes of a model behind bounds that hold for any file, honest or hostile."""

from collections.abc import Iterator
from typing import Any

import tflite as schema

from edge.errors import BadDataError

# Every byte of an honest file is read once; shared vectors may make it a little more.
READ_FACTOR = 4
READ_FLOOR_BYTES = 1 << 16


class Cursor:
    """The bytes of a model, the faults found so far, and what may still be read."""

    def __init__(self, model: bytes) -> None:
        self.bytes = model
        self.left_bytes = READ_FACTOR * len(model) + READ_FLOOR_BYTES
        self.faults: list[str] = []
        self.root = schema.Model.GetRootAs(model)
        self.data: dict[int, bytes] = {}

    def spend(self, count_bytes: int) -> None:
        """Refuse to read more than an honest file of this size can hold."""
        self.left_bytes -= count_bytes
        if self.left_bytes < 0:
            raise BadDataError("the model is damaged: its parts overlap or exceed the file")

    def table(self, table: Any, name: str) -> Iterator[Any]:
        """Yield the tables of a vector."""
        count = getattr(table, f"{name}Length")()
        self.spend(4 * count)
        for index in range(count):
            yield getattr(table, name)(index)

    def numbers(self, table: Any, name: str) -> tuple[Any, ...]:
        """Return a vector of numbers, () where it is absent."""
        count = getattr(table, f"{name}Length")()
        if not count:
            return ()
        self.spend(4 * count)
        return tuple(getattr(table, f"{name}AsNumpy")().tolist())

    def text(self, value: bytes | None) -> str:
        """Return a string of the file; bytes that are not UTF-8 are shown as escapes."""
        self.spend(len(value or b""))
        return (value or b"").decode("utf-8", "backslashreplace")

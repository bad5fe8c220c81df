"""JSON lines: one a frame and one an event, for programs that read along."""

import json
import os
from pathlib import Path
from typing import Any

from edge.errors import CannotWriteError
from edge.scene import Event, Scene, event_record, scene_record
from edge.sinks.sink import Health
from edge.sinks.standard_output import StandardOutput


class JsonLinesSink:
    """Writes whole lines, each in one call and at once.

    The file has its own name from the start, so that it can be followed while it grows; a kill
    at any moment leaves whole lines only, and so does a full disk: the piece of a line that went
    through is cut off again. An older file of that name is replaced.
    """

    def __init__(self, path: Path) -> None:
        """Keep the name; nothing is opened yet."""
        self._path = path
        self._file = -1
        self._health = Health(True)

    def open(self) -> None:
        """Create the file; raises CannotWriteError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        try:
            self._file = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise CannotWriteError(f"cannot write '{self._path}': {error.strerror}") from None

    def write(self, scene: Scene) -> None:
        """Append one frame."""
        self._append(scene_record(scene))

    def event(self, event: Event) -> None:
        """Append one event."""
        self._append(event_record(event))

    def _append(self, record: dict[str, Any]) -> None:
        data = as_line(record).encode()
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            self._cut(before)
            self._health = Health(False, f"'{self._path}': {error.strerror}")
            raise CannotWriteError(f"cannot write '{self._path}': {error.strerror}") from None

    def _cut(self, length_bytes: int) -> None:
        # a pipe or device has no length to go back to
        if self._path.is_file():
            os.ftruncate(self._file, length_bytes)

    def health(self) -> Health:
        """Return whether lines get through."""
        return self._health

    def close(self) -> None:
        """Close the file; every line is in it already."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class StandardOutputSink:
    """The same lines on standard output."""

    def __init__(self, output: StandardOutput) -> None:
        """Keep where the lines go."""
        self._output = output

    def open(self) -> None:
        """Do nothing: standard output is open."""

    def write(self, scene: Scene) -> None:
        """Print one frame."""
        self._output.write(as_line(scene_record(scene)))

    def event(self, event: Event) -> None:
        """Print one event."""
        self._output.write(as_line(event_record(event)))

    def health(self) -> Health:
        """Return whether somebody reads."""
        return Health(self._output.open, "" if self._output.open else "nobody reads any more")

    def close(self) -> None:
        """Leave standard output open."""


def as_line(record: dict[str, Any]) -> str:
    """Return compact JSON and the end of the line; no NaN, so that every reader takes it."""
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text + "\n"

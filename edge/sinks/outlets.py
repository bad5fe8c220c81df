"""All the sinks of a run as one: a sink that fails is named once, and the others go on."""

import logging
from collections.abc import Sequence

from edge.errors import EdgeError
from edge.scene import Event, Scene
from edge.sinks.sink import Sink

log = logging.getLogger(__name__)


class Outlets:
    """Opens, feeds and closes sinks; `faults` says which have failed, one line each."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Keep the sinks; none is open yet."""
        self.faults: list[str] = []
        self._opened: list[Sink] = []
        self._fed: list[Sink] = []
        self._sinks = tuple(sinks)

    def open(self) -> None:
        """Open all of them or none; raises the first error with the faults of all."""
        errors: list[EdgeError] = []
        for sink in self._sinks:
            try:
                sink.open()
                self._opened.append(sink)
            except EdgeError as error:
                errors.append(error)
        self._fed = list(self._opened)
        if errors:
            self.close()
            raise type(errors[0])(*(fault for error in errors for fault in error.faults))

    def write(self, scene: Scene) -> None:
        """Give a scene to every sink that still works."""
        for sink in tuple(self._fed):
            try:
                sink.write(scene)
            except Exception as error:
                self._fail(sink, error)

    def event(self, event: Event) -> None:
        """Give an event to every sink that still works."""
        for sink in tuple(self._fed):
            try:
                sink.event(event)
            except Exception as error:
                self._fail(sink, error)

    def close(self) -> None:
        """Close every sink that was opened, the failed ones too."""
        opened, self._opened, self._fed = self._opened, [], []
        for sink in opened:
            try:
                sink.close()
            except Exception as error:
                self._fail(sink, error)

    def _fail(self, sink: Sink, error: Exception) -> None:
        if sink in self._fed:
            self._fed.remove(sink)
        known = isinstance(error, EdgeError | OSError)
        fault = str(error) if known else f"{type(sink).__name__}: {type(error).__name__}: {error}"
        if fault not in self.faults:
            self.faults.append(fault)
            log.error("%s; the loop goes on without it", fault)

"""What the loop asks of anything that takes results."""

from typing import Protocol

from edge.records import dataclass
from edge.scene import Event, Scene


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a sink really works, and why not."""

    ok: bool
    reason: str = ""


class Sink(Protocol):
    """A window, a file, a page: opened once, told everything, closed once."""

    def open(self) -> None:
        """Take hold of the file or address; raises EdgeError where that is impossible."""
        ...

    def write(self, scene: Scene) -> None:
        """Take one scene."""
        ...

    def event(self, event: Event) -> None:
        """Take one event."""
        ...

    def health(self) -> Health:
        """Return whether this sink really works."""
        ...

    def close(self) -> None:
        """Finish: after it, what was written is whole and under its final name."""
        ...

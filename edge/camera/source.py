"""What the loop asks of anything that yields pictures."""

from typing import Protocol

from edge.scene import Frame


class Source(Protocol):
    """A camera, a clip or a folder of pictures; read by one thread only."""

    @property
    def live(self) -> bool:
        """Return whether time passes by itself: then the newest frame wins."""
        ...

    @property
    def description(self) -> str:
        """Return what is read, for people."""
        ...

    @property
    def fps(self) -> float | None:
        """Return the nominal rate, or None where nobody knows it."""
        ...

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end of a clip or folder."""
        ...

    def close(self) -> None:
        """Release the device; called by the thread that calls `read`."""
        ...

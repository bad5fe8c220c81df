"""What the engine asks of anything that can run a model."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.errors import UnavailableError
from edge.records import dataclass

Array = NDArray[Any]
Reals = tuple[NDArray[np.float32], ...]


class FinalFault(UnavailableError):  # noqa: N818 - the word that users read
    """A fault that no retry can mend, such as a driver that disagrees with the runtime."""


class Backend(Protocol):
    """One loaded model on one processor, used by one thread at a time.

    A backend that can hang for ever, or take the process with it, lives in a child process and
    keeps a deadline of its own: the engine can leave a thread behind, but not stop it.
    """

    @property
    def description(self) -> str:
        """Return what answers, for people: runtime, version, threads."""
        ...

    def infer(self, inputs: Sequence[Array]) -> Reals:
        """Answer one frame.

        `inputs` has one array per model input, without the batch dimension: uint8 pixels
        (height, width, channels) in the model's colour order for an image, real values for
        a tensor. Returns one float32 array per output in bundle order, batch kept.
        """
        ...

    def close(self) -> None:
        """Free the processor; called once."""
        ...


@runtime_checkable
class Mortal(Protocol):
    """A backend that can die while nobody asks it, and then says so."""

    def on_death(self, report: Callable[[BaseException], None]) -> None:
        """Have `report` called once, on any thread, when it dies before `close`."""
        ...


@runtime_checkable
class Stager(Protocol):
    """A backend that can take in a frame while it answers the one before."""

    def stage(self, inputs: Sequence[Array]) -> None:
        """Prepare to be asked for these very inputs soon, on any thread; raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A named way to open a backend; the engine prefers earlier choices."""

    name: str
    open: Callable[[], Backend]

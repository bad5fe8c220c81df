"""Frames put where a child finds them while the one before is still being answered.

The thread that prepared a picture has it in the cache of its own core: copied from there it costs
a tenth of what the thread that answers would pay, and that one need not wait for it.
"""

import threading
from collections.abc import Sequence

import numpy as np

from edge.errors import EdgeError
from edge.infer.backend import Array
from edge.infer.border import Enter

BUFFERS = 3  # one that is answered, one that waits, one that is being filled
# A staged frame that was passed over so often is never asked for: another backend had it.
STALE = 8

Places = Sequence[memoryview]


class Staging:
    """A few buffers for the inputs of one frame each; `stage` may be called by any thread."""

    def __init__(self, enters: Sequence[Enter], buffers: Sequence[Places]) -> None:
        """Take for each buffer the bytes of every input, and how inputs become bytes."""
        self._enters, self._buffers = enters, buffers
        self._lock = threading.Lock()
        self._free = list(range(len(buffers)))
        self._staged: dict[int, tuple[Sequence[Array], int, int]] = {}  # id -> inputs, buffer, age
        self._taken = 0

    def stage(self, inputs: Sequence[Array]) -> None:
        """Fill a buffer where one is free; inputs that do not fit are left to `take`."""
        with self._lock:
            if len(self._free) < 2:  # one is for frames that were not staged
                return
            number = self._free.pop()
        try:
            self._fill(number, inputs)
        except (EdgeError, ValueError):
            self.free(number)
            return
        with self._lock:
            self._staged[id(inputs)] = (inputs, number, self._taken)

    def take(self, inputs: Sequence[Array]) -> int:
        """Return the number of the buffer that holds these inputs, filled now if not before.

        Raises BadDataError where they do not fit. It is the caller's until `free`.
        """
        with self._lock:
            self._taken += 1
            found = self._staged.pop(id(inputs), None)
            if found is not None:
                return found[1]
            for key, (_, number, age) in list(self._staged.items()):
                if self._taken - age > STALE:
                    del self._staged[key]
                    self._free.append(number)
            number = self._free.pop()
        try:
            self._fill(number, inputs)
        except BaseException:
            self.free(number)
            raise
        return number

    def free(self, number: int) -> None:
        """Give a buffer back."""
        with self._lock:
            self._free.append(number)

    def _fill(self, number: int, inputs: Sequence[Array]) -> None:
        for place, enter, value in zip(self._buffers[number], self._enters, inputs, strict=True):
            # numpy would let go of the interpreter lock, and wait for it with the frame in hand
            place[:] = np.ascontiguousarray(enter(value)).data.cast("B")

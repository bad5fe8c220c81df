"""Standard output, which may be a pipe whose reader goes away."""

import os
import sys
from collections.abc import Callable

from edge.errors import CannotWriteError


class StandardOutput:
    """Writes text at once; a reader that has seen enough, as `head` has, ends the run quietly."""

    def __init__(self, stop: Callable[[], None]) -> None:
        """Keep what to call when the reader goes away."""
        self.open = True
        self._stop = stop

    def write(self, text: str) -> None:
        """Write text, or nothing once the reader is gone; raises CannotWriteError."""
        if not self.open:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self.open = False
            # or Python complains once more when it flushes at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._stop()
        except OSError as error:
            raise CannotWriteError(f"cannot write to standard output: {error.strerror}") from None

"""Hiding what C libraries print beside our own messages."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Send file descriptor 2 to nowhere; for short calls only, as it hides every thread's words.

    OpenCV and FFmpeg report each file that does not open, although the caller says so better, and
    even every working WebM as not supported.
    """
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed: nothing can litter it
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

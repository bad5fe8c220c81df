"""Hiding, or reading, what C libraries print beside our own messages."""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Send file descriptor 2 to nowhere; for short calls only, as it hides every thread's words.

    OpenCV and FFmpeg report each file that does not open, although the caller says so better, and
    even every working WebM as not supported. The TFLite runtimes announce XNNPACK.
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


_KEEPING = threading.Lock()  # descriptor 2 belongs to the whole process: one at a time


@contextlib.contextmanager
def native_messages_kept(pattern: str) -> Iterator[list[str]]:
    """Give a list that holds, at the end, the lines on file descriptor 2 that match `pattern`.

    Decoders say there, and nowhere else, that a picture is damaged. Lines of others, who may write
    meanwhile, go where they were meant to go, a little later.
    """
    lines: list[str] = []
    with _KEEPING, contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # stderr is closed: nobody can be heard
            yield lines
            return
        stack.callback(os.close, kept)
        heard = stack.enter_context(_scratch())
        os.dup2(heard.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            heard.seek(0)
            for line in heard.read().splitlines(keepends=True):
                text = line.decode(errors="replace").strip()
                if re.match(pattern, text):
                    lines.append(text)
                else:
                    os.write(2, line)


def _scratch() -> BinaryIO:
    """Return an empty file without a name; in memory on Linux, where a start needs no tempfile."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("heard"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()

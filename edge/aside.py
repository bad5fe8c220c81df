"""Files that are whole or absent: written under another name in the same folder, then renamed."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.errors import CannotWriteError


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a temporary file in the folder of `path`, made if absent; at the end it is renamed.

    When the block raises, `path` stays as it was. Raises CannotWriteError on an OSError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        aside = Path(name)
        try:
            yield aside
            aside.chmod(0o644)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWriteError(f"cannot write {path}: {error.strerror or error}") from None

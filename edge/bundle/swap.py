"""Put a finished folder in the place of an older one."""

import ctypes
import os
import shutil
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux: both names always exist


def replace_folder(fresh: Path, target: Path) -> None:
    """Rename `fresh` to `target`; an older folder there is removed after the change.

    On Linux both change places in one step; elsewhere the old one is moved aside for a moment
    and comes back if the new one cannot be renamed. Raises OSError.
    """
    if not target.exists():
        fresh.rename(target)
        return
    if not _exchange(fresh, target):
        aside = fresh.with_name(fresh.name + ".old")
        target.rename(aside)
        try:
            fresh.rename(target)
        except OSError:
            aside.rename(target)
            raise
        fresh = aside
    shutil.rmtree(fresh)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the system cannot."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def sync_folder(folder: Path) -> None:
    """Ask the disk to keep a folder's entries, as far as it can be asked."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

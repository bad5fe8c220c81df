"""Read the small files of /sys and /proc: what is absent, unreadable or odd is None."""

import re
from pathlib import Path

MOST_BYTES = 65_536
_PARTS = re.compile(r"([0-9]+)")


def read_bytes(path: Path) -> bytes | None:
    """Return at most 64 KiB of a file, None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


def read_text(path: Path) -> str | None:
    """Return the text of a file without NULs and blanks around it, None where there is none."""
    content = read_bytes(path)
    return None if content is None else content.decode("utf-8", "replace").strip(" \t\r\n\0")


def read_int(path: Path, base: int = 10) -> int | None:
    """Return the whole number that a file holds, None where it holds none."""
    try:
        return int(read_text(path) or "", base)
    except ValueError:
        return None


def entries(folder: Path) -> list[Path]:
    """Return what a folder holds, sorted by name; [] where it cannot be listed."""
    try:
        return sorted(folder.iterdir(), key=lambda path: natural(path.name))
    except (OSError, ValueError):
        return []


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts `1-2` before `1-10`."""
    return tuple((int(part) if part.isdecimal() else -1, part) for part in _PARTS.split(name))

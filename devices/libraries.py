"""Where a shared library lies, and whether it was built for this machine."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devices.sysfs import entries, read_text

# ELF e_machine -> the name that uname gives (System V ABI, elf.h).
MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf")
BASES = ("usr/local/lib", "lib", "usr/lib")
FOLDERS = (
    *(f"{base}/{triplet}" for base in BASES for triplet in TRIPLETS),
    *BASES,
    "lib64",
    "usr/lib64",
)
MOST_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Binary:
    """An ELF file: `bits` is 32 or 64, `machine` as uname says it."""

    bits: int
    machine: str


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library that the loader would find; `binary` is None where it is no ELF file."""

    path: Path
    binary: Binary | None


def find_libraries(name: str, root: Path = Path("/")) -> tuple[Library, ...]:
    """Return every file of that name in the loader's folders, in its order, each once.

    LD_LIBRARY_PATH counts for the real root only.
    """
    found: dict[Path, Library] = {}
    for folder in _folders(root):
        path = folder / name
        if path.is_file():
            found.setdefault(path.resolve(), Library(path, read_binary(path)))
    return tuple(found.values())


def read_binary(path: Path) -> Binary | None:
    """Return what an ELF file was built for, None for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    number = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return Binary(32 * head[4], MACHINES.get(number, f"machine {number}"))


def system_binary(root: Path = Path("/")) -> Binary | None:
    """Return what the programs under a root are built for, None where there is no shell."""
    for name in ("bin/sh", "usr/bin/env", "bin/busybox"):
        if binary := read_binary(root / name):
            return binary
    return None


def _folders(root: Path) -> Iterator[Path]:
    if root == Path("/"):
        own = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        yield from (Path(folder) for folder in own if folder)
    yield from _configured(root, root / "etc/ld.so.conf", MOST_DEPTH)
    yield from (root / folder for folder in FOLDERS)


def _configured(root: Path, file: Path, depth: int) -> Iterator[Path]:
    """Yield the folders of ld.so.conf and of the files that it includes."""
    for line in (read_text(file) or "").splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 2 and words[0] == "include" and depth:
            pattern = root / words[1].lstrip("/")
            for entry in entries(pattern.parent):
                if entry.match(pattern.name):
                    yield from _configured(root, entry, depth - 1)
        elif len(words) == 1 and words[0].startswith("/"):
            yield root / words[0].lstrip("/")

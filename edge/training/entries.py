"""Picture files as they were found: where they belong, and what a look into each gave."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge.camera.images import is_cut_short, read_picture
from edge.errors import BadDataError
from edge.training.dataset import Boxes, SplitName
from edge.training.faults import CUT_SHORT, UNREADABLE, Fault
from edge.training.headers import Trait, traits
from edge.vision.alike import difference_hash

READERS = 2

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture file as it was found; `split` None where the data give none."""

    path: Path
    label: str | None = None
    boxes: Boxes = ()
    split: SplitName | None = None
    content: str = ""  # SHA-256 of the file
    hash: int | None = None  # difference hash of the picture
    traits: tuple[Trait, ...] = ()

    def labels(self) -> set[str]:
        """Return every label that the picture shows."""
        return {self.label} if self.label is not None else {label for label, _ in self.boxes}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a reader found: `faults` are what it left out, `notes` are lines on what it decided."""

    task: Literal["classify", "detect"]
    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into a picture file gave: SHA-256, size in px, hash and traits, or a fault."""

    content: str = ""
    width: int = 0
    height: int = 0
    hash: int | None = None
    traits: tuple[Trait, ...] = ()
    fault: Fault | None = None

    def of(self, entry: Entry) -> Entry:
        """Return the entry with what was seen in its file."""
        return replace(entry, content=self.content, hash=self.hash, traits=self.traits)


def look_at(paths: Sequence[Path]) -> dict[Path, Look]:
    """Open and decode every picture once, two at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(paths, pool.map(_look, paths), strict=True))


def _look(path: Path) -> Look:
    try:
        data = path.read_bytes()
        bgr = read_picture(path)
    except BadDataError as error:
        kind = CUT_SHORT if is_cut_short(data) else UNREADABLE
        return Look(fault=Fault(kind, str(error)))
    except OSError as error:
        return Look(fault=Fault(UNREADABLE, f"cannot read '{path}': {error.strerror}"))
    content = hashlib.sha256(data).hexdigest()
    return Look(content, bgr.shape[1], bgr.shape[0], difference_hash(bgr), traits(data))

"""Pictures with labels, read from a user's folder and divided once, the same way every time."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.camera.images import read_picture
from edge.errors import BadDataError, UsageError
from edge.scene import Box

SplitName = Literal["train", "val", "test"]
Boxes = tuple[tuple[str, Box], ...]

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture: a file or pixels (BGR uint8), with its class or its labelled boxes."""

    path: Path | None = None
    bgr: NDArray[np.uint8] | None = None
    label: str | None = None
    boxes: Boxes = ()

    def picture(self) -> NDArray[np.uint8]:
        """Return the pixels, BGR uint8 (h, w, 3), upright; raises BadDataError where unreadable."""
        if self.bgr is not None:
            return self.bgr
        if self.path is None:
            raise BadDataError("a sample has neither a file nor pixels; give one of them")
        return read_picture(self.path)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Three disjoint splits: train teaches, val stops and sets thresholds, test only scores.

    `notes` tells what was left out, with counts and the first few of each kind, and what was
    decided; `faults` has a line for every file and row that was left out.
    """

    task: Literal["classify", "detect"]
    labels: tuple[str, ...]
    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    test: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def split(self, name: SplitName) -> tuple[Sample, ...]:
        """Return the samples of a split."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


def read_dataset(
    data: Path | str, format: str = "auto", *, seed: int = 1, learn: bool = True
) -> Dataset:
    """Return the pictures of `data`, checked file by file; nothing there is changed.

    `format` is one of edge.training.formats.FORMATS; auto tells by what lies there. A split that is
    given is kept; what is missing is divided off by `seed`, every class alike. Faulty files are
    left out and told in `notes` and `faults`; raises BadDataError with all of them where what is
    left makes no sense, UsageError, NotFoundError. Sides of boxes are pixels of the picture as it
    is shown, turned upright. Without `learn` it is only scored, and the test split alone must hold
    pictures.
    """
    from edge.training.formats import find
    from edge.training.splits import assemble

    if seed < 0:
        raise UsageError(f"seed {seed}; allowed: 0 or more")
    try:
        found = find(Path(data), format)
    except OSError as error:
        raise BadDataError(f"cannot read '{error.filename}': {error.strerror}") from None
    return assemble(found, seed, learn)


def fingerprint(dataset: Dataset) -> str:
    """Return a SHA-256 over contents, labels and splits, whatever the files' names and order."""
    lines = [
        f"{split} {_content(sample)} {_truth(sample)}"
        for split in SPLITS
        for sample in dataset.split(split)
    ]
    return _digest(line.encode() for line in sorted(lines))


def _content(sample: Sample) -> str:
    if sample.path is not None:
        return _digest([sample.path.read_bytes()])
    bgr = sample.picture()
    return _digest([str(bgr.shape).encode(), np.ascontiguousarray(bgr).tobytes()])


def _truth(sample: Sample) -> str:
    boxes = sorted((label, box.as_list()) for label, box in sample.boxes)
    return repr((sample.label, boxes))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part + b"\n")
    return digest.hexdigest()

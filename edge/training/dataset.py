"""Pictures with labels, read from a user's folder and divided once, the same way every time."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.camera.images import read_picture
from edge.errors import BadDataError, NotFoundError, UsageError
from edge.scene import Box

SplitName = Literal["train", "val", "test"]
Boxes = tuple[tuple[str, Box], ...]

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
FORMATS = ("auto", "folder", "csv")


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

    `notes` has one line for every file that was left out and every decision that was taken.
    """

    task: Literal["classify", "detect"]
    labels: tuple[str, ...]
    train: tuple[Sample, ...]
    val: tuple[Sample, ...]
    test: tuple[Sample, ...]
    notes: tuple[str, ...] = ()

    def split(self, name: SplitName) -> tuple[Sample, ...]:
        """Return the samples of a split."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


def read_dataset(
    data: Path | str, format: str = "auto", *, seed: int = 1, learn: bool = True
) -> Dataset:
    """Return the pictures of `data`, checked file by file; nothing there is changed.

    Class folders (data/class/x.jpg, or data/train|val|test/class/x.jpg) or a CSV of boxes, the
    file or the folder that holds exactly one. A split that is given is kept; what is missing is
    divided off by `seed`, every class alike. Faulty files are left out and named in `notes`;
    raises BadDataError with all of them where what is left makes no sense. Sides of boxes are
    pixels of the picture as it is shown, turned upright. Without `learn` it is only scored, and
    the test split alone must hold pictures.
    """
    from edge.training.boxes_csv import read_csv
    from edge.training.folders import read_folders
    from edge.training.splits import assemble

    path = Path(data)
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}; known formats: {', '.join(FORMATS)}")
    if seed < 0:
        raise UsageError(f"seed {seed}; allowed: 0 or more")
    try:
        if not path.exists():
            raise NotFoundError(f"no data '{path}'; a folder of class folders, or a CSV of boxes")
        table = _table(path, format)
        found = read_folders(path) if table is None else read_csv(table)
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


def _table(path: Path, format: str) -> Path | None:
    """Return the CSV that `path` is or holds, None for class folders."""
    if path.is_file():
        if path.suffix.lower() == ".csv" and format != "folder":
            return path
        raise BadDataError(f"'{path}' is no dataset; a folder of class folders, or a CSV of boxes")
    tables = sorted(p for p in path.iterdir() if p.suffix.lower() == ".csv" and p.is_file())
    if format == "folder" or (format == "auto" and not tables):
        return None
    if len(tables) != 1:
        found = ", ".join(p.name for p in tables) or "none"
        raise BadDataError(f"'{path}' must hold exactly one CSV of boxes; found {found}")
    return tables[0]


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

"""Training pictures, taken with the very camera that will recognise."""

import contextlib
import itertools
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.images import SUFFIXES, read_picture
from edge.camera.source import Source
from edge.errors import BadDataError, CannotWriteError, UsageError
from edge.scene import Frame, Scene, Timings
from edge.sinks.draw import Canvas, with_foot
from edge.sinks.outlets import Outlets
from edge.sinks.sink import Sink
from edge.vision.alike import NEAR_BITS, difference_hash, distance

log = logging.getLogger(__name__)

QUALITY = 95
DARK = 40  # 0..255: a picture whose lightest hundredth is darker shows nothing
MOST_LABEL_BYTES = 200


@dataclass(slots=True)
class Kept:
    """What a capture came to: pictures written and left out, those before it, and their hashes."""

    written: int = 0
    duplicates: int = 0
    dark: int = 0
    frames: int = 0
    before: int = 0
    hashes: list[int] = field(default_factory=list)


def check_label(label: str) -> None:
    """Raise UsageError where a label is no name for a class folder."""
    faults = []
    if not label or label != label.strip():
        faults.append("empty, or with spaces around it")
    if label.startswith("."):
        faults.append("with a leading dot: such folders are hidden")
    if "/" in label or not label.isprintable():
        faults.append("with a slash or a control character")
    if len(label.encode()) > MOST_LABEL_BYTES:
        faults.append(f"longer than {MOST_LABEL_BYTES} bytes")
    if faults:
        raise UsageError(f"--label is the name of a class folder; got {label!r}: {faults[0]}")


class Album:
    """A class folder that pictures are added to; near-duplicates of what it holds stay out."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and look at the pictures in it; raises CannotWriteError."""
        self.folder = folder
        self.kept = Kept()
        self._made = [p for p in (folder, *folder.parents) if not p.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        except OSError as error:
            raise CannotWriteError(f"cannot create '{folder}': {error.strerror}") from None
        if not os.access(folder, os.W_OK):
            raise CannotWriteError(f"cannot write into '{folder}': Permission denied")
        for path in paths:
            try:
                self.kept.hashes.append(difference_hash(read_picture(path)))
                self.kept.before += 1
            except BadDataError as error:
                log.warning("no hash of a picture that is there: %s", error)

    def add(self, frame: Frame) -> bool:
        """Write a frame as JPEG unless it is nearly one that is there; return whether it was.

        Raises CannotWriteError, which says what is kept.
        """
        bits = difference_hash(frame.bgr)
        if any(distance(bits, other) <= NEAR_BITS for other in self.kept.hashes):
            self.kept.duplicates += 1
            return False
        self._write(frame)
        self.kept.hashes.append(bits)
        self.kept.written += 1
        self.kept.dark += is_dark(frame.bgr)
        return True

    def close(self) -> None:
        """Remove the folders that this made where nothing was put into them."""
        with contextlib.suppress(OSError):  # not empty
            for folder in self._made:
                folder.rmdir()

    def _write(self, frame: Frame) -> None:
        _, jpeg = cv2.imencode(".jpg", frame.bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        path = self.folder / picture_name(frame)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(jpeg.tobytes())
            _name(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise CannotWriteError(
                f"cannot write '{path}': {error.strerror}; {self.kept.written} pictures of this "
                f"capture are kept in '{self.folder}'"
            ) from None


def _name(part: Path, path: Path) -> None:
    """Give `part` the name `path`, or one with a number where that exists: nothing is lost."""
    for number in itertools.count(1):
        name = path if number == 1 else path.with_stem(f"{path.stem}_{number}")
        try:
            os.link(part, name)  # fails where the name exists; a rename would overwrite
        except FileExistsError:
            continue
        except OSError:  # FAT has no links
            if name.exists():
                continue
            part.rename(name)
            return
        part.unlink()
        return


def picture_name(frame: Frame) -> str:
    """Return a name that sorts by time, in UTC: `20261125T101200.123Z.jpg`."""
    moment = frame.time_utc
    return moment.strftime("%Y%m%dT%H%M%S.") + f"{moment.microsecond // 1000:03d}Z.jpg"


def is_dark(bgr: NDArray[np.uint8]) -> bool:
    """Return whether a picture shows next to nothing: even its lightest hundredth is dark."""
    return bool(np.percentile(bgr.max(axis=2), 99) < DARK)


class Foot(Canvas):
    """Writes below each picture how many are kept."""

    def __init__(self, label: str, kept: Kept) -> None:
        """Draw from `kept`, which counts on."""
        super().__init__()
        self._label, self._kept = label, kept

    def draw(self, scene: Scene) -> NDArray[np.uint8]:
        """Return a copy of the frame with its foot."""
        kept = self._kept
        return with_foot(scene.frame.bgr, f"{self._label}: {kept.written} kept, "
                         f"{kept.duplicates} nearly the same")  # fmt: skip


def capture(
    source: Source,
    album: Album,
    sinks: Sequence[Sink],
    *,
    every_ms: float,
    count: int | None,
    stop: threading.Event,
    report: Callable[[int], None] = lambda _: None,
) -> tuple[str, ...]:
    """Add a frame of `source` to `album` each `every_ms`, until its end, `count` or `stop`.

    `sinks` preview every frame; returns what failed of them. `report` hears how many are kept. Of
    single pictures, through which no time passes, every one is taken. Raises what source and album
    raise.
    """
    outlets = Outlets(sinks)
    outlets.open()
    paced = source.live or source.fps is not None
    due_ns: int | None = None
    kept = album.kept
    try:
        while not stop.is_set() and (count is None or kept.written < count):
            frame = source.read()
            if frame is None:
                break
            kept.frames += 1
            if not paced or due_ns is None or frame.monotonic_ns >= due_ns:
                due_ns = frame.monotonic_ns + round(every_ms * 1e6)
                if album.add(frame):
                    report(kept.written)
            outlets.write(Scene(frame, (), "", Timings(0.0, 0.0, 0.0, 0.0)))
    finally:
        outlets.close()
    return tuple(outlets.faults)

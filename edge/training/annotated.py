"""Boxes as annotation tools write them, checked against the pictures that they belong to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path, PurePosixPath

from edge.camera.images import SUFFIXES, natural
from edge.scene import Box
from edge.training.dataset import Boxes, SplitName
from edge.training.entries import SPLIT_NAMES, Entry, Found, Look, look_at
from edge.training.faults import (
    DUPLICATE,
    EMPTY_CLASS,
    FAULTY_ROW,
    NO_AREA,
    NO_PICTURE,
    OTHER_SIZE,
    OUTSIDE,
    Fault,
)

SLACK_PX = 1.0  # tools round, or count pixels from 1: a side this far outside is moved to the edge

Sides = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One box as it was written, or why it is none.

    `sides` are left, top, right and bottom from the top left corner of the picture as it is shown,
    in pixels, or fractions of it where `fraction` is set.
    """

    where: str
    label: str = ""
    sides: Sides = (0.0, 0.0, 0.0, 0.0)
    fraction: bool = False
    fault: str = ""
    kind: str = FAULTY_ROW


@dataclass(frozen=True, slots=True)
class Annotated:
    """A picture and its marks; `size` is its width and height in px where the tool wrote them."""

    path: Path
    where: str
    marks: tuple[Mark, ...] = ()
    split: SplitName | None = None
    size: tuple[int, int] | None = None


class UnusableError(ValueError):
    """A mark that is no box: its kind of fault and the reason."""

    def __init__(self, kind: str, reason: str) -> None:
        """Keep both."""
        self.kind = kind
        super().__init__(reason)


def checked(
    pictures: Sequence[Annotated],
    faults: Iterable[Fault] = (),
    classes: Iterable[str] = (),
    notes: Iterable[str] = (),
) -> Found:
    """Return the pictures that can be used, with a fault for each that cannot and each bad mark.

    A picture with a faulty mark is left out whole: an object without its box would teach that it
    is none. `classes` are the names that the data declare: one without an object is said.
    """
    looks = look_at(list(dict.fromkeys(p.path for p in pictures if is_file(p.path))))
    entries: list[Entry] = []
    found = list(faults)
    for picture in pictures:
        look = looks.get(picture.path)
        if look is None:
            named = f"no picture '{picture.path}'" if picture.path.name else "no picture is named"
            found.append(Fault(NO_PICTURE, f"{picture.where}: {named}"))
        elif look.fault:
            found.append(look.fault)
        else:
            entry, wrong = _entry(picture, look)
            found += wrong
            entries += [entry] if entry else []
    used = {label for entry in entries for label in entry.labels()}
    empty = [name for name in dict.fromkeys(classes) if name not in used]
    found += [Fault(EMPTY_CLASS, f"class '{name}' is on no picture that is used") for name in empty]
    return Found("detect", tuple(entries), tuple(found), tuple(notes))


def split_of(path: Path, root: Path) -> SplitName | None:
    """Return the split that a folder between `root` and the file is named after."""
    for part in path.relative_to(root).parts[:-1]:
        if part.lower() in SPLIT_NAMES:
            return SPLIT_NAMES[part.lower()]
    return None


def pictures_below(root: Path) -> list[Path]:
    """Return every picture file in the folder and below, in natural order; hidden ones not."""
    return sorted(
        (
            path
            for path in root.rglob("*")
            if path.suffix.lower() in SUFFIXES
            and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(root).parts)
        ),
        key=natural,
    )


def by_name(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Return the paths of each file name."""
    named: dict[str, list[Path]] = {}
    for path in paths:
        named.setdefault(path.name, []).append(path)
    return named


def locate(name: str, folders: Sequence[Path], named: Mapping[str, Sequence[Path]]) -> Path:
    """Return the file that a tool calls `name`, perhaps with folders of another machine.

    It lies below one of `folders`, or is the only one that is so called; else the first guess is
    returned, which does not exist.
    """
    tidy = name.strip().replace("\\", "/")
    if not tidy:
        return Path()
    for folder in folders:
        if is_file(folder / tidy):
            return folder / tidy
    alike = named.get(PurePosixPath(tidy).name, ())
    return alike[0] if len(alike) == 1 else folders[0] / tidy


def unlisted(pictures: Iterable[Path], listed: Iterable[Annotated]) -> tuple[str, ...]:
    """Return a note on pictures that lie there without an annotation, none where all have one."""
    known = {picture.path for picture in listed}
    left = [path for path in pictures if path not in known]
    if not left:
        return ()
    names = ", ".join(f"'{path.name}'" for path in left[:3])
    more = ", ..." if len(left) > 3 else ""
    return (f"{len(left)} pictures are in no annotation and not used: {names}{more}",)


def is_file(path: Path) -> bool:
    """Return whether it is a file; a name that no file system takes is none."""
    try:
        return path.is_file()
    except OSError:  # too long, such as from a shifted column
        return False


def _entry(picture: Annotated, look: Look) -> tuple[Entry | None, list[Fault]]:
    """Return one picture, None if a mark is faulty, and a fault for each mark that is not used."""
    boxes: list[tuple[str, Box]] = []
    faults: list[Fault] = []
    repeated: list[Fault] = []
    name = picture.path.name
    if picture.size not in (None, (look.width, look.height)):
        faults.append(Fault(OTHER_SIZE, f"{picture.where}: '{name}': {_other_size(picture, look)}"))
    for mark in picture.marks:
        try:
            found = _box(mark, look)
        except UnusableError as error:
            faults.append(Fault(error.kind, f"{mark.where}: '{name}': {error}"))
            continue
        if found[0] in boxes:
            repeated.append(Fault(DUPLICATE, f"{mark.where}: '{name}': the same box again"))
        else:
            boxes += found
    if faults:
        return None, faults
    return look.of(Entry(picture.path, None, tuple(boxes), picture.split)), repeated


def _other_size(picture: Annotated, look: Look) -> str:
    width, height = picture.size or (0, 0)
    turned = " (turned by its EXIF)" if (height, width) == (look.width, look.height) else ""
    return f"annotated at {width} x {height}, but it is {look.width} x {look.height}{turned}"


def _box(mark: Mark, look: Look) -> Boxes:
    if mark.fault:
        raise UnusableError(mark.kind, mark.fault)
    if not mark.label:
        raise UnusableError(FAULTY_ROW, "a box without a label")
    x0, y0, x1, y1 = mark.sides
    if mark.fraction:
        x0, x1, y0, y1 = x0 * look.width, x1 * look.width, y0 * look.height, y1 * look.height
    return ((mark.label, _fractions((x0, y0, x1, y1), look)),)


def _fractions(sides: Sides, look: Look) -> Box:
    x0, y0, x1, y1 = sides
    shown = f"{x0:g},{y0:g},{x1:g},{y1:g}"
    if not all(isfinite(side) for side in sides):
        raise UnusableError(FAULTY_ROW, f"sides {shown} are no numbers")
    inside = (
        min(x0, y0) >= -SLACK_PX and x1 <= look.width + SLACK_PX and y1 <= look.height + SLACK_PX
    )
    if not inside:
        size = f"{look.width} x {look.height}"
        raise UnusableError(OUTSIDE, f"box {shown} lies outside the picture of {size}")
    x0, y0 = max(x0, 0.0), max(y0, 0.0)
    x1, y1 = min(x1, float(look.width)), min(y1, float(look.height))
    if not (x1 > x0 and y1 > y0):
        raise UnusableError(NO_AREA, f"box {shown} has no area")
    return Box(x0 / look.width, y0 / look.height, x1 / look.width, y1 / look.height)

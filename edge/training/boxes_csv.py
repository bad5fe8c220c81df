"""Boxes in a CSV: image,split,label,xmin,ymin,xmax,ymax in pixels of the upright picture."""

import csv
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from edge.errors import BadDataError
from edge.scene import Box
from edge.training.dataset import Boxes, SplitName
from edge.training.splits import SPLIT_NAMES, Entry, Found, Look, look_at

COLUMNS = ("image", "split", "label", "xmin", "ymin", "xmax", "ymax")
SIDES = COLUMNS[3:]
SLACK_PX = 1.0  # tools round, or count pixels from 1: a side this far outside is moved to the edge

Row = Mapping[str, str]


def read_csv(table: Path) -> Found:
    """Return the pictures of a CSV, paths relative to it, with a line on all that cannot be used.

    One row a box; a row with label and sides empty is a picture without objects. A picture with
    a faulty row is left out whole: an object without its box would teach that it is none.
    """
    rows: dict[str, list[tuple[int, Row]]] = {}
    for number, row in _rows(table):
        rows.setdefault((row["image"] or "").strip(), []).append((number, row))
    paths = {image: table.parent / image for image in rows}
    looks = look_at([path for path in paths.values() if _is_file(path)])
    entries: list[Entry] = []
    faults: list[str] = []
    for image, lines in rows.items():
        path = paths[image]
        if path not in looks:
            named = f"no picture '{path}'" if image else "no picture is named"
            faults.append(f"left out: {table}:{lines[0][0]}: {named}")
        elif looks[path].fault:
            faults.append(looks[path].fault)
        else:
            entry, wrong = _entry(table, path, lines, looks[path])
            faults += wrong
            entries += [entry] if entry else []
    return Found("detect", tuple(entries), tuple(faults))


def _rows(table: Path) -> list[tuple[int, Row]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise BadDataError(
                    f"{table}: no column {', '.join(missing)}; needs {','.join(COLUMNS)}"
                )
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadDataError(f"{table}: not a CSV in UTF-8: {error}") from None


def _entry(
    table: Path, path: Path, lines: list[tuple[int, Row]], look: Look
) -> tuple[Entry | None, list[str]]:
    """Return one picture, None if a row is faulty, and a line on each row that is not used."""
    boxes: list[tuple[str, Box]] = []
    faults: list[str] = []
    repeated: list[str] = []
    splits: set[SplitName | None] = set()
    for number, row in lines:
        try:
            found = _box(row, look)
            if found and found[0] in boxes:
                repeated.append(f"left out: {table}:{number}: '{path.name}': the same box again")
            else:
                boxes += found
            splits.add(_split(row))
        except ValueError as error:
            faults.append(f"left out: {table}:{number}: '{path.name}': {error}")
    if len(splits) > 1:
        names = ", ".join(sorted(split or "none" for split in splits))
        faults.append(f"left out: {table}:{lines[0][0]}: '{path.name}' is in splits {names}")
    if faults:
        return None, faults
    return Entry(path, None, tuple(boxes), splits.pop(), look.content), repeated


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system, such as from a shifted column
        return False


def _split(row: Row) -> SplitName | None:
    name = (row["split"] or "").strip()
    if name and name.lower() not in SPLIT_NAMES:
        raise ValueError(f"unknown split {name!r}; known: train, val, test, or empty")
    return SPLIT_NAMES[name.lower()] if name else None


def _box(row: Row, look: Look) -> Boxes:
    """Return the row's box in fractions, none for a picture without objects; raises ValueError."""
    label = (row["label"] or "").strip()
    texts = [(row[side] or "").strip() for side in SIDES]
    if not label and not any(texts):
        return ()
    if not label:
        raise ValueError("a box without a label")
    try:
        x0, y0, x1, y1 = (float(text) for text in texts)
    except ValueError:
        raise ValueError(f"sides {','.join(texts)} are no numbers") from None
    return ((label, _fractions((x0, y0, x1, y1), look)),)


def _fractions(sides: tuple[float, float, float, float], look: Look) -> Box:
    x0, y0, x1, y1 = sides
    shown = f"{x0:g},{y0:g},{x1:g},{y1:g}"
    if not all(isfinite(side) for side in sides):
        raise ValueError(f"sides {shown} are no numbers")
    inside = (
        min(x0, y0) >= -SLACK_PX and x1 <= look.width + SLACK_PX and y1 <= look.height + SLACK_PX
    )
    if not inside:
        raise ValueError(f"box {shown} lies outside the picture of {look.width} x {look.height}")
    x0, y0 = max(x0, 0.0), max(y0, 0.0)
    x1, y1 = min(x1, float(look.width)), min(y1, float(look.height))
    if not (x1 > x0 and y1 > y0):
        raise ValueError(f"box {shown} has no area")
    return Box(x0 / look.width, y0 / look.height, x1 / look.width, y1 / look.height)

"""What Edge Impulse exports: info.labels, and bounding_boxes.labels beside the pictures (JSON).

Boxes are left, top, width and height in pixels. A dataset without any box is one of classes, by the
label of each file. Source: docs.edgeimpulse.com, "Data acquisition format" and "Uploader".
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.errors import BadDataError
from edge.training.annotated import (
    Annotated,
    Mark,
    checked,
    is_file,
    pictures_below,
    split_of,
    unlisted,
)
from edge.training.entries import SPLIT_NAMES, Entry, Found
from edge.training.faults import UNKNOWN_CLASS, Fault

INFO, BOXES = "info.labels", "bounding_boxes.labels"


def find_edge_impulse(path: Path) -> tuple[Path, ...]:
    """Return info.labels, or each bounding_boxes.labels, of the folder and those within."""
    if path.is_file():
        return (path,) if path.name in (INFO, BOXES) else ()
    if is_file(path / INFO):
        return (path / INFO,)
    return tuple(sorted(p for g in (BOXES, f"*/{BOXES}") for p in path.glob(g) if is_file(p)))


def read_edge_impulse(root: Path, files: tuple[Path, ...]) -> Found:
    """Return the pictures of an export, with a fault for all that is not used."""
    labels: dict[Path, str] = {}
    pictures: list[Annotated] = []
    for file in files:
        if file.name == INFO:
            for row in _list(file, _read(file).get("files")):
                picture, label = _listed(file, row)
                pictures.append(picture)
                labels[picture.path] = label
        else:
            pictures += _boxed(root, file)
    # older exports write the boxes only beside the pictures
    if labels and not any(picture.marks for picture in pictures):
        beside = tuple(sorted(root.glob(f"*/{BOXES}")))
        if not beside:
            return _classified(pictures, labels)
        pictures = [picture for file in beside for picture in _boxed(root, file)]
    return checked(pictures, (), (), unlisted(pictures_below(root), pictures))


def _classified(pictures: list[Annotated], labels: dict[Path, str]) -> Found:
    """Return each picture with its one label."""
    found = checked(pictures)
    named = [replace(entry, label=labels[entry.path]) for entry in found.entries]
    faults = [
        Fault(UNKNOWN_CLASS, f"'{entry.path}' has no label") for entry in named if not entry.label
    ]
    good: tuple[Entry, ...] = tuple(entry for entry in named if entry.label)
    return Found("classify", good, (*found.faults, *faults))


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text("utf-8-sig"))
    except ValueError as error:
        raise BadDataError(f"'{file}' is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadDataError(f"'{file}' is no JSON object")
    return data


def _list(file: Path, rows: Any) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadDataError(f"'{file}' holds no list of objects where Edge Impulse writes one")
    return rows


def _listed(file: Path, row: dict[str, Any]) -> tuple[Annotated, str]:
    """Return a row of info.labels, and its label, "" where it has none."""
    name = str(row.get("path") or "").replace("\\", "/")
    path = file.parent / name if name else Path()
    split = SPLIT_NAMES.get(str(row.get("category") or "").lower())
    label = row.get("label")
    named = str(label.get("label") or "") if isinstance(label, dict) else str(label or "")
    where = f"{file.name}: '{name}'"
    marks = _marks(where, _list(file, row.get("boundingBoxes") or []))
    return Annotated(path, where, marks, split), named


def _boxed(root: Path, file: Path) -> list[Annotated]:
    boxes = _read(file).get("boundingBoxes")
    if not isinstance(boxes, dict):
        raise BadDataError(f"'{file}' holds no object boundingBoxes")
    split = split_of(file, root)
    return [
        Annotated(file.parent / name, str(file), _marks(str(file), _list(file, rows)), split)
        for name, rows in boxes.items()
    ]


def _marks(where: str, rows: list[dict[str, Any]]) -> tuple[Mark, ...]:
    return tuple(_mark(f"{where}: box {i}", row) for i, row in enumerate(rows, 1))


def _mark(where: str, row: dict[str, Any]) -> Mark:
    try:
        x, y, width, height = (float(row[key]) for key in ("x", "y", "width", "height"))
    except (KeyError, TypeError, ValueError):
        return Mark(where, fault="x, y, width and height are not all numbers")
    return Mark(where, str(row.get("label") or ""), (x, y, x + width, y + height))

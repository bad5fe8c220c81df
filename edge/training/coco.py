"""COCO JSON: images, categories, and annotations with a box [left, top, width, height] in pixels.

As CVAT (annotations/instances_*.json), Roboflow (_annotations.coco.json in each split) and Label
Studio (result.json) write it. Ids only join the three lists: those that start at 0 are as good.
Source: cocodataset.org/#format-data.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import BadDataError
from edge.training.annotated import (
    Annotated,
    Mark,
    by_name,
    checked,
    is_file,
    locate,
    pictures_below,
    split_of,
    unlisted,
)
from edge.training.dataset import SplitName
from edge.training.entries import SPLIT_NAMES, Found
from edge.training.faults import (
    CONTRADICTION,
    FAULTY_ROW,
    NO_PICTURE,
    NOT_BOXES,
    UNKNOWN_CLASS,
    Fault,
)

KEYS = ("images", "annotations", "categories")

Named = Mapping[str, list[Path]]


def find_coco(path: Path) -> tuple[Path, ...]:
    """Return the annotation files that the path is or holds."""
    if path.is_file():
        return (path,) if path.suffix.lower() == ".json" else ()
    folders = (path, *sorted(p for p in path.iterdir() if p.is_dir()))
    files = [p for f in folders for p in sorted(f.glob("*.json")) if is_file(p) and _has_keys(p)]
    # key points and captions lie beside the instances and name the same pictures again
    instances = [p for p in files if p.name.startswith("instances_")]
    return tuple(instances or files)


def read_coco(root: Path, files: tuple[Path, ...]) -> Found:
    """Return the pictures of COCO files, with a fault for all that is not used.

    The split is that of the folder or of the file's name, such as instances_val2017.json.
    """
    if root.name == "annotations":  # one of CVAT's files was given itself
        root = root.parent
    below = pictures_below(root)
    named = by_name(below)
    pictures: list[Annotated] = []
    faults: list[Fault] = []
    classes: list[str] = []
    for file in files:
        data = _read(file)
        names = {_id(c): str(c.get("name", "")) for c in data["categories"]}
        more, wrong = _pictures(root, file, data, _marks(file, data, names), named)
        pictures += more
        faults += wrong
        classes += names.values()
    return checked(pictures, faults, classes, unlisted(below, pictures))


def _has_keys(file: Path) -> bool:
    data = file.read_bytes()
    return all(f'"{key}"'.encode() in data for key in KEYS)


def _read(file: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        data: Any = json.loads(file.read_text("utf-8-sig"))
    except ValueError as error:
        raise BadDataError(f"'{file}' is no JSON: {error}") from None
    missing = [key for key in KEYS if not isinstance(data, dict) or key not in data]
    if missing:
        raise BadDataError(f"'{file}' is no COCO: no {', '.join(missing)}")
    for key in KEYS:
        rows = data[key]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadDataError(f"'{file}' is no COCO: {key} is no list of objects")
    return {key: data[key] for key in KEYS}


def _pictures(
    root: Path,
    file: Path,
    data: dict[str, list[dict[str, Any]]],
    marks: dict[str, list[Mark]],
    named: Named,
) -> tuple[list[Annotated], list[Fault]]:
    subset = file.stem.removeprefix("instances_")
    folders = [file.parent, root, root / "images", root / subset, root / "images" / subset]
    split = split_of(file, root) or _split_of_name(file.stem)
    pictures: list[Annotated] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for row in data["images"]:
        key, name = _id(row), str(row.get("file_name") or "")
        where = f"{file.name}: image {key}"
        if key in seen:
            faults.append(Fault(CONTRADICTION, f"{where}: '{name}': the id of another picture"))
            continue
        seen.add(key)
        path = locate(name, folders, named)
        size = (row.get("width"), row.get("height"))
        known = size if all(isinstance(v, int) and v > 0 for v in size) else None
        own = tuple(marks.get(key, ()))
        pictures.append(Annotated(path, where, own, split, known))  # type: ignore[arg-type]
    lost = [mark for key, group in marks.items() if key not in seen for mark in group]
    faults += [Fault(NO_PICTURE, f"{mark.where}: no image has the id it names") for mark in lost]
    return pictures, faults


def _split_of_name(stem: str) -> SplitName | None:
    words = [word for word in re.findall("[a-z]+", stem.lower()) if word in SPLIT_NAMES]
    return SPLIT_NAMES[words[0]] if words else None


def _marks(
    file: Path, data: dict[str, list[dict[str, Any]]], names: dict[str, str]
) -> dict[str, list[Mark]]:
    """Return the marks of each image id."""
    marks: dict[str, list[Mark]] = {}
    for row in data["annotations"]:
        mark = _mark(f"{file.name}: annotation {row.get('id')}", row, names)
        marks.setdefault(_id(row, "image_id"), []).append(mark)
    return marks


def _id(row: dict[str, Any], key: str = "id") -> str:
    # some tools write 1 in one list and "1" in another
    return str(row.get(key))


def _mark(where: str, row: dict[str, Any], names: dict[str, str]) -> Mark:
    category, bbox = _id(row, "category_id"), row.get("bbox")
    if row.get("iscrowd"):
        return Mark(where, fault="a crowd, which is no box of one object", kind=NOT_BOXES)
    if category not in names:
        known = f"{len(names)} categories are named"
        return Mark(where, fault=f"category {category} is unknown; {known}", kind=UNKNOWN_CLASS)
    if not isinstance(bbox, list) or len(bbox) != 4:
        return Mark(where, fault=f"bbox {bbox} is no [left, top, width, height]", kind=NOT_BOXES)
    try:
        x, y, width, height = (float(value) for value in bbox)
    except (TypeError, ValueError):
        return Mark(where, fault=f"bbox {bbox} are no numbers", kind=FAULTY_ROW)
    return Mark(where, names[category], (x, y, x + width, y + height))

"""Boxes in a CSV: image,split,label,xmin,ymin,xmax,ymax in pixels of the upright picture."""

import csv
from collections.abc import Mapping
from pathlib import Path

from edge.errors import BadDataError
from edge.training.annotated import Annotated, Mark, checked
from edge.training.entries import SPLIT_NAMES, Found
from edge.training.faults import CONTRADICTION, Fault

COLUMNS = ("image", "split", "label", "xmin", "ymin", "xmax", "ymax")
SIDES = COLUMNS[3:]

Row = Mapping[str, str]


def find_csv(path: Path) -> tuple[Path, ...]:
    """Return the tables that the path is or holds."""
    if path.is_file():
        return (path,) if path.suffix.lower() == ".csv" else ()
    return tuple(sorted(p for p in path.iterdir() if p.suffix.lower() == ".csv" and p.is_file()))


def read_tables(root: Path, tables: tuple[Path, ...]) -> Found:
    """Return what the one table of a folder names; raises BadDataError where there are others."""
    if len(tables) != 1:
        found = ", ".join(p.name for p in tables) or "none"
        raise BadDataError(f"'{root}' must hold exactly one CSV of boxes; found {found}")
    return read_csv(tables[0])


def read_csv(table: Path) -> Found:
    """Return the pictures of a CSV, paths relative to it, with a fault for all that is not used.

    One row a box; a row with label and sides empty is a picture without objects.
    """
    rows: dict[str, list[tuple[int, Row]]] = {}
    for number, row in _rows(table):
        rows.setdefault((row["image"] or "").strip(), []).append((number, row))
    pictures: list[Annotated] = []
    faults: list[Fault] = []
    for image, lines in rows.items():
        where = f"{table}:{lines[0][0]}"
        given = {_split_name(row) for _, row in lines}
        splits = {SPLIT_NAMES.get(name) for name in given if name in SPLIT_NAMES or not name}
        if len(splits) > 1:
            names = ", ".join(sorted(split or "none" for split in splits))
            faults.append(Fault(CONTRADICTION, f"{where}: '{image}' is in splits {names}"))
            continue
        marks = tuple(mark for n, row in lines if (mark := _mark(f"{table}:{n}", row)))
        path = table.parent / image if image else Path()
        pictures.append(Annotated(path, where, marks, next(iter(splits), None)))
    return checked(pictures, faults)


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


def _split_name(row: Row) -> str:
    return (row["split"] or "").strip().lower()


def _mark(where: str, row: Row) -> Mark | None:
    """Return the row's box, None for a picture without objects."""
    label = (row["label"] or "").strip()
    texts = [(row[side] or "").strip() for side in SIDES]
    if _split_name(row) and _split_name(row) not in SPLIT_NAMES:
        unknown = row["split"].strip()
        fault = f"unknown split {unknown!r}; known: train, val, test, or empty"
        return Mark(where, fault=fault)
    if not label and not any(texts):
        return None
    if not label:
        return Mark(where, fault="a box without a label")
    try:
        x0, y0, x1, y1 = (float(text) for text in texts)
    except ValueError:
        return Mark(where, fault=f"sides {','.join(texts)} are no numbers")
    return Mark(where, label, (x0, y0, x1, y1))

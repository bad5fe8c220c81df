"""Which format a dataset has: told by what lies there, or by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BadDataError, NotFoundError, UsageError
from edge.training.boxes_csv import find_csv, read_tables
from edge.training.coco import find_coco, read_coco
from edge.training.edge_impulse import find_edge_impulse, read_edge_impulse
from edge.training.entries import Found
from edge.training.folders import read_folders
from edge.training.voc import find_voc, read_voc
from edge.training.yolo import find_yolo, read_yolo


@dataclass(frozen=True, slots=True)
class Importer:
    """How a format is told and read.

    `find` returns the files of a file or folder that mark the format, none where it is another;
    `read` takes the folder and those files. `marks` says what it looks for.
    """

    name: str
    marks: str
    find: Callable[[Path], tuple[Path, ...]]
    read: Callable[[Path, tuple[Path, ...]], Found]


IMPORTERS = (
    Importer("yolo", "data.yaml, obj.data, obj.names, or classes.txt", find_yolo, read_yolo),
    Importer("coco", "JSON with images, annotations, categories", find_coco, read_coco),
    Importer("voc", "XML with <annotation>, one a picture", find_voc, read_voc),
    Importer("csv", "a CSV of boxes", find_csv, read_tables),
    Importer(
        "edge-impulse", "info.labels or bounding_boxes.labels", find_edge_impulse, read_edge_impulse
    ),
)
FORMATS = ("auto", "folder", *(importer.name for importer in IMPORTERS))


def find(path: Path, format: str) -> Found:
    """Return the pictures of a dataset in one of FORMATS, before it is divided.

    Raises UsageError on an unknown format, NotFoundError on a missing path, BadDataError where
    nothing marks the format or, for auto, where several formats are marked.
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}; known formats: {', '.join(FORMATS)}")
    if not path.exists():
        raise NotFoundError(f"no data '{path}'; a folder of class folders, or annotated pictures")
    seen = {i: i.find(path) for i in IMPORTERS if format in ("auto", i.name)}
    marked = {importer: files for importer, files in seen.items() if files}
    if format in ("auto", "folder") and not marked:
        if path.is_dir():
            return read_folders(path)
        raise BadDataError(
            f"'{path}' is no dataset; unpack an archive first, and give a folder of class folders, "
            + ", ".join(importer.marks for importer in IMPORTERS)
        )
    if len(marked) > 1:
        found = "; ".join(f"{i.name}: {_names(path, files)}" for i, files in marked.items())
        raise BadDataError(f"'{path}' could be several formats ({found}); choose one by --format")
    for importer, files in (marked or seen).items():
        if not files and importer.name != "csv":  # its reader says what it found instead
            raise BadDataError(f"'{path}' is no {importer.name}: found no {importer.marks}")
        return importer.read(path if path.is_dir() else path.parent, files)
    raise AssertionError(format)


def _names(root: Path, files: tuple[Path, ...]) -> str:
    """Return the first files' names within `root`."""
    names = [str(p.relative_to(root)) if p != root else p.name for p in files[:2]]
    return ", ".join(names) + (f" and {len(files) - 2} more" if len(files) > 2 else "")

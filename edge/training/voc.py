"""Pascal VOC: an XML file a picture, with <object><name> and <bndbox> in pixels.

As LabelImg, CVAT (JPEGImages, Annotations, ImageSets/Main), Label Studio (images, Annotations) and
Roboflow (both kinds in one folder a split) write it. Pixels count from 0, as all of these do.
"""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from edge.camera.images import natural
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
from edge.training.faults import CONTRADICTION, FAULTY_ROW, NOT_BOXES, UNREADABLE, Fault

SIDES = ("xmin", "ymin", "xmax", "ymax")
START_BYTES = 4096


class _NoDoctype(ElementTree.TreeBuilder):
    """Builds a tree and refuses a DOCTYPE: only there can entities be declared, bombs too."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise BadDataError("a DOCTYPE is not read, since it can declare entities; remove it")


def find_voc(path: Path) -> tuple[Path, ...]:
    """Return the XML files that a folder holds, at most two folders down; one is no dataset."""
    if path.is_file():
        return ()
    files = sorted((p for g in ("*", "*/*", "*/*/*") for p in path.glob(g + ".xml")), key=natural)
    files = [p for p in files if is_file(p)]
    if not any(_is_annotation(p) for p in files):
        return ()
    return tuple(files)


def read_voc(root: Path, files: tuple[Path, ...]) -> Found:
    """Return the pictures of VOC files, with a fault for all that is not used.

    The split is that of ImageSets/Main, else of the folder.
    """
    below = pictures_below(root)
    named = by_name(below)
    stems: dict[str, list[Path]] = {}
    for path in below:
        stems.setdefault(path.stem, []).append(path)
    given, faults = _image_sets(root)
    pictures = []
    for file in files:
        try:
            tree = _parse(file)
        except BadDataError as error:
            faults.append(Fault(UNREADABLE, str(error)))
            continue
        path = _picture(root, file, tree, named, stems)
        split = given.get(file.stem, split_of(file, root))
        pictures.append(Annotated(path, str(file), _marks(file, tree), split, _size(tree)))
    return checked(pictures, faults, (), unlisted(below, pictures))


def _is_annotation(file: Path) -> bool:
    with file.open("rb") as opened:
        return b"<annotation" in opened.read(START_BYTES)


def _parse(file: Path) -> ElementTree.Element:
    parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314 - _NoDoctype refuses entities
    try:
        tree = ElementTree.parse(file, parser).getroot()  # noqa: S314 - as above
    except ElementTree.ParseError as error:
        raise BadDataError(f"'{file}' is no XML: {error}") from None
    except BadDataError as error:
        raise BadDataError(f"'{file}': {error}") from None
    if tree is None or tree.tag != "annotation":
        raise BadDataError(f"'{file}' is no VOC annotation")
    return tree


def _picture(
    root: Path,
    file: Path,
    tree: ElementTree.Element,
    named: Mapping[str, list[Path]],
    stems: Mapping[str, list[Path]],
) -> Path:
    """Return the picture that <filename> names, else the one that is called as the XML is."""
    name = (tree.findtext("filename") or "").strip()
    subset = file.parent.name
    folders = (file.parent, *(root / f / s for f in ("JPEGImages", "images") for s in ("", subset)))
    path = locate(name, folders, named) if name else Path()
    if is_file(path):
        return path
    alike = [p for p in stems.get(file.stem, ()) if p.parent == file.parent] or stems.get(file.stem)
    return alike[0] if alike and len(alike) == 1 else path


def _size(tree: ElementTree.Element) -> tuple[int, int] | None:
    """Return width and height in px, None where they are not written or nought."""
    try:
        size = (int(tree.findtext("size/width", "0")), int(tree.findtext("size/height", "0")))
    except ValueError:
        return None
    return size if min(size) > 0 else None


def _marks(file: Path, tree: ElementTree.Element) -> tuple[Mark, ...]:
    return tuple(
        _mark(f"{file}: object {i}", node) for i, node in enumerate(tree.iter("object"), 1)
    )


def _mark(where: str, node: ElementTree.Element) -> Mark:
    label = (node.findtext("name") or "").strip()
    box = node.find("bndbox")
    if box is None:
        return Mark(where, fault="no <bndbox>", kind=NOT_BOXES)
    texts = [(box.findtext(side) or "").strip() for side in SIDES]
    try:
        x0, y0, x1, y1 = (float(text) for text in texts)
    except ValueError:
        return Mark(where, fault=f"sides {','.join(texts)} are no numbers", kind=FAULTY_ROW)
    return Mark(where, label, (x0, y0, x1, y1))


def _image_sets(root: Path) -> tuple[dict[str, SplitName], list[Fault]]:
    """Return the split of each stem that ImageSets/Main lists in train.txt, val.txt, test.txt."""
    given: dict[str, SplitName] = {}
    faults: list[Fault] = []
    for file in sorted((root / "ImageSets" / "Main").glob("*.txt")):
        split = SPLIT_NAMES.get(file.stem.lower())
        for line in file.read_text("utf-8-sig", "replace").splitlines() if split else ():
            stem = Path(line.split()[0]).name if line.split() else ""
            if split and stem and given.setdefault(stem, split) != split:
                line = f"{file}: '{stem}' is in {given[stem]} too, and kept there"
                faults.append(Fault(CONTRADICTION, line))
    return given, faults

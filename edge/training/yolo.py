"""YOLO text: a line `class cx cy width height` in fractions a box, a file a picture.

As Ultralytics, Roboflow and Label Studio write it (data.yaml, or classes.txt), and CVAT
(data.yaml with train.txt, or obj.data with obj.names). Sources: the format pages of Ultralytics
(docs.ultralytics.com/datasets/detect) and of CVAT (docs.cvat.ai, "YOLO", "Ultralytics YOLO").
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BadDataError, UnavailableError
from edge.training.annotated import Annotated, Mark, checked, is_file, pictures_below, split_of
from edge.training.dataset import SplitName
from edge.training.entries import SPLIT_NAMES, Found
from edge.training.faults import NO_PICTURE, UNKNOWN_CLASS, Fault

YAML = (".yaml", ".yml")
NAMES = re.compile(r"^[\"']?names[\"']?\s*:", re.MULTILINE)
NOTHING = ("", "~", "null")  # how YAML says that a key has no value
NO_LABELS = ("classes.txt", "labels.txt", "train.txt", "val.txt", "valid.txt", "test.txt")

Sources = tuple[tuple[SplitName, str], ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """What the head file says: names by class number, and where the pictures of a split are."""

    file: Path
    names: dict[int, str]
    sources: Sources = ()
    base: Path = Path()
    keypoints: bool = False


def find_yolo(path: Path) -> tuple[Path, ...]:
    """Return the file that names the classes: data.yaml, obj.data, obj.names or classes.txt."""
    if path.is_file():
        known = path.suffix.lower() in YAML or path.name in ("obj.data", "obj.names", "classes.txt")
        return (path,) if known else ()
    heads = sorted(p for p in path.iterdir() if p.suffix.lower() in YAML and is_file(p))
    heads = [p for p in heads if NAMES.search(p.read_text("utf-8", "replace"))]
    if heads:
        return tuple(heads)
    for name in ("obj.data", "obj.names"):
        if is_file(path / name):
            return (path / name,)
    names = path / "classes.txt"
    return (names,) if is_file(names) and (path / "labels").is_dir() else ()


def read_yolo(root: Path, heads: tuple[Path, ...]) -> Found:
    """Return the pictures of a YOLO dataset, with a fault for all that is not used.

    A picture without a label file shows no object, as in training with Ultralytics. Lines of a
    polygon or a turned box become the box around it.
    """
    if len(heads) != 1:
        names = ", ".join(p.name for p in heads)
        raise BadDataError(f"'{root}' holds {names}; give the one to use as DATA")
    head = _head(heads[0])
    found, faults, notes = _sourced(root, head)
    pictures, bare, labels = [], 0, set()
    for path, split in found.items():
        file = _label_file(path)
        labels.add(file)
        bare += not is_file(file)
        pictures.append(Annotated(path, str(file), _marks(file, head), split))
    if bare:
        notes.append(f"{bare} pictures have no label file: taken as pictures without objects")
    faults += _orphans(labels)
    return checked(pictures, faults, head.names.values(), notes)


def _head(file: Path) -> _Head:
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDataError(f"'{file}' is not UTF-8: {error}") from None
    if file.suffix.lower() in YAML:
        return _yaml(file, text)
    if file.name != "obj.data":
        return _Head(file, _named(text.splitlines()), base=file.parent)
    pairs = dict(re.findall(r"^\s*(\w+)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    names = _existing(pairs.get("names", "obj.names"), (file.parent,))
    if names is None or not is_file(names):
        raise BadDataError(f"'{file}' names its classes in '{pairs.get('names')}': no such file")
    sources = tuple((SPLIT_NAMES[k], v) for k, v in pairs.items() if k in SPLIT_NAMES)
    return _Head(file, _named(names.read_text("utf-8-sig").splitlines()), sources, file.parent)


def _yaml(file: Path, text: str) -> _Head:
    try:
        import yaml
    except ImportError:
        raise UnavailableError(f"'{file}' needs PyYAML; pip install PyYAML") from None
    try:
        # every scalar a text: YAML would take a class called "no" for false, and "1e3" for a number
        data = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists, dicts only
    except yaml.YAMLError as error:
        raise BadDataError(f"'{file}' is no YAML: {' '.join(str(error).split())}") from None
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(names, list):
        names = {str(i): name for i, name in enumerate(names)}
    if not isinstance(names, dict) or not all(
        str(key).isdecimal() and isinstance(name, str) for key, name in names.items()
    ):
        raise BadDataError(f"'{file}' must have `names`: a list, or a map from 0, 1, 2 to names")
    sources = tuple(
        (SPLIT_NAMES[key], item)
        for key, value in data.items()
        if isinstance(key, str) and key in SPLIT_NAMES
        for item in (value if isinstance(value, list) else [value])
        if isinstance(item, str) and item not in NOTHING
    )
    path = data.get("path")
    base = file.parent / path if isinstance(path, str) else file.parent
    return _Head(file, {int(k): v for k, v in names.items()}, sources, base, "kpt_shape" in data)


def _named(lines: Sequence[str]) -> dict[int, str]:
    return {i: line.strip() for i, line in enumerate(lines) if line.strip()}


def _sourced(
    root: Path, head: _Head
) -> tuple[dict[Path, SplitName | None], list[Fault], list[str]]:
    """Return every picture with its split, faults, and notes."""
    if not head.sources:
        images = root / "images" if (root / "images").is_dir() else root
        return {path: split_of(path, root) for path in pictures_below(images)}, [], []
    found: dict[Path, SplitName | None] = {}
    faults: list[Fault] = []
    notes: list[str] = []
    for split, item in head.sources:
        place = _existing(item, (head.base, head.file.parent))
        if place is None:
            faults.append(Fault(NO_PICTURE, f"{head.file}: {split}: no file or folder '{item}'"))
            continue
        paths = pictures_below(place) if place.is_dir() else _listed(place, head)
        again = [path for path in paths if found.get(path, split) != split]
        if again:
            notes.append(
                f"{len(again)} pictures of {split} are in {found[again[0]]} too: kept there"
            )
        found = {**dict.fromkeys(paths, split), **found}
    return found, faults, notes


def _listed(file: Path, head: _Head) -> list[Path]:
    """Return the pictures that a text file lists, a missing one as it is written."""
    lines = [line.strip() for line in file.read_text("utf-8-sig", "replace").splitlines()]
    bases = (file.parent, head.base, head.file.parent)
    return [_existing(line, bases) or _missing(line, bases) for line in lines if line]


def _missing(name: str, bases: Sequence[Path]) -> Path:
    """Return where a picture would be, so that its labels are known to be its own."""
    folder, _, own = name.replace("\\", "/").rpartition("/")
    return ((folder and _existing(folder, bases)) or bases[0] / folder) / own


def _existing(name: str, bases: Iterable[Path]) -> Path | None:
    """Return what is so called below a base, leaving out leading folders of another machine."""
    tidy = name.replace("\\", "/")
    parts = [part for part in tidy.split("/") if part not in ("", ".", "..")]
    for base in bases:
        for tried in (tidy, *("/".join(parts[i:]) for i in range(len(parts)))):
            path = base / tried
            if is_file(path) or path.is_dir():
                return path.resolve() if ".." in path.parts else path
    return None


def _label_file(picture: Path) -> Path:
    """Return where its labels are or would be: labels/ in place of the last images/, or beside."""
    beside = picture.with_suffix(".txt")
    parts = picture.parts
    places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if not places or is_file(beside):
        return beside
    at = places[-1]
    return Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")


def _orphans(used: set[Path]) -> list[Fault]:
    """Return a fault for each label file beside those used that belongs to no picture."""
    folders = sorted({file.parent for file in used if file.parent.is_dir()})
    return [
        Fault(NO_PICTURE, f"'{file}' labels a picture that is not there")
        for folder in folders
        for file in sorted(folder.glob("*.txt"))
        if file not in used and file.name not in NO_LABELS and not file.name.startswith("README")
    ]


def _marks(file: Path, head: _Head) -> tuple[Mark, ...]:
    if not is_file(file):
        return ()
    lines = file.read_text("utf-8-sig", "replace").splitlines()
    return tuple(
        _mark(f"{file}:{number}", line.split(), head)
        for number, line in enumerate(lines, 1)
        if line.strip()
    )


def _mark(where: str, words: Sequence[str], head: _Head) -> Mark:
    try:
        number, *values = (float(word) for word in words)
    except ValueError:
        return Mark(where, fault=f"'{' '.join(words)[:40]}' are no numbers")
    if number not in head.names:
        known = f"{head.file.name} names {len(head.names)}, from {min(head.names, default=0)}"
        return Mark(where, fault=f"class {words[0]} is unknown; {known}", kind=UNKNOWN_CLASS)
    label = head.names[int(number)]
    if len(values) == 4 or (head.keypoints and len(values) > 4):
        x, y, width, height = values[:4]
        sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Mark(where, label, sides, fraction=True)
    if len(values) >= 6 and len(values) % 2 == 0:
        xs, ys = values[::2], values[1::2]
        return Mark(where, label, (min(xs), min(ys), max(xs), max(ys)), fraction=True)
    return Mark(where, fault=f"{len(words)} values; a box has 5, a polygon 7, 9 or more")

"""Class folders: data/class/x.jpg, or data/train|val|test/class/x.jpg."""

from collections.abc import Sequence
from pathlib import Path

from edge.camera.images import SUFFIXES, natural
from edge.training.dataset import SplitName
from edge.training.entries import SPLIT_NAMES, Entry, Found, look_at
from edge.training.faults import EMPTY_CLASS, NO_CLASS, NOT_A_PICTURE, UNKNOWN_SPLIT, Fault


def read_folders(root: Path) -> Found:
    """Return the pictures of every class folder, with a fault for all that cannot be used."""
    splits, faults = _split_folders(root)
    faults += [
        Fault(NO_CLASS, f"'{path}' lies in no class folder")
        for folder in (root, *(path for path, _ in splits))
        for path in _files(folder)
        if _is_picture(path)
    ]
    entries: list[Entry] = []
    rooms: Sequence[tuple[Path, SplitName | None]] = splits or [(root, None)]
    for folder, split in rooms:
        for label_folder in _folders(folder):
            more, lines = _class_folder(label_folder, split)
            entries += more
            faults += lines
    looks = look_at([entry.path for entry in entries])
    faults += [look.fault for look in looks.values() if look.fault]
    good = (looks[entry.path].of(entry) for entry in entries if not looks[entry.path].fault)
    return Found("classify", tuple(good), tuple(faults))


def _split_folders(root: Path) -> tuple[list[tuple[Path, SplitName]], list[Fault]]:
    """Return the folders that are splits; none where `root` holds the classes themselves.

    A folder `train` is a split only if it holds folders: it may be a class of pictures of trains.
    Without it, `test` and others are splits only where no other folder stands beside them.
    """
    folders = _folders(root)
    named = [(p, SPLIT_NAMES[p.name.lower()]) for p in folders if p.name.lower() in SPLIT_NAMES]
    deep = {split for path, split in named if _folders(path)}
    if not ("train" in deep or (deep and len(named) == len(folders))):
        return [], []
    known = {path for path, _ in named}
    faults = [
        Fault(UNKNOWN_SPLIT, f"'{path}' is no split; known splits: train, val, test")
        for path in folders
        if path not in known
    ]
    return named, faults


def _class_folder(folder: Path, split: SplitName | None) -> tuple[list[Entry], list[Fault]]:
    files = sorted((p for p in folder.rglob("*") if _is_file(p)), key=natural)
    pictures = [p for p in files if _is_picture(p)]
    endings = " ".join(SUFFIXES)
    faults = [
        Fault(NOT_A_PICTURE, f"'{p}' is no picture; known endings: {endings}")
        for p in files
        if not _is_picture(p)
    ]
    if not pictures:
        faults.append(Fault(EMPTY_CLASS, f"class folder '{folder}' holds no picture"))
    return [Entry(p, folder.name, split=split) for p in pictures], faults


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if _is_file(p)), key=natural)


def _is_file(path: Path) -> bool:
    # Thumbs.db and .DS_Store are left by file managers, not by people
    return path.is_file() and not path.name.startswith(".") and path.name != "Thumbs.db"


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES

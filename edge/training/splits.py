"""Checking what was found, and dividing it into train, val and test, every class alike."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from edge.camera.images import is_cut_short, read_picture
from edge.errors import BadDataError
from edge.training.dataset import SPLITS, Boxes, Dataset, Sample, SplitName
from edge.training.faults import CONTRADICTION, CUT_SHORT, DUPLICATE, UNREADABLE, Fault, digest

LEAST_PICTURES = 8  # of a class: fewer leave nothing to learn from once val and test have theirs
LEAST_TRAIN = 5  # of a class, where the split is given
HELD_OUT = 0.15  # share of the pictures that val has, and test
READERS = 2

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture file as it was found; `split` None where the data give none."""

    path: Path
    label: str | None = None
    boxes: Boxes = ()
    split: SplitName | None = None
    content: str = ""  # SHA-256 of the file

    def labels(self) -> set[str]:
        """Return every label that the picture shows."""
        return {self.label} if self.label is not None else {label for label, _ in self.boxes}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a reader found: `faults` are what it left out, `notes` are lines on what it decided."""

    task: Literal["classify", "detect"]
    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into a picture file gave: its SHA-256 and size, or a fault."""

    content: str = ""
    width: int = 0
    height: int = 0
    fault: Fault | None = None


def look_at(paths: Sequence[Path]) -> dict[Path, Look]:
    """Open and decode every picture once, two at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(paths, pool.map(_look, paths), strict=True))


def assemble(found: Found, seed: int, learn: bool = True) -> Dataset:
    """Return the dataset of what was found; raises BadDataError with all faults.

    Without `learn` it is only scored: pictures in the test split are all that it needs.
    """
    entries, doubles = _single(found.entries)
    faults = [*found.faults, *doubles]
    divided, notes = _divided(entries, seed)
    labels = tuple(sorted({label for entry in entries for label in entry.labels()}))
    senseless = _senseless(found.task, labels, divided) if learn else _unscorable(divided)
    if senseless:
        raise BadDataError(*digest(faults), *senseless)
    splits = {
        name: tuple(Sample(e.path, None, e.label, e.boxes) for e in divided if e.split == name)
        for name in SPLITS
    }
    told = (*digest(faults), *found.notes, *notes)
    every = tuple(str(fault) for fault in faults)
    return Dataset(found.task, labels, **splits, notes=told, faults=every)


def _look(path: Path) -> Look:
    try:
        data = path.read_bytes()
        bgr = read_picture(path)
    except BadDataError as error:
        kind = CUT_SHORT if is_cut_short(data) else UNREADABLE
        return Look(fault=Fault(kind, str(error)))
    except OSError as error:
        return Look(fault=Fault(UNREADABLE, f"cannot read '{path}': {error.strerror}"))
    return Look(hashlib.sha256(data).hexdigest(), bgr.shape[1], bgr.shape[0])


def _single(entries: Iterable[Entry]) -> tuple[list[Entry], list[Fault]]:
    """Return the entries with each content once, and a fault for every one that went.

    A picture that is in two splits stays where it scores, so that it does not teach its own
    test; one with two different truths goes altogether.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.content or str(entry.path), []).append(entry)
    kept: list[Entry] = []
    faults: list[Fault] = []
    for group in groups.values():
        if len({(e.label, tuple(sorted(map(repr, e.boxes)))) for e in group}) > 1:
            names = ", ".join(f"'{e.path}'" for e in group)
            line = f"the same picture with different labels: {names}"
            faults.append(Fault(CONTRADICTION, line))
            continue
        ranked = sorted(group, key=lambda e: SPLITS.index(e.split or "train"), reverse=True)
        kept.append(ranked[0])
        first = ranked[0].path
        faults += [Fault(DUPLICATE, f"'{e.path}' is the same as '{first}'") for e in ranked[1:]]
    return kept, faults


def _divided(entries: Sequence[Entry], seed: int) -> tuple[list[Entry], list[str]]:
    """Return the entries with a split each; given ones stay, missing splits come out of train."""
    given = {e.split for e in entries if e.split}
    notes: list[str] = []
    loose = sum(e.split is None for e in entries)
    if given and loose:
        notes.append(f"{loose} pictures without a split are used for training")
    divided = [e if e.split else replace(e, split="train") for e in entries]
    missing: tuple[SplitName, ...] = ("test", "val")
    for number, name in enumerate(missing):
        if name in given or not entries:
            continue
        share = HELD_OUT if name == "test" else HELD_OUT / (1 - HELD_OUT)
        divided = _divide_off(divided, name, share, np.random.default_rng((seed, number)))
        count = sum(e.split == name for e in divided)
        if given and count:
            notes.append(f"no {name} split was given: {count} pictures were taken from train")
    return divided, notes


def _divide_off(
    entries: list[Entry], name: SplitName, share: float, rng: np.random.Generator
) -> list[Entry]:
    """Return the entries with `share` of the train ones moved to `name`, each class alike."""
    frequency = Counter(label for e in entries for label in e.labels())
    classes: dict[str, list[int]] = {}
    for i, entry in enumerate(entries):
        if entry.split == "train":
            # of several labels the rarest decides, since it is the hardest to spread
            rarest = min(entry.labels(), key=lambda x: (frequency[x], x), default="")
            classes.setdefault(rarest, []).append(i)
    moved: set[int] = set()
    for label in sorted(classes):
        members = sorted(classes[label], key=lambda i: (entries[i].content, entries[i].path))
        count = max(round(share * len(members)), 1) if len(members) > 2 else 0
        moved |= {members[i] for i in rng.permutation(len(members))[:count]}
    moved |= _one_of_each(entries, moved, rng)
    return [replace(e, split=name) if i in moved else e for i, e in enumerate(entries)]


def _one_of_each(
    entries: Sequence[Entry], moved: Iterable[int], rng: np.random.Generator
) -> set[int]:
    """Return more to move: a label that only comes with rarer ones may be on none of `moved`."""
    train = [i for i, e in enumerate(entries) if e.split == "train"]
    shown = {label for i in moved for label in entries[i].labels()}
    more: set[int] = set()
    for label in sorted({label for i in train for label in entries[i].labels()}):
        members = [i for i in train if label in entries[i].labels()]
        if label not in shown and len(members) > 2:
            members.sort(key=lambda i: (entries[i].content, entries[i].path))
            chosen = members[int(rng.integers(len(members)))]
            more.add(chosen)
            shown |= entries[chosen].labels()
    return more


def _unscorable(entries: Sequence[Entry]) -> list[str]:
    return [] if any(e.split == "test" for e in entries) else ["no picture is left for test"]


def _senseless(task: str, labels: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    """Return every reason why nothing can be learnt from what is left."""
    if not entries:
        return ["no picture is left to learn from"]
    least_labels = 2 if task == "classify" else 1
    faults = []
    if len(labels) < least_labels:
        what = f"one class, '{labels[0]}'" if labels else "no label"
        faults.append(f"{what} is left; at least {least_labels} must be told apart")
    for label in labels:
        counts = Counter(e.split for e in entries if label in e.labels())
        if counts.total() < LEAST_PICTURES:
            faults.append(
                f"'{label}' is on {counts.total()} pictures; at least {LEAST_PICTURES} are needed"
            )
            continue
        if counts["train"] < LEAST_TRAIN:
            faults.append(
                f"'{label}' is on {counts['train']} training pictures; "
                f"at least {LEAST_TRAIN} are needed"
            )
        if not counts["test"]:
            faults.append(f"'{label}' is on no test picture: nothing would say how well it goes")
    for name in SPLITS:
        if not any(e.split == name for e in entries):
            faults.append(f"no picture is left for {name}")
    return faults

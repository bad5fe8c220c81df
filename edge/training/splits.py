"""Checking what was found, and dividing it into train, val and test, every class alike."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from edge.errors import BadDataError
from edge.training.dataset import SPLITS, Dataset, Sample, SplitName
from edge.training.divide import divide_off, divisible
from edge.training.entries import Entry, Found
from edge.training.faults import CONTRADICTION, DUPLICATE, FEW, Fault, digest
from edge.training.headers import Trait
from edge.training.near import near_groups

LEAST_PICTURES = 8  # of a class: fewer leave nothing to learn from once val and test have theirs
LEAST_TRAIN = 5  # of a class, where the split is given
HELD_OUT = 0.15  # share of the pictures that val has, and test

TRAITS: dict[Trait, str] = {
    "turned": "pictures are turned as their EXIF says",
    "grey": "pictures are grey, used as colour with equal channels",
    "cmyk": "pictures are CMYK, converted without their colour profile",
    "alpha": "pictures have transparency, which is ignored",
}


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
    told = (*digest(faults), *found.notes, *notes, *_leaks(divided), *_traits(entries))
    every = tuple(str(fault) for fault in faults)
    return Dataset(found.task, labels, **splits, notes=told, faults=every)


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
    wanted: tuple[SplitName, ...] = ("test", "val")
    missing = [(number, name) for number, name in enumerate(wanted) if name not in given]
    if not missing or not entries:
        return divided, notes
    units, told = divisible(divided, 1 + len(missing))
    notes += told
    for number, name in missing:
        share = HELD_OUT if name == "test" else HELD_OUT / (1 - HELD_OUT)
        divided = divide_off(divided, units, name, share, np.random.default_rng((seed, number)))
        count = sum(e.split == name for e in divided)
        if given and count:
            notes.append(f"no {name} split was given: {count} pictures were taken from train")
    return divided, notes


def _leaks(entries: Sequence[Entry]) -> list[str]:
    """Return a line for val and test pictures that are nearly the same as training pictures."""
    groups = near_groups([e.hash for e in entries])
    taught = [group for group in groups if any(entries[i].split == "train" for i in group)]
    counts = Counter(entries[i].split for group in taught for i in group)
    return [
        f"{counts[name]} {name} pictures are nearly the same as training pictures: "
        "the score on them flatters"
        for name in SPLITS[1:]
        if counts[name]
    ]


def _traits(entries: Sequence[Entry]) -> list[str]:
    """Return a line for each kind of picture that had to be turned or converted."""
    lines = []
    for trait, what in TRAITS.items():
        names = [f"'{e.path.name}'" for e in entries if trait in e.traits]
        if names:
            more = ", ..." if len(names) > FEW else ""
            lines.append(f"{len(names)} {what}: {', '.join(names[:FEW])}{more}")
    return lines


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

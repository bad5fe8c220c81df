"""Dividing pictures off for val and test: every class alike, near copies on one side."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from edge.training.dataset import SplitName
from edge.training.entries import Entry
from edge.training.near import near_groups

Unit = tuple[int, ...]  # indices of entries that move together, the first stands for them


def divisible(entries: Sequence[Entry], sides: int) -> tuple[list[Unit], list[str]]:
    """Return the training pictures in units of near copies, and lines on what was decided.

    Where a class has fewer units than `sides`, no division keeps them together and has the class
    on each side: its units are taken apart.
    """
    train = [i for i, e in enumerate(entries) if e.split == "train"]
    groups = near_groups([entries[i].hash for i in train])
    units = [tuple(train[i] for i in group) for group in groups]
    notes: list[str] = []
    for label in sorted({label for i in train for label in entries[i].labels()}):
        own = [unit for unit in units if _shows(entries, unit, label)]
        count = sum(len(unit) for unit in own)
        if len(own) < sides <= count:
            units = [unit for unit in units if unit not in own] + [(i,) for u in own for i in u]
            notes.append(
                f"'{label}': {count} pictures look like {len(own)} scenes, too few to keep near "
                "copies on one side"
            )
    units = [tuple(sorted(unit, key=lambda i: _order(entries[i]))) for unit in units]
    near = [unit for unit in units if len(unit) > 1]
    if near:
        count = sum(len(unit) for unit in near)
        notes.append(
            f"{count} pictures are near copies in {len(near)} groups: each group stays on one side"
        )
    return units, notes


def divide_off(
    entries: Sequence[Entry],
    units: Sequence[Unit],
    name: SplitName,
    share: float,
    rng: np.random.Generator,
) -> list[Entry]:
    """Return the entries with `share` of the train ones moved to `name`, each class alike."""
    frequency = Counter(label for e in entries for label in e.labels())
    classes: dict[str, list[Unit]] = {}
    for unit in units:
        if entries[unit[0]].split == "train":
            # of several labels the rarest decides, since it is the hardest to spread
            shown = {label for i in unit for label in entries[i].labels()}
            rarest = min(shown, key=lambda x: (frequency[x], x), default="")
            classes.setdefault(rarest, []).append(unit)
    moved: set[int] = set()
    for label in sorted(classes):
        moved |= _share(entries, classes[label], share, rng)
    moved |= _one_of_each(entries, units, moved, rng)
    return [replace(e, split=name) if i in moved else e for i, e in enumerate(entries)]


def _share(
    entries: Sequence[Entry], units: list[Unit], share: float, rng: np.random.Generator
) -> set[int]:
    """Return the entries of a class to move: units at random while they fit, or the smallest."""
    total = sum(len(unit) for unit in units)
    if total < 3 or len(units) < 2:
        return set()
    count = max(round(share * total), 1)
    units = sorted(units, key=lambda unit: _order(entries[unit[0]]))
    moved: set[int] = set()
    for i in rng.permutation(len(units)):
        if len(moved) + len(units[i]) <= count:
            moved |= set(units[i])
    smallest = min(len(unit) for unit in units)
    return moved or set(next(unit for unit in units if len(unit) == smallest))


def _one_of_each(
    entries: Sequence[Entry], units: Sequence[Unit], moved: Iterable[int], rng: np.random.Generator
) -> set[int]:
    """Return more to move: a label that only comes with rarer ones may be on none of `moved`."""
    train = [unit for unit in units if entries[unit[0]].split == "train"]
    shown = {label for i in moved for label in entries[i].labels()}
    more: set[int] = set()
    for label in sorted({label for u in train for i in u for label in entries[i].labels()}):
        members = [unit for unit in train if _shows(entries, unit, label)]
        if label not in shown and len(members) > 1 and sum(map(len, members)) > 2:
            members.sort(key=lambda unit: _order(entries[unit[0]]))
            chosen = members[int(rng.integers(len(members)))]
            more |= set(chosen)
            shown |= {label for i in chosen for label in entries[i].labels()}
    return more


def _shows(entries: Sequence[Entry], unit: Unit, label: str) -> bool:
    return any(label in entries[i].labels() for i in unit)


def _order(entry: Entry) -> tuple[str, str]:
    return entry.content, str(entry.path)

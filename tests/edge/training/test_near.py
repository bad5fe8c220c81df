"""Near copies are found, and stand on one side of a division."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.training.dataset import SPLITS, Dataset
from edge.training.entries import Entry, Found
from edge.training.near import near_groups
from edge.training.splits import assemble
from edge.vision.alike import NEAR_BITS, distance


def slow_groups(hashes: list[int | None]) -> list[list[int]]:
    """Return the same groups from every pair."""
    groups = [{i} for i in range(len(hashes))]
    for i, j in combinations(range(len(hashes)), 2):
        one, other = hashes[i], hashes[j]
        if one is None or other is None or distance(one, other) > NEAR_BITS:
            continue
        a = next(g for g in groups if i in g)
        b = next(g for g in groups if j in g)
        if a is not b:
            groups.remove(b)
            a |= b
    return sorted(sorted(group) for group in groups)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 63), max_size=7)), max_size=20),
    st.integers(0, 3),
)
def test_groups_are_those_of_every_pair(scenes, changes, without: int) -> None:
    hashes: list[int | None] = [
        scenes[scene % len(scenes)] ^ sum(1 << bit for bit in bits) for scene, bits in changes
    ]
    hashes[::2] = [None if i < without else code for i, code in enumerate(hashes[::2])]
    assert sorted(near_groups(hashes)) == slow_groups(hashes)


def scenes(counts: dict[str, tuple[int, int]], split=None) -> tuple[Entry, ...]:
    """Return pictures of classes: so many scenes, each taken so many times with a bit changed."""
    rng = np.random.default_rng(5)
    return tuple(
        Entry(
            Path(f"{label}/{scene}-{take}"), label, split=split,
            content=f"{label}{scene}{take}{split}", hash=code ^ (1 << take),
        )
        for label, (many, takes) in counts.items()
        for scene, code in enumerate(int.from_bytes(rng.bytes(8), "big") for _ in range(many))
        for take in range(takes)
    )  # fmt: skip


def scene_sides(dataset: Dataset) -> dict[str, set[str]]:
    sides: dict[str, set[str]] = {}
    for name in SPLITS:
        for sample in dataset.split(name):
            sides.setdefault(str(sample.path).split("-")[0], set()).add(name)
    return sides


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("counts", [{"a": (20, 3), "b": (30, 2)}, {"a": (3, 10), "b": (40, 1)}])
def test_takes_of_a_scene_stand_on_one_side(counts, seed: int) -> None:
    dataset = assemble(Found("classify", scenes(counts)), seed)
    assert all(len(sides) == 1 for sides in scene_sides(dataset).values())
    for name in SPLITS:
        assert {s.label for s in dataset.split(name)} == set(counts)
    assert not any("flatters" in note for note in dataset.notes)
    assert any("are near copies in" in note for note in dataset.notes)


def test_counts_of_near_copies_are_said() -> None:
    dataset = assemble(Found("classify", scenes({"a": (20, 3), "b": (30, 1)})), 1)
    assert dataset.notes == (
        "60 pictures are near copies in 20 groups: each group stays on one side",
    )


def test_class_of_too_few_scenes_is_divided_all_the_same_and_said() -> None:
    dataset = assemble(Found("classify", scenes({"a": (1, 20), "b": (30, 1)})), 1)
    assert [s.label for s in dataset.test].count("a") == 3
    assert dataset.notes[0] == (
        "'a': 20 pictures look like 1 scenes, too few to keep near copies on one side"
    )
    assert "3 test pictures are nearly the same as training pictures: " in dataset.notes[2]


def test_given_split_is_kept_though_it_leaks_and_that_is_said() -> None:
    counts = {"a": (20, 1), "b": (20, 1)}
    again = tuple(
        Entry(Path(f"again-{i}"), e.label, split="test", content=f"again{i}", hash=e.hash)
        for i, e in enumerate(scenes(counts)[::4])
    )
    val = tuple(Entry(Path(f"val-{x}"), x, split="val", content=f"val{x}") for x in "ab")
    dataset = assemble(Found("classify", (*scenes(counts, "train"), *val, *again)), 1)
    assert [len(dataset.split(name)) for name in SPLITS] == [40, 2, 10]
    assert dataset.notes == (
        "10 test pictures are nearly the same as training pictures: the score on them flatters",
    )

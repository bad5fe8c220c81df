"""How pictures are divided: every class alike, each picture once, the same way every time."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BadDataError
from edge.scene import Box
from edge.training.dataset import SPLITS, Dataset
from edge.training.entries import Entry, Found
from edge.training.faults import CUT_SHORT, Fault
from edge.training.splits import HELD_OUT, assemble

BOX = Box(0.1, 0.1, 0.9, 0.9)
CLASSES = st.dictionaries(st.sampled_from("abcd"), st.integers(8, 60), min_size=2)


def classified(counts: dict[str, int]) -> tuple[Entry, ...]:
    return tuple(
        Entry(Path(f"{label}{i}"), label, content=f"{label}{i}")
        for label, count in counts.items()
        for i in range(count)
    )


def shown(*groups: tuple[str, int]) -> tuple[Entry, ...]:
    """Return pictures with a box for each letter: ("ab", 3) are three with an a and a b."""
    return tuple(
        Entry(
            Path(f"{letters}{i}"), boxes=tuple((x, BOX) for x in letters), content=f"{letters}{i}"
        )
        for letters, count in groups
        for i in range(count)
    )


def divided(dataset: Dataset) -> dict[str, list[str]]:
    return {name: sorted(str(s.path) for s in dataset.split(name)) for name in SPLITS}


@settings(deadline=None)  # a busy machine is no fault
@given(CLASSES, st.integers(0, 2**32), st.randoms())
def test_the_order_of_the_files_changes_nothing(counts, seed: int, random) -> None:
    entries = list(classified(counts))
    first = divided(assemble(Found("classify", tuple(entries)), seed))
    random.shuffle(entries)
    assert divided(assemble(Found("classify", tuple(entries)), seed)) == first


@settings(deadline=None)  # a busy machine is no fault
@given(CLASSES, st.integers(0, 99))
def test_each_class_gives_its_share_and_each_picture_is_used_once(counts, seed: int) -> None:
    entries = classified(counts)
    dataset = assemble(Found("classify", entries), seed)
    used = [path for paths in divided(dataset).values() for path in paths]
    assert sorted(used) == sorted(str(e.path) for e in entries)
    for name in ("val", "test"):
        found = Counter(sample.label for sample in dataset.split(name))
        for label, count in counts.items():
            assert abs(found[label] - HELD_OUT * count) <= 1, (name, label)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(
        st.tuples(st.sampled_from(("a", "b", "c", "ab", "bc", "abc", "")), st.integers(8, 20)),
        min_size=1, max_size=5, unique_by=lambda group: group[0],
    ).filter(lambda groups: any(letters for letters, _ in groups)),
    st.integers(0, 99),
)  # fmt: skip
def test_every_label_of_boxes_is_on_every_side(groups, seed: int) -> None:
    dataset = assemble(Found("detect", shown(*groups)), seed)
    labels = {letter for letters, _ in groups for letter in letters}
    for name in SPLITS:
        assert {k for s in dataset.split(name) for k, _ in s.boxes} == labels
    assert sum(len(dataset.split(name)) for name in SPLITS) == sum(n for _, n in groups)


def test_label_that_only_comes_with_rarer_ones_is_scored_too() -> None:
    groups = [(f"a{letter}", 2) for letter in "bcdefgh"]  # no group is large enough to give one
    entries = shown(*groups, ("z", 20), *((letter, 8) for letter in "bcdefgh"))
    for seed in range(20):
        dataset = assemble(Found("detect", entries), seed)
        assert any(label == "a" for s in dataset.test for label, _ in s.boxes), seed


def given_split(train: dict[str, int], test: dict[str, int]) -> Found:
    sides = (("train", train), ("test", test))
    return Found("classify", tuple(
        Entry(Path(f"{name}/{label}{i}"), label, split=name, content=f"{name}{label}{i}")
        for name, counts in sides for label, n in counts.items() for i in range(n)
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("train", "test", "fault"),
    [
        ({"a": 9, "b": 9}, {"a": 9}, "'b' is on no test picture: nothing would say how well"),
        (
            {"a": 9, "b": 4},
            {"a": 9, "b": 9},
            "'b' is on 3 training pictures; at least 5",
        ),  # val has 1
        ({"a": 9}, {"a": 9, "b": 9}, "'b' is on 0 training pictures; at least 5"),
    ],
)
def test_split_that_cannot_teach_or_score_a_class_is_refused(train, test, fault: str) -> None:
    with pytest.raises(BadDataError) as caught:
        assemble(given_split(train, test), 1)
    assert len([line for line in caught.value.faults if line.startswith(fault)]) == 1


def test_all_faults_come_at_once() -> None:
    found = given_split({"a": 9, "b": 2, "c": 3}, {"a": 9, "b": 9})
    with pytest.raises(BadDataError) as caught:
        assemble(Found("classify", found.entries, (Fault(CUT_SHORT, "'x.jpg' is cut short"),)), 1)
    text = "\n".join(caught.value.faults)
    for part in ("x.jpg", "'b' is on", "'c' is on"):
        assert part in text


def test_pictures_that_are_only_scored_need_no_training_split() -> None:
    found = given_split({}, {"a": 2, "b": 1})
    dataset = assemble(found, 1, learn=False)
    assert (len(dataset.train), len(dataset.val), len(dataset.test)) == (0, 0, 3)
    assert dataset.notes == ()
    with pytest.raises(BadDataError, match="no picture is left for test"):
        assemble(Found("classify", ()), 1, learn=False)


def test_copy_inside_one_split_is_used_once() -> None:
    entries = classified({"a": 12, "b": 12})
    copy = Entry(Path("copy"), "a", content=entries[0].content)
    dataset = assemble(Found("classify", (*entries, copy)), 1)
    assert sum(len(dataset.split(name)) for name in SPLITS) == 24
    assert dataset.notes == (f"left out: 'copy' is the same as '{entries[0].path}'",)


def test_pictures_without_a_split_beside_given_ones_are_used_for_training() -> None:
    found = given_split({"a": 9, "b": 9}, {"a": 3, "b": 3})
    loose = Entry(Path("loose"), "a", content="loose")
    dataset = assemble(Found("classify", (*found.entries, loose)), 1)
    assert "1 pictures without a split are used for training" in dataset.notes
    assert len(dataset.test) == 6

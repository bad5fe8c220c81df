"""Which folders are splits, which are classes, and what lies in neither."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import EdgeError, UsageError
from edge.training.dataset import read_dataset
from edge.training.folders import read_folders


def fill(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        seed = [*str(folder).encode(), i]
        picture = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
        assert cv2.imwrite(str(folder / f"{i}.png"), picture)


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("training", "validation", "testing"), ("Train", "valid", "TEST")],
)
def test_splits_are_known_by_the_names_that_tools_give_them(tmp_path: Path, names) -> None:
    for name, count in zip(names, (9, 3, 4), strict=True):
        for label in ("a", "b"):
            fill(tmp_path / name / label, count)
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("a", "b")
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [18, 6, 8]
    assert dataset.notes == ()


def test_missing_test_split_is_taken_from_train_and_said(tmp_path: Path) -> None:
    for name, count in (("train", 20), ("valid", 5)):
        for label in ("a", "b"):
            fill(tmp_path / name / label, count)
    dataset = read_dataset(tmp_path)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [34, 10, 6]
    assert dataset.notes == ("no test split was given: 6 pictures were taken from train",)


def test_test_split_alone_is_no_class_and_can_be_scored(tmp_path: Path) -> None:
    for label in ("a", "b"):
        fill(tmp_path / "test" / label, 2)
    found = read_folders(tmp_path)
    assert {(e.label, e.split) for e in found.entries} == {("a", "test"), ("b", "test")}
    assert len(read_dataset(tmp_path, learn=False).test) == 4


def test_pictures_in_folders_of_a_class_folder_belong_to_it(tmp_path: Path) -> None:
    for label in ("a", "b"):
        fill(tmp_path / label / "monday", 5)
        fill(tmp_path / label / "tuesday", 5)
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("a", "b")
    assert len(dataset.train) + len(dataset.val) + len(dataset.test) == 20


def test_labels_beside_class_folders_are_no_fault(tmp_path: Path) -> None:
    for label in ("a", "b"):
        fill(tmp_path / label, 9)
    (tmp_path / "labels.txt").write_text("a\nb\n")
    assert read_dataset(tmp_path).notes == ()


def test_path_that_cannot_be_read_is_a_fault_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EdgeError) as caught:
        read_dataset(tmp_path / ("x" * 300))
    assert len(caught.value.faults) == 1


def test_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seed -1; allowed: 0 or more"):
        read_dataset(tmp_path, seed=-1)


def test_picture_damaged_in_the_middle_is_left_out_and_named(shared: Path, tmp_path: Path) -> None:
    fill(tmp_path / "a", 2)
    data = bytearray((shared / "data/coral/images/cat_720p.jpg").read_bytes())
    data[50_000:54_096] = bytes(4096)
    (tmp_path / "a" / "bad.jpg").write_bytes(data)
    found = read_folders(tmp_path)
    assert sorted(entry.path.name for entry in found.entries) == ["0.png", "1.png"]
    (fault,) = found.faults
    assert str(fault).startswith("left out: ")
    assert "bad.jpg' is damaged: Corrupt JPEG data" in str(fault)

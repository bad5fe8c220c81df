"""What may stand in a user's folder, and what becomes of it."""

import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import BadDataError, NotFoundError, UsageError
from edge.training.dataset import SPLITS, Dataset, fingerprint, read_dataset

HEADER = "image,split,label,xmin,ymin,xmax,ymax"


def picture(path: Path, seed: int, size: tuple[int, int] = (24, 32)) -> Path:
    """Write a small picture (height, width) that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    assert cv2.imwrite(str(path), bgr)
    return path


def class_folders(root: Path, counts: dict[str, int], start: int = 0) -> Path:
    """Write class folders with that many pictures each."""
    seeds = iter(range(start, 10_000))
    for label, count in counts.items():
        for i in range(count):
            picture(root / label / f"{i}.png", next(seeds))
    return root


def table(root: Path, rows: list[str], header: str = HEADER) -> Path:
    """Write a CSV of boxes."""
    path = root / "boxes.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def boxed(root: Path, count: int, extra: list[str]) -> Path:
    """Write `count` pictures of 32 x 24 with a good box each, and more rows."""
    rows = [f"{picture(root / f'p{i}.png', i).name},,cat,1,2,20,22" for i in range(count)]
    return table(root, rows + extra)


def names(dataset: Dataset) -> list[str]:
    return [str(s.path) for split in SPLITS for s in dataset.split(split)]


def test_class_folders_are_divided_class_by_class(tmp_path: Path) -> None:
    dataset = read_dataset(class_folders(tmp_path, {"apple": 40, "pear": 20}))
    assert dataset.labels == ("apple", "pear")
    assert dataset.task == "classify"
    for split, apples, pears in (("train", 28, 14), ("val", 6, 3), ("test", 6, 3)):
        found = Counter(s.label for s in dataset.split(split))  # type: ignore[arg-type]
        assert found == {"apple": apples, "pear": pears}
    assert len(set(names(dataset))) == 60
    assert dataset.notes == ()


def test_same_seed_divides_the_same_way_and_another_does_not(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"a": 20, "b": 20})
    assert names(read_dataset(root, seed=3)) == names(read_dataset(root, seed=3))
    assert names(read_dataset(root, seed=3)) != names(read_dataset(root, seed=4))


def test_given_split_is_kept(shared: Path) -> None:
    root = shared / "data" / "grocery10"
    dataset = read_dataset(root)
    for split in SPLITS:
        expected = {str(p) for p in (root / split).rglob("*.jpg")}
        assert {str(s.path) for s in dataset.split(split)} == expected
    assert (len(dataset.train), len(dataset.val), len(dataset.test)) == (1052, 101, 1003)


def test_missing_val_is_taken_from_train_and_said(shared: Path) -> None:
    dataset = read_dataset(shared / "data" / "playing_cards")
    assert dataset.task == "detect"
    assert dataset.labels == ("ace", "jack", "king", "nine", "queen", "ten")
    assert (len(dataset.train) + len(dataset.val), len(dataset.test)) == (296, 67)
    assert dataset.notes == (
        "12 pictures are near copies in 6 groups: each group stays on one side",
        f"no val split was given: {len(dataset.val)} pictures were taken from train",
    )


def test_class_that_is_called_train_is_a_class(tmp_path: Path) -> None:
    dataset = read_dataset(class_folders(tmp_path, {"train": 10, "car": 10}))
    assert dataset.labels == ("car", "train")


def test_every_faulty_file_is_named_and_training_goes_on(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"a": 12, "b": 12})
    (root / "a" / "empty.jpg").write_bytes(b"")
    (root / "a" / "words.png").write_text("no picture")
    (root / "b" / "notes.docx").write_text("shopping")
    whole = picture(root / "b" / "cut.jpg", 500, (200, 200)).read_bytes()
    (root / "b" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    picture(root / "loose.png", 501)
    (root / "nothing").mkdir()
    (root / ".git").mkdir()
    dataset = read_dataset(root)
    assert dataset.labels == ("a", "b")
    assert len(names(dataset)) == 24
    for part in ("empty.jpg", "words.png", "notes.docx", "cut.jpg", "loose.png", "nothing"):
        assert sum(part in line for line in dataset.faults) == 1, part
    assert len(dataset.faults) == 6
    assert dataset.notes[0] == (
        "left out, 6 in all: 1 in no class folder, 1 not a picture, 1 empty class, 2 unreadable, "
        "1 cut short"
    )
    assert sorted(dataset.notes[1:]) == sorted(dataset.faults)


def test_unknown_split_folder_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"a": 9, "b": 9})
    class_folders(tmp_path / "test", {"a": 3, "b": 3}, start=100)
    class_folders(tmp_path / "extra", {"a": 3}, start=200)
    dataset = read_dataset(tmp_path)
    assert any("extra' is no split; known splits: train, val, test" in n for n in dataset.notes)
    assert len(dataset.test) == 6


@pytest.mark.parametrize(
    ("counts", "fault"),
    [
        ({"a": 12}, "one class, 'a' is left; at least 2 must be told apart"),
        ({"a": 12, "b": 3}, "'b' is on 3 pictures; at least 8 are needed"),
        ({}, "no picture is left to learn from"),
    ],
)
def test_too_little_to_learn_from_ends_with_all_faults(
    tmp_path: Path, counts: dict[str, int], fault: str
) -> None:
    root = class_folders(tmp_path, counts)
    (root / "z").mkdir()
    with pytest.raises(BadDataError) as caught:
        read_dataset(root)
    assert any("z' holds no picture" in line for line in caught.value.faults)
    assert fault in caught.value.faults


def test_copy_of_a_test_picture_does_not_teach(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"a": 9, "b": 9})
    class_folders(tmp_path / "test", {"a": 3, "b": 3}, start=100)
    shutil.copy(tmp_path / "test" / "a" / "0.png", tmp_path / "train" / "a" / "copy.png")
    dataset = read_dataset(tmp_path)
    assert not any("copy.png" in name for name in names(dataset))
    assert any("copy.png' is the same as" in note for note in dataset.notes)


def test_same_picture_in_two_classes_goes_altogether(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"a": 12, "b": 12})
    shutil.copy(root / "a" / "0.png", root / "b" / "same.png")
    dataset = read_dataset(root)
    assert len(names(dataset)) == 23
    assert any("different labels" in note and "same.png" in note for note in dataset.notes)


def test_nothing_of_the_users_is_changed(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"a": 9, "b": 9})
    (root / "a" / "broken.jpg").write_bytes(b"\xff\xd8broken")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in root.rglob("*") if p.is_file()}
    read_dataset(root)
    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in root.rglob("*") if p.is_file()}
    assert after == before


def exif_jpeg(path: Path, orientation: int) -> None:
    """Write a JPEG 40 wide, 20 high, left half white, with an EXIF orientation."""
    grey = np.zeros((20, 40, 3), np.uint8)
    grey[:, :20] = 255
    jpeg = cv2.imencode(".jpg", grey)[1].tobytes()
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    tiff += orientation.to_bytes(2, "big") + b"\x00\x00\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg[:2] + segment + jpeg[2:])


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"a": 12, "b": 12})
    exif_jpeg(root / "a" / "turned.jpg", 6)
    dataset = read_dataset(root)
    samples = [s for split in SPLITS for s in dataset.split(split)]
    turned = next(s for s in samples if s.path and s.path.name == "turned.jpg").picture()
    assert turned.shape == (40, 20, 3)
    assert turned[:18].min() > 200  # turned clockwise, the left half is on top
    assert turned[22:].max() < 50


def test_boxes_become_fractions_of_the_upright_picture(tmp_path: Path) -> None:
    dataset = read_dataset(boxed(tmp_path, 20, []))
    label, box = dataset.train[0].boxes[0]
    assert label == "cat"
    assert box.as_list() == pytest.approx([1 / 32, 2 / 24, 20 / 32, 22 / 24], abs=1e-4)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("bad.png,,cat,1,2,90,22", "box 1,2,90,22 lies outside the picture of 32 x 24"),
        ("bad.png,,cat,-9,2,9,22", "lies outside the picture"),
        ("bad.png,,cat,5,5,5,9", "box 5,5,5,9 has no area"),
        ("bad.png,,cat,9,5,5,9", "box 9,5,5,9 has no area"),
        ("bad.png,,cat,nan,5,5,9", "sides nan,5,5,9 are no numbers"),
        ("bad.png,,cat,a,5,5,9", "sides a,5,5,9 are no numbers"),
        ("bad.png,,cat,,,,", "are no numbers"),
        ("bad.png,,,1,2,3,4", "a box without a label"),
        ("bad.png,training-ish,cat,1,2,9,9", "unknown split 'training-ish'"),
        ("gone.png,,cat,1,2,9,9", "no picture"),
        (",,cat,1,2,9,9", "no picture is named"),
    ],
)
def test_faulty_row_leaves_its_picture_out_with_the_reason(
    tmp_path: Path, row: str, fault: str
) -> None:
    picture(tmp_path / "bad.png", 900)
    dataset = read_dataset(boxed(tmp_path, 20, [row, "bad.png,,cat,2,2,9,9"]))
    assert len([n for n in dataset.faults if fault in n]) == 1
    kept = any("bad.png" in name for name in names(dataset))
    assert kept == (not row.startswith("bad.png"))


def test_side_a_pixel_outside_is_moved_to_the_edge(tmp_path: Path) -> None:
    picture(tmp_path / "edge.png", 901)
    dataset = read_dataset(boxed(tmp_path, 20, ["edge.png,,cat,-1,0,33,24.5"]))
    samples = [s for split in SPLITS for s in dataset.split(split)]
    edge = next(s for s in samples if s.path and s.path.name == "edge.png")
    assert edge.boxes[0][1].as_list() == [0, 0, 1, 1]


def test_row_without_box_is_a_picture_without_objects(tmp_path: Path) -> None:
    picture(tmp_path / "none.png", 902)
    dataset = read_dataset(boxed(tmp_path, 20, ["none.png,,,,,,"]))
    samples = [s for split in SPLITS for s in dataset.split(split)]
    assert [s.boxes for s in samples if s.path and s.path.name == "none.png"] == [()]


def test_picture_in_two_splits_is_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "two.png", 903)
    rows = ["two.png,train,cat,1,2,9,9", "two.png,test,cat,2,2,9,9"]
    dataset = read_dataset(boxed(tmp_path, 20, rows))
    assert any("is in splits test, train" in note for note in dataset.notes)


def test_csv_without_its_columns_says_which(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="no column label, ymax; needs image,split,label"):
        read_dataset(table(tmp_path, [], "image,split,xmin,ymin,xmax"))


def test_unknown_format_and_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format 'tiff'; known formats: auto, folder, yolo"):
        read_dataset(tmp_path, "tiff")
    with pytest.raises(NotFoundError, match="no data"):
        read_dataset(tmp_path / "gone")


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    boxed(tmp_path, 3, [])
    (tmp_path / "other.csv").write_text(HEADER)
    with pytest.raises(BadDataError, match=r"exactly one CSV of boxes; found boxes.csv, other.csv"):
        read_dataset(tmp_path)


def test_fingerprint_knows_contents_and_labels_and_no_names(tmp_path: Path) -> None:
    first = class_folders(tmp_path / "one", {"a": 9, "b": 9})
    shutil.copytree(first, tmp_path / "two")
    assert fingerprint(read_dataset(first)) == fingerprint(read_dataset(tmp_path / "two"))
    (tmp_path / "two" / "a").rename(tmp_path / "two" / "c")
    assert fingerprint(read_dataset(first)) != fingerprint(read_dataset(tmp_path / "two"))


@given(st.dictionaries(st.sampled_from("abc"), st.integers(8, 40), min_size=2), st.integers(0, 99))
def test_divided_classes_are_on_every_side(counts: dict[str, int], seed: int) -> None:
    from edge.training.entries import Entry, Found
    from edge.training.splits import assemble

    entries = tuple(
        Entry(Path(f"{label}{i}"), label, content=f"{label}{i}")
        for label, count in counts.items()
        for i in range(count)
    )
    dataset = assemble(Found("classify", entries), seed)
    for split in SPLITS:
        assert {s.label for s in dataset.split(split)} == set(counts)
    assert len(names(dataset)) == len(set(names(dataset))) == sum(counts.values())

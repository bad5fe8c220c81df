"""Every importer reads the same pictures and boxes out of what the tools export."""

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from exports import LAYOUTS, Layout, Photo, coco_cvat, coco_roboflow, voc_cvat, yolo_roboflow

from edge.errors import BadDataError
from edge.training.boxes_csv import read_csv
from edge.training.dataset import read_dataset
from edge.training.entries import Found
from edge.training.formats import FORMATS, find

EVERY = 6  # of the photographs: enough of each class, and quick
HALF_PX = 0.5


@pytest.fixture(scope="module")
def photos(shared: Path) -> list[Photo]:
    """Return every sixth photograph of the playing cards."""
    root = shared / "data" / "playing_cards"
    rows: dict[str, list[dict[str, str]]] = {}
    with (root / "annotations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["image"], []).append(row)
    found = []
    for name, group in list(rows.items())[::EVERY]:
        height, width = cv2.imread(str(root / name)).shape[:2]
        boxes = tuple(
            (row["label"], tuple(int(row[k]) for k in ("xmin", "ymin", "xmax", "ymax")))
            for row in group
        )
        found.append(Photo(root / name, width, height, group[0]["split"], boxes))  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def truth(photos: list[Photo], tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Return what the CSV reader makes of the same photographs."""
    root = tmp_path_factory.mktemp("csv")
    lines = ["image,split,label,xmin,ymin,xmax,ymax"]
    for photo in photos:
        shutil.copy(photo.path, root)
        for label, sides in photo.boxes:
            lines.append(",".join(map(str, (photo.path.name, photo.split, label, *sides))))
    (root / "boxes.csv").write_text("\n".join(lines) + "\n")
    return read_csv(root / "boxes.csv")


def params(layouts=LAYOUTS):
    """Return the layouts as parameters; data.yaml needs what only training installs."""
    return [
        pytest.param(
            layout, id=layout.write.__name__,
            marks=[pytest.mark.train] if layout.write.__name__ in YAML else [],
        )
        for layout in layouts
    ]  # fmt: skip


YAML = ("yolo_roboflow", "yolo_ultralytics", "yolo_cvat")


@pytest.mark.parametrize("layout", params())
def test_export_gives_the_pictures_and_boxes_of_the_csv(
    layout: Layout, photos: list[Photo], truth: Found, tmp_path: Path
) -> None:
    layout.write(photos, tmp_path)
    found = find(tmp_path, "auto")
    assert (found.task, found.faults, found.notes) == ("detect", (), ())
    expected = {entry.path.name: entry for entry in truth.entries}
    assert {entry.path.name for entry in found.entries} == set(expected)
    assert len(found.entries) == len(photos) > 50
    sizes = {photo.path.name: (photo.width, photo.height) for photo in photos}
    for entry in found.entries:
        other = expected[entry.path.name]
        assert entry.content == other.content
        assert entry.split == (other.split if layout.splits else None)
        assert [label for label, _ in entry.boxes] == [label for label, _ in other.boxes]
        width, height = sizes[entry.path.name]
        for (_, box), (_, wanted) in zip(entry.boxes, other.boxes, strict=True):
            ours = np.array([box.x0, box.y0, box.x1, box.y1]) * (width, height, width, height)
            theirs = np.array([wanted.x0, wanted.y0, wanted.x1, wanted.y1])
            assert np.abs(ours - theirs * (width, height, width, height)).max() <= HALF_PX


@pytest.mark.parametrize("layout", params())
def test_named_format_finds_the_same_as_auto(
    layout: Layout, photos: list[Photo], tmp_path: Path
) -> None:
    layout.write(photos[:4], tmp_path)
    named = find(tmp_path, layout.format)
    assert sorted(e.path for e in named.entries) == sorted(
        e.path for e in find(tmp_path, "auto").entries
    )
    assert len(named.entries) == 4


@pytest.mark.parametrize(
    ("write", "name"),
    [
        pytest.param(yolo_roboflow, "data.yaml", marks=pytest.mark.train),
        (coco_roboflow, "train/_annotations.coco.json"),
        (coco_cvat, "annotations/instances_train.json"),
    ],
)
def test_file_that_marks_a_format_can_be_given_itself(
    write, name: str, photos: list[Photo], tmp_path: Path
) -> None:
    write(photos[:4], tmp_path)
    found = find(tmp_path / name, "auto")
    assert "IMG_2385.jpg" in {entry.path.name for entry in found.entries}


def test_folder_of_two_formats_is_refused_with_what_marks_them(
    photos: list[Photo], tmp_path: Path
) -> None:
    coco_roboflow(photos[:4], tmp_path)
    voc_cvat(photos[:4], tmp_path)
    with pytest.raises(BadDataError) as caught:
        find(tmp_path, "auto")
    (line,) = caught.value.faults
    assert "could be several formats (coco: test/_annotations.coco.json" in line or (
        "could be several formats (coco: train/_annotations.coco.json" in line
    )
    assert "voc: Annotations/IMG_2385.xml, Annotations/" in line
    assert line.endswith("choose one by --format")
    assert len(find(tmp_path, "voc").entries) == 4


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("auto", "folder")])
def test_format_that_is_not_there_says_what_marks_it(format: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError) as caught:
        find(tmp_path, format)
    assert len(caught.value.faults) == 1
    assert "found no" in str(caught.value) or "found none" in str(caught.value)


def test_archive_is_no_dataset_and_the_cure_is_said(tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(b"PK")
    with pytest.raises(BadDataError, match=r"export.zip' is no dataset; unpack an archive first"):
        find(tmp_path / "export.zip", "auto")


def test_given_split_is_kept_to_the_end(photos: list[Photo], tmp_path: Path) -> None:
    coco_roboflow(photos, tmp_path)
    dataset = read_dataset(tmp_path)
    assert {s.path.name for s in dataset.test if s.path} == {
        p.path.name for p in photos if p.split == "test"
    }

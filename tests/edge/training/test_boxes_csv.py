"""Boxes from a CSV: rows that repeat, sides on an upright picture, files that are no CSV."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadDataError
from edge.scene import Box
from edge.training.boxes_csv import COLUMNS, read_csv

TURNED = 6  # EXIF: shown turned clockwise by a quarter
EXIF = (
    b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"
    + bytes([TURNED]) + b"\x00\x00\x00\x00\x00\x00"
)  # fmt: skip


def write(folder: Path, *rows: str) -> Path:
    path = folder / "boxes.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows, ""]))
    return path


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Return a folder with a picture 40 wide and 20 high, and one turned to 20 wide and 40 high."""
    picture = np.random.default_rng(1).integers(0, 256, (20, 40, 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / "wide.png"), picture)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    segment = b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF
    (tmp_path / "turned.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    return tmp_path


def test_sides_are_pixels_of_the_upright_picture(room: Path) -> None:
    found = read_csv(write(room, "turned.jpg,train,cat,0,20,20,40"))
    assert found.faults == ()
    assert found.entries[0].boxes == (("cat", Box(0.0, 0.5, 1.0, 1.0)),)


def test_box_of_the_picture_as_stored_lies_outside_the_upright_one(room: Path) -> None:
    found = read_csv(write(room, "turned.jpg,train,cat,0,0,40,20"))
    assert found.entries == ()
    assert "box 0,0,40,20 lies outside the picture of 20 x 40" in str(found.faults[0])


def test_same_box_again_is_dropped_and_the_picture_stays(room: Path) -> None:
    row, other = "wide.png,,cat,1,2,20,18", "wide.png,,dog,1,2,20,18"
    found = read_csv(write(room, row, other, row))
    assert [label for label, _ in found.entries[0].boxes] == ["cat", "dog"]
    assert [str(fault).split(": ", 1)[1] for fault in found.faults] == [
        f"{room / 'boxes.csv'}:4: 'wide.png': the same box again"
    ]


def test_every_faulty_row_of_a_picture_is_named_with_its_line(room: Path) -> None:
    found = read_csv(write(room, "wide.png,,cat,1,2,99,18", "wide.png,,cat,5,5,5,5"))
    assert found.entries == ()
    assert [str(fault).split(": ")[1].rsplit(":", 1)[1] for fault in found.faults] == ["2", "3"]


@pytest.mark.parametrize("image", ["gone.png", "x" * 400 + ".png", ".", "boxes.csv"])
def test_image_that_is_none_is_left_out_with_a_line(room: Path, image: str) -> None:
    found = read_csv(write(room, f"{image},,cat,1,2,9,9", "wide.png,,cat,1,2,9,9"))
    assert [entry.path.name for entry in found.entries] == ["wide.png"]
    assert len(found.faults) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xfei\x00m\x00", b"a;b;c\n1;2;3\n", b"\x89PNG\r\n"])
def test_file_that_is_no_such_table_is_refused_with_its_columns(room: Path, content) -> None:
    path = room / "boxes.csv"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=r"needs image,split,label|not a CSV in UTF-8"):
        read_csv(path)


def test_short_row_is_a_fault_and_no_crash(room: Path) -> None:
    found = read_csv(write(room, "wide.png,train,cat,1,2"))
    assert "sides 1,2,, are no numbers" in str(found.faults[0])

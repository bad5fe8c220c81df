"""What is wrong in an export is named with its place and reason, and the rest is used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from exports import Photo, coco_cvat, edge_impulse_boxes, voc_cvat, write, yolo_darknet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import BadDataError, EdgeError
from edge.training.dataset import read_dataset
from edge.training.entries import Found
from edge.training.faults import Fault, digest
from edge.training.formats import find

SIZE = (40, 30)  # width, height
COUNT = 12


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    """Return pictures of noise with a cat each, and a dog on every other one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    found = []
    for i in range(COUNT):
        pixels = np.random.default_rng(i).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
        assert cv2.imwrite(str(folder / f"p{i}.png"), pixels)
        cat, dog = ("cat", (1, 2, 21, 22)), ("dog", (4, 4, 14, 24))
        boxes = (cat, dog) if i % 2 else (cat,)
        found.append(Photo(folder / f"p{i}.png", *SIZE, "train", boxes))
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of the export."""
    return tmp_path / "export"


def lines(found: Found) -> list[str]:
    return [f"{fault.kind}: {fault.line}" for fault in found.faults]


def used(found: Found) -> set[str]:
    return {entry.path.stem for entry in found.entries}


ALL = {f"p{i}" for i in range(COUNT)}

LABELS = "obj_train_data/p0.txt"
YOLO_FAULTS: dict[str, tuple[str, str]] = {
    "outside": ("0 0.9 0.5 0.6 0.2", "box outside the picture: * box 24,12,48,18 lies outside"),
    "no area": ("0 0.5 0.5 0 0.2", "box without area: * box 20,12,20,18 has no area"),
    "unknown": ("7 0.5 0.5 0.2 0.2", "unknown class: * class 7 is unknown; obj.data names 2"),
    "negative": ("-1 0.5 0.5 0.2 0.2", "unknown class: * class -1 is unknown"),
    "half a class": ("0.5 0.5 0.5 0.2 0.2", "unknown class: * class 0.5 is unknown"),
    "words": ("cat 0.5 0.5 0.2 0.2", "faulty row: * 'cat 0.5 0.5 0.2 0.2' are no numbers"),
    "short": ("0 0.5 0.5", "faulty row: * 3 values; a box has 5"),
    "scored": ("0 0.5 0.5 0.2 0.2 0.9", "faulty row: * 6 values; a box has 5"),
    "nan": ("0 nan 0.5 0.2 0.2", "faulty row: * are no numbers"),
    "pixels": ("0 20 15 8 8", "box outside the picture: * lies outside the picture of 40 x 30"),
}


def fits(line: str, pattern: str) -> bool:
    start, end = pattern.split(" * ") if " * " in pattern else (pattern, "")
    return line.startswith(start) and end in line


@pytest.mark.parametrize("name", YOLO_FAULTS)
def test_faulty_yolo_line_leaves_its_picture_out(name: str, photos, root: Path) -> None:
    yolo_darknet(photos, root)
    text, pattern = YOLO_FAULTS[name]
    write(root / LABELS, f"0 0.5 0.5 0.2 0.2\n\n{text}\n")
    found = find(root, "yolo")
    (line,) = lines(found)
    assert fits(line, pattern), line
    assert f"{LABELS}:3: 'p0.png': " in line
    assert used(found) == ALL - {"p0"}


def test_same_yolo_box_again_is_dropped_and_the_picture_stays(photos, root: Path) -> None:
    yolo_darknet(photos, root)
    write(root / LABELS, "0 0.5 0.5 0.2 0.2\n" * 2)
    found = find(root, "yolo")
    assert [line.split(":")[0] for line in lines(found)] == ["duplicate"]
    assert used(found) == ALL


def test_yolo_polygon_becomes_the_box_around_it(photos, root: Path) -> None:
    yolo_darknet(photos, root)
    write(root / LABELS, "0 0.25 0.5 0.5 0.1 0.75 0.5 0.5 0.9\n")
    found = find(root, "yolo")
    box = next(e for e in found.entries if e.path.stem == "p0").boxes[0][1]
    assert box.as_list() == [0.25, 0.1, 0.75, 0.9]


def test_pictures_and_labels_without_each_other_are_said(photos, root: Path) -> None:
    yolo_darknet(photos, root)
    (root / "obj_train_data" / "p1.txt").unlink()
    (root / "obj_train_data" / "p2.png").unlink()
    write(root / "obj_train_data" / "odd.txt", "0 0.5 0.5 0.2 0.2\n")
    write(root / "obj.names", "cat\ndog\nbird\n")
    found = find(root, "yolo")
    assert [line.split(":")[0] for line in lines(found)] == [
        "no such picture", "no such picture", "empty class"
    ]  # fmt: skip
    assert "odd.txt' labels a picture that is not there" in lines(found)[0]
    assert "class 'bird' is on no picture that is used" in lines(found)[2]
    assert found.notes == ("1 pictures have no label file: taken as pictures without objects",)
    assert next(e for e in found.entries if e.path.stem == "p1").boxes == ()


@pytest.mark.train  # PyYAML comes with what training needs
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("names: [a, b\n", "is no YAML"),
        ("names: 3\n", "must have `names`: a list, or a map"),
        ("names: {cat: 0}\n", "must have `names`: a list, or a map"),
        ("names: [[a], b]\n", "must have `names`: a list, or a map"),
        ("names: &a [x]\nnames: *b\n", "is no YAML"),
    ],
)
def test_data_yaml_that_cannot_be_read_is_one_line(text: str, fault: str, root: Path) -> None:
    write(root / "data.yaml", text)
    with pytest.raises(BadDataError) as caught:
        find(root, "auto")
    assert len(caught.value.faults) == 1
    assert fault in caught.value.faults[0]
    assert "\n" not in caught.value.faults[0]


@pytest.mark.train  # as above
def test_class_names_of_data_yaml_stay_the_words_that_they_are(photos, root: Path) -> None:
    yolo_darknet(photos, root)
    (root / "obj.data").unlink()
    write(root / "data.yaml", "train: obj_train_data\nval: gone\ntest:\nnames: [no, 1e3]\n")
    found = find(root, "yolo")
    assert {label for entry in found.entries for label in entry.labels()} == {"no", "1e3"}
    assert [fault.line.split(": ", 1)[1] for fault in found.faults] == [
        "val: no file or folder 'gone'"
    ]


@pytest.mark.train  # as above
def test_val_that_repeats_train_is_not_scored_on_it(photos, root: Path) -> None:
    yolo_darknet(photos, root)
    (root / "obj.data").unlink()
    write(root / "data.yaml", "train: obj_train_data\nval: obj_train_data\nnames: [cat, dog]\n")
    found = find(root, "yolo")
    assert {entry.split for entry in found.entries} == {"train"}
    assert found.notes == ("12 pictures of val are in train too: kept there",)


def in_coco(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        file = root / "annotations" / "instances_train.json"
        data = json.loads(file.read_text())
        change(data)
        file.write_text(json.dumps(data))

    return apply


COCO_FAULTS: dict[str, tuple[Callable[[Path], None], str, set[str]]] = {
    "outside": (
        in_coco(lambda d: d["annotations"][0].update(bbox=[30, 2, 20, 20])),
        "box outside the picture: * 'p0.png': box 30,2,50,22 lies outside the picture", {"p0"},
    ),
    "no area": (
        in_coco(lambda d: d["annotations"][0].update(bbox=[3, 2, 0, 20])),
        "box without area: * has no area", {"p0"},
    ),
    "turned corners": (
        in_coco(lambda d: d["annotations"][0].update(bbox=[30, 2, -20, 20])),
        "box without area: * has no area", {"p0"},
    ),
    "unknown category": (
        in_coco(lambda d: d["annotations"][0].update(category_id=99)),
        "unknown class: * category 99 is unknown; 2 categories are named", {"p0"},
    ),
    "no box": (
        in_coco(lambda d: d["annotations"][0].update(bbox=[])),
        "annotation that is no box: * bbox [] is no [left, top, width, height]", {"p0"},
    ),
    "words": (
        in_coco(lambda d: d["annotations"][0].update(bbox=["a", None, 3, 4])),
        "faulty row: * are no numbers", {"p0"},
    ),
    "crowd": (
        in_coco(lambda d: d["annotations"][0].update(iscrowd=1)),
        "annotation that is no box: * a crowd", {"p0"},
    ),
    "gone": (
        lambda root: (root / "images" / "train" / "p0.png").unlink(),
        "no such picture: * no picture '", {"p0"},
    ),
    "cut short": (
        lambda root: (root / "images" / "train" / "p0.png").write_bytes(
            (root / "images" / "train" / "p0.png").read_bytes()[:1000]
        ),
        "cut short: * is cut short: its end marker is missing", {"p0"},
    ),
    "empty": (
        lambda root: (root / "images" / "train" / "p0.png").write_bytes(b""),
        "unreadable: * is no picture", {"p0"},
    ),
    "unknown image": (
        in_coco(lambda d: d["annotations"][0].update(image_id="x")),
        "no such picture: * annotation 1: no image has the id it names", set(),
    ),
    "other size": (
        in_coco(lambda d: d["images"][0].update(width=80, height=60)),
        "other size than annotated: * annotated at 80 x 60, but it is 40 x 30", {"p0"},
    ),
    "turned": (
        in_coco(lambda d: d["images"][0].update(width=30, height=40)),
        "other size than annotated: * but it is 40 x 30 (turned by its EXIF)", {"p0"},
    ),
    "empty class": (
        in_coco(lambda d: d["categories"].append({"id": 9, "name": "bird"})),
        "empty class: class 'bird' is on no picture", set(),
    ),
    "same id": (
        in_coco(lambda d: d["images"].append(dict(d["images"][0], file_name="p1.png"))),
        "contradiction: * 'p1.png': the id of another picture", set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COCO_FAULTS)
def test_fault_in_coco_is_named_and_the_rest_is_used(name: str, photos, root: Path) -> None:
    coco_cvat(photos, root)
    change, pattern, lost = COCO_FAULTS[name]
    change(root)
    found = find(root, "coco")
    (line,) = lines(found)
    assert fits(line, pattern), line
    assert used(found) == ALL - lost


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"images": [], "annotations": [], "categories": [', "is no JSON"),
        ('["images", "annotations", "categories"]', "is no COCO: no images, annotations"),
        ('{"images": 1, "annotations": [], "categories": []}', "images is no list of objects"),
        ('{"images": [1], "annotations": [], "categories": []}', "images is no list of objects"),
    ],
)
def test_json_that_is_no_coco_is_one_line(text: str, fault: str, root: Path) -> None:
    write(root / "result.json", text)
    with pytest.raises(BadDataError) as caught:
        find(root, "coco")
    assert len(caught.value.faults) == 1
    assert fault in caught.value.faults[0]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(i + 1)} "{f"&{chr(i)};" * 10}">' for i in range(97, 105))
    + "]><annotation><filename>&i;</filename></annotation>"
)  # fmt: skip
PLAIN = "<annotation><filename>p0.png</filename>{}</annotation>"
BOX = "<object><name>{}</name><bndbox>{}</bndbox></object>"
SIDES = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
VOC_FAULTS: dict[str, tuple[str, str]] = {
    "bomb": (BOMB, "unreadable: * a DOCTYPE is not read, since it can declare entities"),
    "file entity": (
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation>&x;</annotation>',
        "unreadable: * a DOCTYPE is not read",
    ),
    "broken": ("<annotation><filename>", "unreadable: * is no XML"),
    "other": ("<project/>", "unreadable: * is no VOC annotation"),
    "outside": (
        PLAIN.format(BOX.format("cat", SIDES.format(1, 2, 99, 9))),
        "box outside the picture: * object 1: 'p0.png': box 1,2,99,9 lies outside",
    ),
    "no area": (
        PLAIN.format(BOX.format("cat", SIDES.format(5, 5, 5, 9))), "box without area: * no area",
    ),
    "no label": (
        PLAIN.format(BOX.format("", SIDES.format(1, 2, 3, 4))),
        "faulty row: * a box without a label",
    ),
    "no box": (
        PLAIN.format("<object><name>cat</name></object>"),
        "annotation that is no box: * no <bndbox>",
    ),
    "words": (
        PLAIN.format(BOX.format("cat", SIDES.format("a", 2, 3, ""))),
        "faulty row: * sides a,2,3, are no numbers",
    ),
    "size": (
        PLAIN.format("<size><width>80</width><height>60</height></size>"),
        "other size than annotated: * annotated at 80 x 60",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VOC_FAULTS)
def test_faulty_voc_file_leaves_its_picture_out(name: str, photos, root: Path) -> None:
    voc_cvat(photos, root)
    text, pattern = VOC_FAULTS[name]
    write(root / "Annotations" / "p0.xml", text)
    found = find(root, "voc")
    (line,) = lines(found)
    assert fits(line, pattern), line
    assert used(found) == ALL - {"p0"}


@pytest.mark.parametrize(
    ("row", "pattern"),
    [
        ({"label": "cat", "x": 30, "y": 2, "width": 20, "height": 9}, "box outside the picture: "),
        ({"label": "cat", "x": 3, "y": 2, "width": 0, "height": 9}, "box without area: "),
        ({"label": "", "x": 3, "y": 2, "width": 9, "height": 9}, "faulty row: * without a label"),
        ({"label": "cat", "x": 3, "y": 2}, "faulty row: * x, y, width and height are not all"),
    ],
)
def test_faulty_edge_impulse_box_leaves_its_picture_out(row, pattern, photos, root: Path) -> None:
    edge_impulse_boxes(photos, root)
    file = root / "training" / "bounding_boxes.labels"
    data = json.loads(file.read_text())
    data["boundingBoxes"]["p0.png"] = [row]
    file.write_text(json.dumps(data))
    found = find(root, "edge-impulse")
    (line,) = lines(found)
    assert fits(line, pattern), line
    assert used(found) == ALL - {"p0"}


def test_edge_impulse_files_of_classes_are_classified(photos, root: Path) -> None:
    files = [
        {
            "path": f"../photos/{photo.path.name}", "category": "training",
            "label": {"type": "label", "label": "even" if i % 2 else "odd"},
        }
        for i, photo in enumerate(photos)
    ]  # fmt: skip
    files[0]["label"] = {"type": "unlabeled"}
    write(root / "info.labels", json.dumps({"version": 1, "files": files}))
    found = find(root, "auto")
    assert found.task == "classify"
    assert [entry.label for entry in found.entries][:2] == ["even", "odd"]
    assert [line.split(": ")[0] for line in lines(found)] == ["unknown class"]


def test_pictures_that_no_annotation_names_are_counted(photos, root: Path) -> None:
    coco_cvat(photos, root)
    for name in ("x", "y", "z", "zz"):
        (root / f"{name}.png").write_bytes(photos[0].path.read_bytes())
    found = find(root, "coco")
    assert found.notes == (
        "4 pictures are in no annotation and not used: 'x.png', 'y.png', 'z.png', ...",
    )


def test_many_faults_are_counted_and_the_first_of_each_kind_shown(photos, root: Path) -> None:
    yolo_darknet(photos, root)
    for i in range(7):
        write(root / f"obj_train_data/p{i}.txt", "0 0.9 0.5 0.6 0.2\n")
    write(root / "obj_train_data/p7.txt", "5 0.5 0.5 0.2 0.2\n")
    with pytest.raises(BadDataError) as caught:
        read_dataset(root, "yolo")
    said = caught.value.faults
    assert said[0] == "left out, 8 in all: 7 box outside the picture, 1 unknown class"
    assert sum("lies outside" in line for line in said) == 3
    assert "left out: box outside the picture: 4 more; -v names all" in said
    assert sum("class 5 is unknown" in line for line in said) == 1
    assert "'cat' is on 4 pictures; at least 8 are needed" in said


def test_every_fault_is_kept_and_nothing_is_changed(photos, root: Path) -> None:
    coco_cvat(photos, root)
    in_coco(lambda d: [d["annotations"][i].update(bbox=[0, 0, 0, 0]) for i in (0, 1)])(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    found = find(root, "auto")
    assert len(found.faults) == 2
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_digest_of_nothing_is_nothing() -> None:
    assert digest(()) == ()
    assert digest([Fault("kind", "'x' is wrong")]) == ("left out: 'x' is wrong",)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
KEYS = ("id", "image_id", "category_id", "bbox", "file_name", "width", "height", "name", "iscrowd")
ANY = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ROWS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), max_size=3)


@ANY
@given(images=ROWS, marks=ROWS, names=ROWS)
def test_any_coco_rows_end_in_faults_and_never_in_a_crash(images, marks, names, root: Path) -> None:
    data = {"images": images, "annotations": marks, "categories": names}
    write(root / "result.json", json.dumps(data))
    try:
        found = find(root, "coco")
    except EdgeError:
        return
    assert found.entries == ()


@ANY
@given(rows=VALUES, boxes=st.dictionaries(st.text(max_size=3), VALUES))
def test_any_edge_impulse_rows_end_in_faults_and_never_in_a_crash(rows, boxes, root: Path) -> None:
    write(root / "info.labels", json.dumps({"files": rows}))
    write(root / "training" / "bounding_boxes.labels", json.dumps({"boundingBoxes": boxes}))
    for format in ("auto", "edge-impulse"):
        try:
            assert find(root, format).entries == ()
        except EdgeError:
            continue

"""Writes boxes the way that annotation tools export them, one function a layout."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

Sides = tuple[float, float, float, float]

YOLO_SPLITS = {"train": "train", "test": "test"}


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture, its size, split and boxes: label, left, top, right, bottom, all in px."""

    path: Path
    width: int
    height: int
    split: str
    boxes: tuple[tuple[str, Sides], ...]


Photos = Sequence[Photo]


def copy(photo: Photo, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(photo.path, folder / photo.path.name))


def classes(photos: Photos) -> list[str]:
    return sorted({label for photo in photos for label, _ in photo.boxes})


def yolo_lines(photo: Photo, names: Sequence[str]) -> str:
    lines = []
    for label, (x0, y0, x1, y1) in photo.boxes:
        x, y = (x0 + x1) / 2 / photo.width, (y0 + y1) / 2 / photo.height
        width, height = (x1 - x0) / photo.width, (y1 - y0) / photo.height
        lines.append(f"{names.index(label)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    return "".join(lines)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def yolo_roboflow(photos: Photos, root: Path) -> None:
    """train/images, train/labels; the paths of data.yaml begin with .. though it lies beside."""
    names = classes(photos)
    for photo in photos:
        copy(photo, root / photo.split / "images")
        label = root / photo.split / "labels" / f"{photo.path.stem}.txt"
        write(label, yolo_lines(photo, names))
    write(
        root / "data.yaml",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\n"
        f"nc: {len(names)}\nnames: {names}\n\nroboflow:\n  version: 1\n",
    )
    write(root / "README.roboflow.txt", "An export.\n")
    (root / "valid" / "images").mkdir(parents=True)


def yolo_ultralytics(photos: Photos, root: Path) -> None:
    """images/train, labels/train; `path` is of another machine, names are a map."""
    names = classes(photos)
    for photo in photos:
        copy(photo, root / "images" / photo.split)
        label = root / "labels" / photo.split / f"{photo.path.stem}.txt"
        write(label, yolo_lines(photo, names))
    listed = "".join(f"  {i}: {name}\n" for i, name in enumerate(names))
    write(
        root / "cards.yaml",
        "path: /content/datasets/cards # root\ntrain: images/train\nval: # none yet\n"
        f"test: images/test\n\nnames:\n{listed}",
    )


def yolo_cvat(photos: Photos, root: Path) -> None:
    """CVAT's "Ultralytics YOLO Detection": as above, with train.txt and test.txt."""
    yolo_ultralytics(photos, root)
    (root / "cards.yaml").unlink()
    for split in YOLO_SPLITS:
        lines = [f"data/images/{split}/{p.path.name}\n" for p in photos if p.split == split]
        write(root / f"{split}.txt", "".join(lines))
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(classes(photos)))
    write(root / "data.yaml", f"names:\n{names}path: .\ntest: test.txt\ntrain: train.txt\n")


def yolo_darknet(photos: Photos, root: Path) -> None:
    """CVAT's "YOLO": obj.data, obj.names, and labels beside the pictures."""
    names = classes(photos)
    for photo in photos:
        folder = root / f"obj_{photo.split}_data"
        copy(photo, folder)
        write(folder / f"{photo.path.stem}.txt", yolo_lines(photo, names))
    write(root / "obj.names", "".join(f"{name}\n" for name in names))
    for split in YOLO_SPLITS:
        lines = [f"data/obj_{split}_data/{p.path.name}\n" for p in photos if p.split == split]
        write(root / f"{split}.txt", "".join(lines))
    write(
        root / "obj.data",
        f"classes = {len(names)}\ntrain = data/train.txt\ntest = data/test.txt\n"
        "names = data/obj.names\nbackup = backup/\n",
    )


def yolo_label_studio(photos: Photos, root: Path) -> None:
    """images, labels, classes.txt, notes.json; no split."""
    names = classes(photos)
    for photo in photos:
        copy(photo, root / "images")
        write(root / "labels" / f"{photo.path.stem}.txt", yolo_lines(photo, names))
    write(root / "classes.txt", "\n".join(names))
    write(root / "notes.json", json.dumps({"categories": [], "info": {"version": "1.0"}}))


def coco(photos: Photos, names: Sequence[str], first: int, prefix: str = "") -> str:
    """Return COCO JSON whose ids start at `first`."""
    images, annotations = [], []
    for i, photo in enumerate(photos):
        size = {"width": photo.width, "height": photo.height}
        images.append({"id": first + i, "file_name": prefix + photo.path.name, **size})
        for label, (x0, y0, x1, y1) in photo.boxes:
            annotations.append({
                "id": first + len(annotations), "image_id": first + i,
                "category_id": first + names.index(label), "iscrowd": 0,
                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
            })  # fmt: skip
    categories = [{"id": first + i, "name": name} for i, name in enumerate(names)]
    return json.dumps({"images": images, "categories": categories, "annotations": annotations})


def coco_roboflow(photos: Photos, root: Path) -> None:
    for split in YOLO_SPLITS:
        own = [p for p in photos if p.split == split]
        for photo in own:
            copy(photo, root / split)
        write(root / split / "_annotations.coco.json", coco(own, classes(photos), 0))


def coco_cvat(photos: Photos, root: Path) -> None:
    for split in YOLO_SPLITS:
        own = [p for p in photos if p.split == split]
        for photo in own:
            copy(photo, root / "images" / split)
        write(root / "annotations" / f"instances_{split}.json", coco(own, classes(photos), 1))
    write(root / "annotations" / "captions_train.json", '{"images": [], "annotations": []}')


def coco_label_studio(photos: Photos, root: Path) -> None:
    """Ids from 0, and no split; pictures are named with the folder of the server."""
    for photo in photos:
        copy(photo, root / "images")
    text = coco(photos, classes(photos), 0, "..\\label-studio\\data\\media\\upload\\1\\")
    write(root / "result.json", text)


def voc(photo: Photo, name: str | None = None) -> str:
    objects = "".join(
        f"<object><name>{escape(label)}</name><pose>Unspecified</pose><difficult>0</difficult>"
        f"<bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox>"
        "</object>"
        for label, (x0, y0, x1, y1) in photo.boxes
    )
    return (
        f"<annotation><folder>x</folder><filename>{name or photo.path.name}</filename>"
        f"<size><width>{photo.width}</width><height>{photo.height}</height><depth>3</depth></size>"
        f"<segmented>0</segmented>{objects}</annotation>"
    )


def voc_cvat(photos: Photos, root: Path) -> None:
    for photo in photos:
        copy(photo, root / "JPEGImages")
        write(root / "Annotations" / f"{photo.path.stem}.xml", voc(photo))
    for split in YOLO_SPLITS:
        lines = [f"{p.path.stem}\n" for p in photos if p.split == split]
        write(root / "ImageSets" / "Main" / f"{split}.txt", "".join(lines))
    write(root / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\n")


def voc_roboflow(photos: Photos, root: Path) -> None:
    for photo in photos:
        copy(photo, root / photo.split)
        write(root / photo.split / f"{photo.path.stem}.xml", voc(photo))


def voc_label_studio(photos: Photos, root: Path) -> None:
    """images, Annotations; the file name has no ending."""
    for photo in photos:
        copy(photo, root / "images")
        write(root / "Annotations" / f"{photo.path.stem}.xml", voc(photo, photo.path.stem))


def boxes_of(photo: Photo) -> list[dict[str, float | str]]:
    return [
        {"label": label, "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}
        for label, (x0, y0, x1, y1) in photo.boxes
    ]


def edge_impulse_boxes(photos: Photos, root: Path) -> None:
    """bounding_boxes.labels in training and testing."""
    for split in YOLO_SPLITS:
        own = [p for p in photos if p.split == split]
        folder = root / f"{split}ing"
        for photo in own:
            copy(photo, folder)
        boxes = {p.path.name: boxes_of(p) for p in own}
        text = json.dumps({"version": 1, "type": "bounding-box-labels", "boundingBoxes": boxes})
        write(folder / "bounding_boxes.labels", text)


def edge_impulse_info(photos: Photos, root: Path) -> None:
    """The whole export: info.labels at the top as well."""
    edge_impulse_boxes(photos, root)
    files = [
        {
            "path": f"{p.split}ing/{p.path.name}", "name": p.path.stem,
            "category": f"{p.split}ing", "label": {"type": "unlabeled"}, "metadata": {},
            "boundingBoxes": boxes_of(p),
        }
        for p in photos
    ]  # fmt: skip
    write(root / "info.labels", json.dumps({"version": 1, "files": files}))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a tool lays out an export: its format, whether it keeps the split."""

    format: str
    write: Callable[[Photos, Path], None]
    splits: bool = True


LAYOUTS = (
    Layout("yolo", yolo_roboflow),
    Layout("yolo", yolo_ultralytics),
    Layout("yolo", yolo_cvat),
    Layout("yolo", yolo_darknet),
    Layout("yolo", yolo_label_studio, splits=False),
    Layout("coco", coco_roboflow),
    Layout("coco", coco_cvat),
    Layout("coco", coco_label_studio, splits=False),
    Layout("voc", voc_cvat),
    Layout("voc", voc_roboflow),
    Layout("voc", voc_label_studio, splits=False),
    Layout("edge-impulse", edge_impulse_boxes),
    Layout("edge-impulse", edge_impulse_info),
)

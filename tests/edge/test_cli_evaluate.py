"""`edge evaluate` scores a model on class folders, and says plainly what it cannot score."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from exports import Photo, coco_cvat

from edge import bundle as bundles
from edge.bundle import Thresholds
from edge.cli import cli
from edge.errors import BadDataError, NotFoundError, UsageError

pytestmark = pytest.mark.train  # bundles and pictures of scores are written where one trains

COCO = (
    "suites/tflite-support/cc/test/testdata/task/vision/"
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
)
PHOTOS = {
    "Egyptian cat": ("cat.bmp", "cat_720p.jpg"),
    "macaw": ("parrot.jpg", "grace_hopper.bmp"),  # she is no parrot
    "hotdog, hot dog, red hot": ("hot_dog.jpg",),
}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture(scope="module")
def model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    coral = shared / "data" / "coral"
    bundle = bundles.read_bare(
        coral / "mobilenet_v2_1.0_224_quant.tflite", coral / "labels" / "imagenet_labels.txt"
    )
    folder = tmp_path_factory.mktemp("model") / "imagenet"
    bundles.write(replace(bundle, thresholds=Thresholds(0.5)), folder, {})
    return folder


@pytest.fixture
def photos(shared: Path, tmp_path: Path) -> Path:
    for label, files in PHOTOS.items():
        for split in ("train", "val", "test"):
            folder = tmp_path / "photos" / split / label
            folder.mkdir(parents=True)
            for file in files:
                shutil.copy(shared / "data" / "coral" / "images" / file, folder)
    return tmp_path / "photos"


def test_the_table_says_metric_interval_and_each_label(model: Path, photos: Path) -> None:
    result = run("evaluate", model, photos)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["top-1", "0.800", "(0.376", "to", "0.964)"] in lines  # Wilson for 4 of 5
    # half of the macaws: 51 of the 101 points of recall, 0.00 to 0.50
    assert ["macaw", "2", "1.000", "0.500", "0.667", "0.505"] in lines


def test_json_and_the_out_folder_hold_the_same_record(model, photos, tmp_path: Path) -> None:
    out = tmp_path / "score"
    result = run("--json", "evaluate", model, photos, "--out", out)
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    written = json.loads((out / "evaluation.json").read_text())
    assert {key: printed[key] for key in written} == written
    assert printed["metrics"]["top1"] == {"value": 0.8, "low": 0.3755, "high": 0.9638, "n": 5}
    assert printed["confusion"]["rows_true_columns_said"][-2:] == ["(another class)", None]
    assert (out / "score.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.iterdir()) == ["evaluation.json", "score.png"]


def test_a_class_folder_that_the_model_does_not_know_is_named(model, photos: Path) -> None:
    for split in ("train", "val", "test"):
        (photos / split / "macaw").rename(photos / split / "polly")
    error = run("evaluate", model, photos).exception
    assert isinstance(error, BadDataError)
    assert error.faults[0].startswith("the model knows no label 'polly'; its labels: tench")


def test_a_classifier_is_not_scored_on_boxes(model: Path, shared: Path) -> None:
    error = run("evaluate", model, shared / "data" / "playing_cards").exception
    assert isinstance(error, BadDataError)
    assert error.faults[0].endswith("is for classify, the data are for detect")


def test_wrong_words_have_their_own_exit_codes(model: Path, photos: Path, tmp_path: Path) -> None:
    assert isinstance(run("evaluate", tmp_path / "none", photos).exception, NotFoundError)
    assert isinstance(run("evaluate", model, tmp_path / "none").exception, NotFoundError)
    assert isinstance(run("evaluate", model, photos, "--runtime", "x").exception, UsageError)
    assert run("evaluate", model).exit_code == 2


def boxes_csv(folder: Path, shared: Path, labels: tuple[str, ...]) -> Path:
    """Return a CSV of the boxes that tflite-support's own test expects, those of some labels."""
    suite = shared / "data/suites/tflite-support"
    golden = json.loads((suite / "golden_vision.json").read_text())[0]
    shutil.copy(suite / "cc/test/testdata/task/vision" / golden["image"], folder)
    rows = ["image,split,label,xmin,ymin,xmax,ymax"]
    for result in golden["results"]:
        x, y, w, h = result["box_xywh"]
        if result["label"] in labels:
            corners = f"{x},{y},{min(x + w, 1200)},{min(y + h, 600)}"  # it has 1200 x 600 px
            rows.append(f"{golden['image']},test,{result['label']},{corners}")
    table = folder / "boxes.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def test_a_published_detector_is_scored_on_boxes(shared: Path, tmp_path: Path) -> None:
    detector = shared / "data" / COCO
    result = run("--json", "evaluate", detector, boxes_csv(tmp_path, shared, ("cat", "dog")))
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["metrics"]["map50"]["value"] == 1.0
    assert record["f1"]["value"] == 1.0
    assert [c["objects"] for c in record["labels"]] == [3, 1]
    assert record["unannotated"] == {}


def test_a_coco_export_is_scored_as_the_csv_is(shared: Path, tmp_path: Path) -> None:
    table = boxes_csv(tmp_path, shared, ("cat", "dog"))
    rows = [row.split(",") for row in table.read_text().splitlines()[1:]]
    name, (width, height) = rows[0][0], (1200, 600)
    boxes = tuple((row[2], tuple(float(side) for side in row[3:])) for row in rows)
    folder = tmp_path / "export"
    coco_cvat([Photo(tmp_path / name, width, height, "test", boxes)], folder)  # type: ignore[arg-type]
    records = [
        json.loads(run("--json", "evaluate", shared / "data" / COCO, data).stdout)
        for data in (table, folder)
    ]
    assert records[1].pop("data") == str(folder)
    records[0].pop("data")
    assert records[0]["metrics"]["map50"]["value"] == 1.0
    assert records[1] == records[0]


def test_objects_that_the_data_do_not_annotate_are_said(shared: Path, tmp_path: Path) -> None:
    result = run("evaluate", shared / "data" / COCO, boxes_csv(tmp_path, shared, ("cat",)))
    assert result.exit_code == 0, result.output
    said = "not scored: 1 detection of labels that the data do not annotate: dog 1"
    assert said in result.stdout.splitlines()


def test_a_model_that_no_decoder_takes_is_not_scored(shared: Path, tmp_path: Path) -> None:
    model = shared / "data/suites/tinyengine/assets/detection.tflite"
    error = run("evaluate", model, boxes_csv(tmp_path, shared, ("cat",))).exception
    assert isinstance(error, BadDataError)
    assert error.faults[0].startswith("no decoder takes what model 'detection' gives: 1806")

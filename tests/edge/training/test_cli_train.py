"""`edge train` makes a bundle of real pictures, and says plainly what it cannot train on."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge import bundle as bundles
from edge import tflite
from edge.cli import cli, main

pytestmark = pytest.mark.train

LABELS = ("banana", "kiwi", "tomato")
COUNTS = {"train": 40, "val": 5, "test": 8}  # of each label
# fewer epochs leave a model that answers the same to everything, and that is refused
SHORT = ("--size", "32", "--epochs", "10", "--max-drop", "1")

Edge = Callable[..., tuple[int, list[str]]]


def weights(bundle: bundles.Bundle) -> list[bytes]:
    """Return every constant of the model; the names of layers count up within a process."""
    return [tensor.data for tensor in tflite.read(bundle.model).tensors if tensor.data]


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture(scope="module")
def fruit(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a few of the photos, in class folders below train, val and test; one is broken."""
    root = tmp_path_factory.mktemp("data") / "fruit"
    for split, count in COUNTS.items():
        for label in LABELS:
            folder = root / split / label
            folder.mkdir(parents=True)
            photos = sorted((shared / "data" / "grocery10" / split / label).iterdir())
            for photo in photos[:count]:
                shutil.copy(photo, folder)
    (root / "train" / "kiwi" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return root


@pytest.fixture(scope="module")
def trained(fruit: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the bundle of a short training, and what the command said."""
    out = tmp_path_factory.mktemp("out") / "fruit"
    result = run("train", fruit, "--out", out, "--seed", "3", *SHORT)
    assert result.exit_code == 0, (result.output, result.exception)
    return out, result


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Edge:
    """Return what runs `edge` as a shell does: its exit code and its lines on stderr."""

    def call(*words: str | Path) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "argv", ["edge", *(str(word) for word in words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err.splitlines()

    return call


def test_bundle_says_what_it_was_made_of_and_nothing_of_the_files(trained, fruit: Path) -> None:
    bundle = bundles.read(trained[0])
    assert bundle.labels == LABELS
    assert (bundle.task, bundle.inputs[0].shape) == ("classify", (1, 32, 32, 3))
    counts = {name: 3 * count for name, count in COUNTS.items()}
    assert {name: bundle.data[name] for name in counts} == counts
    assert bundle.data["seed"] == 3
    assert re.fullmatch("[0-9a-f]{64}", bundle.data["sha256"])
    record = (trained[0] / "model.toml").read_text()
    assert str(fruit) not in record
    assert not any(photo.stem in record for photo in fruit.rglob("*.jpg"))


def test_both_scores_stand_side_by_side_with_their_intervals(trained) -> None:
    out, result = trained
    score = bundles.read(out).score
    assert score is not None
    assert score.float.n == score.int8.n == 3 * COUNTS["test"]
    lines = [re.split(r"\s{2,}", line.strip()) for line in result.stdout.splitlines()]
    assert lines[0] == ["float", "int8"]
    values = [f"{s.value:.3f} ({s.low:.3f} to {s.high:.3f})" for s in (score.float, score.int8)]
    assert lines[1] == ["top-1", *values, "on 24 test pictures"]


def test_next_commands_are_named_and_work(trained) -> None:
    result = trained[1]
    named = [line.strip() for line in result.stdout.splitlines() if line.startswith("  edge ")]
    assert [line.split()[1] for line in named] == ["run", "inspect", "fit"]
    for line in named[1:]:
        done = run(*line.split()[1:])
        assert done.exit_code == 0, done.output


def test_progress_goes_to_stderr_alone(trained) -> None:
    result = trained[1]
    for stage in ("reading pictures", "training 1 of 10", "calibrating"):
        assert stage in result.stderr
        assert stage not in result.stdout


def test_nothing_but_the_bundle_is_left(trained) -> None:
    assert [path.name for path in trained[0].parent.iterdir()] == [trained[0].name]


def test_training_again_makes_the_next_version_and_json(trained, fruit: Path, tmp_path) -> None:
    out = tmp_path / "again"
    shutil.copytree(trained[0], out)
    result = run("--json", "-q", "train", fruit, "--out", out, "--seed", "3", *SHORT)
    assert result.exit_code == 0, (result.output, result.exception)
    record = json.loads(result.stdout)
    first, second = bundles.read(trained[0]), bundles.read(out)
    assert (first.version, second.version, record["version"]) == (1, 2, 2)
    assert record["metric"] == "top1"
    assert second.score is not None
    assert record["int8"]["value"] == pytest.approx(second.score.int8.value, abs=1e-6)
    assert record["labels"] == list(LABELS)
    assert record["data"] == dict(first.data)  # the same pictures, divided the same way
    assert weights(second) == weights(first)  # and the same seed: the same model


def test_evaluate_finds_the_same_score_on_the_same_pictures(trained, fruit: Path) -> None:
    result = run("--json", "-q", "evaluate", trained[0], fruit)
    assert result.exit_code == 0, result.output
    score = bundles.read(trained[0]).score
    assert score is not None
    found = json.loads(result.stdout)["metrics"]["top1"]
    assert found["value"] == pytest.approx(score.int8.value, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--model", "nope"), 2, "no model 'nope'; known models: tiny-cnn, tiny-boxes"),
        (
            ("--format", "tiff"),
            2,
            "no format 'tiff'; known formats: auto, folder, yolo, coco, voc, csv",
        ),
        (("--format", "coco"), 65, "is no coco: found no JSON with images, annotations"),
        (("--epochs", "0"), 2, "0 epochs; at least 1 is needed"),
        (("--size", "7"), 2, "size 7 px; allowed: 32 to 512"),
        (("--max-drop", "2"), 2, "largest drop 2; allowed: 0 to 1"),
        (("--seed", "-1"), 2, "seed -1; allowed: 0 or more"),
        (("--golden-pictures", "-1"), 2, "-1 golden pictures; allowed: 0 or more"),
        (("--model", "tiny-boxes"), 65, "models for them: tiny-cnn"),
        (("--format", "csv"), 65, "must hold exactly one CSV of boxes; found none"),
    ],
)
def test_words_that_do_not_fit_end_with_a_line_and_a_code(
    edge: Edge, fruit: Path, tmp_path: Path, words: tuple[str, ...], code: int, line: str
) -> None:
    ended, lines = edge("-q", "train", fruit, "--out", tmp_path / "x", *words)
    assert ended == code
    assert [text for text in lines if line in text and text.startswith("edge: ")]
    assert not any("Traceback" in text for text in lines)
    assert not (tmp_path / "x").exists()


def test_several_wrong_words_are_named_at_once(edge: Edge, fruit: Path, tmp_path: Path) -> None:
    code, lines = edge(
        "-q", "train", fruit, "--out", tmp_path / "x", "--size", "7", "--epochs", "0"
    )
    assert code == 2
    assert len([text for text in lines if text.startswith("edge: ")]) == 2


def test_missing_data_and_missing_out_have_their_codes(edge: Edge, tmp_path: Path) -> None:
    code, lines = edge("train", tmp_path / "gone", "--out", tmp_path / "x")
    assert (code, lines[-1].startswith("edge: no data")) == (66, True)
    assert edge("train", tmp_path)[0] == 2


def test_file_in_the_way_is_found_before_the_training(edge: Edge, fruit: Path, tmp_path) -> None:
    (tmp_path / "x").write_text("mine")
    code, lines = edge("-q", "train", fruit, "--out", tmp_path / "x")
    assert code == 74
    assert "is there and is no bundle" in lines[-1]
    assert (tmp_path / "x").read_text() == "mine"


def test_data_that_teach_nothing_end_with_every_fault(edge: Edge, fruit: Path, tmp_path) -> None:
    root = tmp_path / "few"
    shutil.copytree(fruit / "val", root)
    (root / "kiwi" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    code, lines = edge("-q", "train", root, "--out", tmp_path / "x")
    assert code == 65
    faults = [text for text in lines if text.startswith("edge: ")]
    assert sum("at least 8 are needed" in fault for fault in faults) == 3
    assert sum("broken.jpg" in fault for fault in faults) == 1

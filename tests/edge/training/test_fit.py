"""From pictures to a bundle, and back from a kill."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_pictures, write_folders

import edge
from edge import tflite
from edge.bundle import Bundle
from edge.errors import BadDataError, CannotWriteError, EdgeError, UsageError
from edge.operators import OPERATORS
from edge.scene import Box
from edge.training.checkpoint import Checkpoint, load, save
from edge.training.dataset import Dataset, Sample
from edge.training.thresholds import best_f1, choose
from edge.training.trainer import Progress

pytestmark = pytest.mark.train

CHILD_S = 120.0  # a child imports TensorFlow first


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Bundle, list[Progress], Path]:
    """Return a classifier of toy pictures, what was told of its training, and its folder."""
    root = write_folders(tmp_path_factory.mktemp("kinds"), *toy_pictures(180, seed=5))
    out = tmp_path_factory.mktemp("bundles") / "toys"
    told: list[Progress] = []
    bundle = edge.train(root, out, size_px=32, epochs=14, progress=told.append)
    return bundle, told, out


def boxes_dataset(count: int = 96, seed: int = 1) -> Dataset:
    """Return bright and dark squares on grey: two labels that any detector can learn."""
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        bgr = rng.integers(100, 140, (64, 64, 3)).astype(np.uint8)
        label, side = ("bright", "dark")[index % 2], int(rng.integers(16, 32))
        x, y = (int(v) for v in rng.integers(0, 64 - side, 2))
        bgr[y : y + side, x : x + side] = 250 if label == "bright" else 5
        box = Box(x / 64, y / 64, (x + side) / 64, (y + side) / 64)
        samples.append(Sample(bgr=bgr, boxes=((label, box),)))
    third = count // 4
    return Dataset(
        "detect",
        ("bright", "dark"),
        tuple(samples[: 2 * third]),
        tuple(samples[2 * third : 3 * third]),
        tuple(samples[3 * third :]),
    )


def test_classifier_learns_and_its_bundle_says_so(
    trained: tuple[Bundle, list[Progress], Path],
) -> None:
    bundle, _, out = trained
    assert bundle.labels == ("disc", "ramp", "stripes")
    assert bundle.score is not None
    assert bundle.score.metric == "top1"
    assert bundle.score.int8.value > 0.8
    assert bundle.data["train"] + bundle.data["val"] + bundle.data["test"] == 180
    assert (out / "model.toml").is_file()
    assert [p.name for p in out.parent.iterdir()] == ["toys"]  # no checkpoint is left


def test_operators_are_those_that_every_device_runs(
    trained: tuple[Bundle, list[Progress], Path],
) -> None:
    for operator in tflite.read(trained[0].model).operators:
        assert operator.op in OPERATORS
        assert operator.version <= OPERATORS[operator.op].version


def test_progress_counts_up_to_the_last_epoch(
    trained: tuple[Bundle, list[Progress], Path],
) -> None:
    epochs = [p for p in trained[1] if p.stage == "train"]
    assert [p.epoch for p in epochs] == list(range(1, len(epochs) + 1))
    assert epochs[-1].epochs == 14
    assert all(p.loss is not None and p.seconds_left is not None for p in epochs)
    assert epochs[-1].score is not None
    stages = list(dict.fromkeys(p.stage for p in trained[1]))
    assert stages[:4] == ["read", "start", "load", "train"]
    assert "score" in stages


def test_second_training_raises_the_version(
    trained: tuple[Bundle, list[Progress], Path], tmp_path: Path
) -> None:
    from edge.training.fit import next_version

    assert trained[0].version == 1
    assert next_version(trained[2]) == 2
    assert next_version(tmp_path / "none") == 1


def test_detector_learns_and_recognises(tmp_path: Path) -> None:
    dataset = boxes_dataset(320)
    scores: list[tuple[float, float]] = []
    bundle = edge.train(
        dataset,
        tmp_path / "squares",
        model="tiny-boxes",
        size_px=64,
        epochs=40,
        scored=lambda a, b: scores.append((a.f1.value, b.f1.value)),
    )
    assert bundle.score is not None
    assert bundle.score.int8.value > 0.8
    assert scores == [(bundle.score.float.value, bundle.score.int8.value)]
    sample = dataset.test[0]
    with edge.open(tmp_path / "squares") as recognizer:
        best = recognizer(sample.picture()).detections[0]
    assert best.label == sample.boxes[0][0]
    assert best.box.x0 == pytest.approx(sample.boxes[0][1].x0, abs=0.1)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"model": "huge"}, "no model 'huge'; known models: tiny-cnn, tiny-boxes"),
        ({"size_px": 50}, "size 50 px; allowed: 32 to 512 in steps of 8"),
        ({"epochs": 0}, "0 epochs; at least 1 is needed"),
        ({"seed": -1}, "seed -1; allowed: 0 or more"),
        ({"max_drop": 3.0}, "largest drop 3; allowed: 0 to 1"),
        ({"golden_pictures": -2}, "-2 golden pictures; allowed: 0 or more"),
    ],
)
def test_senseless_options_are_named_together(
    tmp_path: Path, options: dict[str, Any], fault: str
) -> None:
    with pytest.raises(UsageError) as caught:
        edge.train(tmp_path, tmp_path / "out", **options)
    assert fault in caught.value.faults
    both = {"epochs": 0, **options, "seed": -1}
    with pytest.raises(UsageError) as caught:
        edge.train(tmp_path, tmp_path / "out", **both)
    assert len(caught.value.faults) >= 2


def test_model_that_does_not_fit_the_data_names_one_that_does(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="models for them: tiny-boxes"):
        edge.train(boxes_dataset(40), tmp_path / "out", model="tiny-cnn")


def test_foreign_folder_is_refused_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("dear")
    with pytest.raises(CannotWriteError, match="is no bundle; give another name"):
        edge.train(boxes_dataset(40), tmp_path / "letters", model="tiny-boxes")


def test_rare_classes_count_more_but_not_in_full() -> None:
    from edge.training.fit import class_weights

    def some(label: str, count: int) -> tuple[Sample, ...]:
        return tuple(Sample(bgr=np.zeros((2, 2, 3), np.uint8), label=label) for _ in range(count))

    dataset = Dataset("classify", ("a", "b"), some("a", 90) + some("b", 10), (), ())
    often, rare = class_weights(dataset)
    assert rare / often == pytest.approx(3.0)
    assert 0.9 * often + 0.1 * rare == pytest.approx(1.0)


def test_threshold_is_the_middle_of_the_best() -> None:
    from edge.scene import Detection
    from edge.training.metrics import match

    box = Box(0.0, 0.0, 0.5, 0.5)
    found = [[Detection("a", 0.9, box)], [Detection("a", 0.7, box)], [Detection("a", 0.2, box)]]
    truth = [(("a", box),), (("a", box),), ()]
    assert best_f1(match(found, truth, ("a",))) == 1.0
    assert 0.2 < choose(found, truth, ("a",)).default <= 0.7


# A child that trains on squares, says each finished epoch, and at the end writes its weights.
TRAINING = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {tests!r})
from test_fit import resumable
model = resumable(Path({folder!r}), {resume}, lambda p: print(p.epoch, flush=True))
np.savez({folder!r} + "/{name}.npz", *[v.numpy() for v in model.variables])
"""


def resumable(folder: Path, resume: bool, report: Callable[[Progress], None]) -> Any:
    """Train a small detector for six epochs with a checkpoint in `folder`; return the model."""
    from edge.training.quiet import import_tensorflow

    import_tensorflow()
    import keras

    from edge.training.augment import Variation
    from edge.training.batches import Plan, store
    from edge.training.losses import boxes_loss
    from edge.training.networks import NETWORKS
    from edge.training.trainer import Job, Schedule, run

    network = NETWORKS["tiny-boxes"]
    keras.utils.set_random_seed(3)
    dataset = boxes_dataset(96)
    model = network.build((64, 64, 3), 2)
    job = Job(
        model=model,
        loss=boxes_loss,
        pictures=store(dataset.train, dataset.labels, (64, 64)),
        plan=Plan((64, 64), 16, 3, Variation(), network.decode),
        schedule=Schedule(6, 5e-3),
        score=lambda: float(np.mean([np.abs(v.numpy()).mean() for v in model.variables[:3]])),
        key="squares",
        checkpoint=folder / "training.npz",
    )
    run(job, resume, report)
    return model


def child(folder: Path, resume: bool, name: str) -> "subprocess.Popen[str]":
    code = TRAINING.format(
        tests=str(Path(__file__).parent), folder=str(folder), resume=resume, name=name
    )
    tests = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tests.parent,
        env={**__import__("os").environ, "PYTHONPATH": f"{tests.parent}:{tests}"},
    )


def weights(path: Path) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[name] for name in file.files]


def test_killed_training_resumes_to_the_weights_of_an_undisturbed_one(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    undisturbed = child(whole, False, "end")
    first = child(killed, False, "never")
    assert first.stdout is not None
    for line in first.stdout:  # one line an epoch; the checkpoint of that epoch is written
        if int(line) == 3:
            break
    first.send_signal(signal.SIGKILL)
    assert first.wait(CHILD_S) == -signal.SIGKILL
    first.stdout.close()
    assert not (killed / "never.npz").exists()
    again = child(killed, True, "end")
    epochs = again.communicate(timeout=CHILD_S)[0].split()
    assert again.returncode == 0
    assert epochs[-1] == "6"
    assert 4 <= int(epochs[0]) <= 5  # the kill may come after one epoch more
    assert undisturbed.communicate(timeout=CHILD_S)[0].split() == list("123456")
    for ours, theirs in zip(weights(killed / "end.npz"), weights(whole / "end.npz"), strict=True):
        assert np.array_equal(ours, theirs)


def checkpoint(key: str = "k") -> Checkpoint:
    some = (np.arange(3.0), np.ones((2, 2)))
    return Checkpoint(key, 4, some, (np.int64(7) * np.ones(1),), some[::-1], 0.5, 3)


def test_checkpoint_reads_back(tmp_path: Path) -> None:
    save(checkpoint(), tmp_path / "c.npz")
    found = load(tmp_path / "c.npz", "k")
    assert (found.epoch, found.best_score, found.best_epoch) == (4, 0.5, 3)
    assert [a.shape for a in found.model] == [(3,), (2, 2)]
    assert [a.shape for a in found.best] == [(2, 2), (3,)]
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"]


def test_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    save(checkpoint("grocery"), tmp_path / "c.npz")
    with pytest.raises(BadDataError, match="other data or settings"):
        load(tmp_path / "c.npz", "cards")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04torn", b"words"])
def test_damaged_checkpoint_says_how_to_go_on(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(EdgeError, match="start again without --resume"):
        load(tmp_path / "c.npz", "k")

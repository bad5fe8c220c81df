"""`edge quantize` says what it made, and ends with the exit code of what went wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from toys import KINDS, toy_classifier, toy_pictures

from edge import bundle as bundles
from edge.cli import cli
from edge.errors import EdgeError

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a trained model, labelled data and labels."""
    folder = tmp_path_factory.mktemp("files")
    toy_classifier().save(folder / "kinds.keras")
    pixels, numbers = toy_pictures(60, seed=2)
    np.savez(folder / "data.npz", x=pixels, y=numbers)
    (folder / "labels.txt").write_text("\n".join(KINDS))
    return folder


def test_json_holds_scores_parity_and_notes(files: Path) -> None:
    out = files / "bundle"
    words = ["quantize", files / "kinds.keras", "--data", files / "data.npz", "--out", out]
    words += ["--labels", files / "labels.txt", "--mean", "127.5", "--std", "127.5,127.5,127.5"]
    done = CliRunner().invoke(cli, ["-q", "--json", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    assert record["bundle"] == str(out)
    assert record["score"]["float"]["n"] == 60
    assert record["parity"][0]["output"] == "scores"
    assert abs(record["drop"]["value"]) < 0.1
    bundle = bundles.read(out)
    assert bundle.labels == KINDS
    assert bundle.inputs[0].std == (127.5, 127.5, 127.5)


def test_a_saved_model_becomes_the_same_bundle_as_the_keras_file(files: Path) -> None:
    import keras

    keras.models.load_model(files / "kinds.keras").export(files / "saved", verbose=False)
    models = []
    for source in ("kinds.keras", "saved"):
        out = files / f"{source}.bundle"
        words = ["quantize", files / source, "--data", files / "data.npz", "--out", out]
        words += ["--labels", files / "labels.txt", "--mean", "127.5", "--std", "127.5"]
        done = CliRunner().invoke(cli, ["-q", *map(str, words)], catch_exceptions=False)
        assert done.exit_code == 0
        models.append(bundles.read(out))
    from_keras, from_saved = models
    assert from_saved.labels == KINDS
    assert from_saved.task == "classify"
    assert [o.shape for o in from_saved.outputs] == [o.shape for o in from_keras.outputs]
    assert from_saved.score is not None
    assert from_keras.score is not None
    assert from_saved.score.int8 == from_keras.score.int8


@pytest.mark.parametrize(("words", "code", "expected"), [
    (["absent.keras"], 66, "no model 'absent.keras'"),
    (["kinds.keras", "--mean", "a"], 2, "--mean is 'a'"),
    (["kinds.keras", "--std", "0"], 2, "--std is '0'"),
    (["kinds.keras", "--labels", "absent.txt"], 66, "no label file 'absent.txt'"),
    (["kinds.keras", "--data", "absent"], 66, "no calibration data 'absent'"),
    (["labels.txt"], 65, "allowed: .keras, .h5, a SavedModel"),
])  # fmt: skip
def test_mistakes_have_their_exit_codes(
    files: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, expected: str
) -> None:
    monkeypatch.chdir(files)
    given = [*words] if "--data" in words else [*words, "--data", "data.npz"]
    with pytest.raises(EdgeError) as caught:
        CliRunner().invoke(
            cli, ["-q", "quantize", *given, "--out", "never"], catch_exceptions=False
        )
    assert caught.value.exit_code == code
    assert expected in caught.value.faults[0]
    assert not (files / "never").exists()

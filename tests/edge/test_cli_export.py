"""`edge export` writes C that was compared, and nothing where it cannot."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import cli

pytestmark = pytest.mark.train


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(word) for word in words], obj={})
    assert done.exception is None or isinstance(done.exception, SystemExit | Exception)
    return done.exit_code, done.output


def test_a_model_is_written_and_said_to_equal_its_runtime(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "mlperf-tiny" / "kws_ref_model.tflite"
    code, said = run(
        "--json", "export", model, "--target", "c99", "--out", tmp_path, "--name", "kws"
    )
    assert code == 0, said
    record = json.loads(said)
    assert record["checks"][0].startswith("against TensorFlow Lite Micro: equal in all")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "kws.c", "kws.h", "kws_selftest.c", "kws_weights.c",
    ]  # fmt: skip


def test_a_float_model_leaves_the_folder_empty(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "tflite-micro" / "hello_world_float.tflite"
    code, _ = run("export", model, "--target", "c99", "--out", tmp_path)
    assert code != 0
    assert list(tmp_path.iterdir()) == []

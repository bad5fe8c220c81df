"""`edge compile`: the compiled model in the bundle, whole or not at all."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from coral_compiler import NAME, install, set_mode

from edge import bundle
from edge.cli import cli, main

pytestmark = pytest.mark.train


@pytest.fixture
def made(shared: Path, tmp_path: Path) -> Path:
    """Return a bundle of a public classifier, with golden vectors and a key of a newer version."""
    bare = bundle.read(shared / "data" / "coral" / f"{NAME}.tflite")
    labels = tuple(f"label {index}" for index in range(1001))
    whole = replace(
        bare, name="objects", labels=labels, requires={"macs": 7}, extra={"colour": "blue"}
    )
    rng = np.random.default_rng(3)
    golden = {
        "input0": rng.integers(0, 256, (2, 1, 128, 128, 3)).astype(np.uint8),
        "output0": rng.integers(0, 256, (2, 1, 1001)).astype(np.uint8),
    }
    bundle.write(whole, tmp_path / "objects", golden)
    return tmp_path / "objects"


@pytest.fixture
def compiler(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = install(tmp_path / "bin", shared)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, list[str]]:
    monkeypatch.setattr(sys, "argv", ["edge", "compile", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, capsys.readouterr().err.splitlines()


def test_the_compiled_model_is_in_the_bundle_and_the_rest_stays(
    made: Path, compiler: Path, shared: Path
) -> None:
    before, old = contents(made), bundle.read(made)
    said = run("compile", str(made))
    after, new = contents(made), bundle.read(made)
    twin = shared / "data" / "coral" / f"{NAME}_edgetpu.tflite"
    assert after["model_edgetpu.tflite"] == twin.read_bytes()
    assert after["model.tflite"] == before["model.tflite"]
    assert after["labels.txt"] == before["labels.txt"]
    assert new.requires == {"macs": 7, "edgetpu_runtime_min": 12}
    assert new.extra["colour"] == "blue"
    assert new.golden == old.golden
    for one, other in zip(
        bundle.load_golden(new).inputs, bundle.load_golden(old).inputs, strict=True
    ):
        assert np.array_equal(one, other)
    assert "801,454 bytes, for runtime version 12 and later" in said
    assert "31 of 31 operators on the Edge TPU" in said
    assert "weights on the chip 491,520 bytes" in said
    assert [path.name for path in made.parent.iterdir() if path.name.startswith(".")] == []


def test_compiling_again_changes_nothing(made: Path, compiler: Path) -> None:
    run("compile", str(made))
    before = contents(made)
    run("compile", str(made), "--min-runtime", "12")
    assert contents(made) == before
    assert (compiler.parent / "runtime").read_text() == "12"


def test_json_holds_the_report(made: Path, compiler: Path) -> None:
    set_mode(compiler, "partly")
    record: dict[str, Any] = json.loads(run("--json", "compile", str(made)))
    assert (record["runtime_min"], record["bytes"]) == (12, 801_454)
    assert (record["report"]["mapped"], record["report"]["operators"]) == (30, 31)
    assert record["report"]["off_chip_bytes"] == round(1.22 * (1 << 20))


def test_what_is_on_the_processor_and_streamed_is_said(made: Path, compiler: Path) -> None:
    set_mode(compiler, "partly")
    said = run("compile", str(made))
    assert "30 of 31 operators on the Edge TPU" in said
    assert "on the processor: 1 x SOFTMAX: More than one subgraph is not supported" in said
    assert "1,279,263 bytes of weights are streamed: slower" in said


def test_a_signature_is_removed_and_said(made: Path, compiler: Path) -> None:
    (made / "model.toml.sig").write_bytes(b"of what it was")
    assert "the signature was of the bundle as it was, and is removed" in run("compile", str(made))
    assert not (made / "model.toml.sig").exists()


def test_inspect_shows_what_the_bundle_needs_then(made: Path, compiler: Path) -> None:
    run("compile", str(made))
    said = run("inspect", str(made))
    assert (
        "Edge TPU: model_edgetpu.tflite is compiled for it and needs its runtime in version 12"
        in said
    )


@pytest.mark.parametrize(
    ("mode", "code", "first"),
    [
        ("none", 1, "edge: edgetpu_compiler mapped none of 31 operators"),
        ("internal", 65, "edge: edgetpu_compiler: Internal compiler error. Aborting!"),
        ("other", 65, "edge: edgetpu_compiler gave a model with inputs"),
    ],
)
def test_a_failure_leaves_the_bundle_as_it_was(
    made: Path, compiler: Path, mode: str, code: int, first: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = contents(made)
    set_mode(compiler, mode)
    ended_with, lines = ended(monkeypatch, capsys, str(made))
    assert ended_with == code
    assert lines[0].startswith(first)
    assert contents(made) == before


def test_without_the_compiler_it_ends_with_69(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, (line,) = ended(monkeypatch, capsys, str(made))
    assert code == 69
    assert line.startswith("edge: edgetpu_compiler is not on PATH")


def test_a_bare_model_is_no_bundle(
    shared: Path,
    compiler: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = shared / "data" / "coral" / f"{NAME}.tflite"
    code, (line,) = ended(monkeypatch, capsys, str(file))
    assert code == 2
    assert line == f"edge: {file} is no bundle; edge compile takes a bundle's folder"

"""`edge export` writes C that was compared, and nothing where it cannot."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import cli
from edge.errors import EdgeError

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
        "kws.c", "kws.h", "kws_selftest.c", "kws_weights.c", "report.json", "report.md",
    ]  # fmt: skip


def test_a_float_model_leaves_the_folder_empty(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "tflite-micro" / "hello_world_float.tflite"
    code, _ = run("export", model, "--target", "c99", "--out", tmp_path)
    assert code != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("cmake")
@pytest.mark.parametrize("kind", ["make", "cmake"])
def test_a_project_builds_and_passes_its_own_self_test(
    shared: Path, tmp_path: Path, kind: str
) -> None:
    said = built(shared, tmp_path, kind, "c99")
    assert "hello: 4 vectors equal" in said


@pytest.mark.needs("arm", "cmake")
@pytest.mark.parametrize("kind", ["make", "cmake"])
def test_a_project_for_a_cortex_runs_on_its_emulated_machine(
    shared: Path, tmp_path: Path, kind: str
) -> None:
    said = built(shared, tmp_path, kind, "cortex-m4")
    assert "hello: 4 vectors equal" in said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["stack_bytes"] <= 640
    assert f"#define HELLO_STACK_BYTES {report['stack_bytes']}u" in (
        (tmp_path / "hello.h").read_text()
    )


@pytest.mark.needs("cmake")
def test_a_project_whose_input_and_output_are_the_callers(shared: Path, tmp_path: Path) -> None:
    said = built(shared, tmp_path, "make", "c99", "--io", "caller")
    assert "hello: 4 vectors equal" in said
    assert "hello_input0" not in (tmp_path / "hello.h").read_text()


def built(shared: Path, folder: Path, kind: str, target: str, *more: str) -> str:
    model = shared / "data" / "tflite-micro" / "hello_world_int8.tflite"
    words = ["--target", target, "--out", folder, "--name", "hello", "--project", kind, *more]
    code, said = run("export", model, *words)
    assert code == 0, said
    commands = {
        "make": [["make", "run"]],
        "cmake": [["cmake", "-B", "build"], ["cmake", "--build", "build", "--target", "run"]],
    }
    out = ""
    for command in commands[kind]:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        out += done.stdout + done.stderr
        assert done.returncode == 0, out
    return out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--target", "c99", "--ram-limit", "8000"], "RAM 8,512 bytes (arena) is 512 above"),
        (["--target", "c99", "--flash-limit", "30000"], "of --flash-limit"),
        (["--board", "microbit-v2", "--ram-limit", "8000"], "boards: "),
    ],
)
def test_a_limit_ends_with_1_says_what_would_fit_and_writes_nothing(
    shared: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    model = shared / "data" / "mlperf-tiny" / "kws_ref_model.tflite"
    done = CliRunner().invoke(cli, ["export", str(model), "--out", str(tmp_path), *words])
    assert isinstance(done.exception, EdgeError | SystemExit)
    said = done.output + str(done.exception)
    assert getattr(done.exception, "exit_code", done.exit_code) == 1
    assert says in said
    assert "it fits RAM 8,512" in said
    assert list(tmp_path.iterdir()) == []


def test_a_board_stands_for_its_core(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "tflite-micro" / "hello_world_int8.tflite"
    code, said = run("export", model, "--board", "nrf52840-dk", "--out", tmp_path, "--no-verify")
    assert code == 0, said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["target"] == "cortex-m4"
    assert any(board["id"] == "nrf52840-dk" and board["fits"] for board in report["boards"])
    assert "## Arena" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    "words", [[], ["--target", "c99", "--board", "pico"], ["--board", "rpi-4"]]
)
def test_a_core_or_a_microcontroller_must_be_named(
    shared: Path, tmp_path: Path, words: list[str]
) -> None:
    model = shared / "data" / "tflite-micro" / "hello_world_int8.tflite"
    done = CliRunner().invoke(cli, ["export", str(model), "--out", str(tmp_path), *words])
    assert getattr(done.exception, "exit_code", done.exit_code) == 2

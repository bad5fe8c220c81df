"""`edge fit` on public models: what fits where, what is missing, and the exit codes."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import devices
from edge import tflite
from edge.cli import cli, main
from edge.cli.fit import is_full_int8, needs_of
from edge.errors import BadDataError, EdgeError, NotFoundError
from firmware_export import export

KWS = "mlperf-tiny/kws_ref_model.tflite"
VWW = "mlperf-tiny/vww_96_int8.tflite"
MOBILENET = "coral/mobilenet_v2_1.0_224_quant.tflite"
# file, full int8 or uint8
TYPES = [
    (KWS, True),
    (VWW, True),
    (MOBILENET, True),
    ("coral/traffic_model.tflite", True),
    ("coral/split_concat_edgetpu.tflite", True),
    ("tflite-micro/trained_lstm_int8.tflite", True),
    ("mlperf-tiny/kws_ref_model_float32.tflite", False),
    ("mlperf-tiny/vww_96_float.tflite", False),
    ("tensorflow-examples/mobilenet_v2_035_96_embedder_with_metadata.tflite", False),
]
MODEL_TOML = """
format = 1
name = "kws"
version = 1
task = "classify"
created = 2026-11-25T10:12:00Z
created_by = "a test"
license = "Apache-2.0"
[[input]]
name = "input_1"
kind = "tensor"
shape = [1, 49, 10, 1]
dtype = "int8"
scale = 0.5847029089927673
zero_point = 83
[[output]]
name = "Identity"
role = "scores"
shape = [1, 12]
dtype = "int8"
scale = 0.00390625
zero_point = -128
[decode]
decoder = "classify"
[thresholds]
default = 0.5
[files]
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def report(*words: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(run("--json", "fit", *words).stdout)
    return record


@pytest.mark.parametrize(("file", "full"), TYPES)
def test_full_int8_is_told_from_float_and_hybrid(shared: Path, file: str, full: bool) -> None:
    assert is_full_int8(tflite.read((shared / "data" / file).read_bytes())) is full


def test_keyword_spotting_fits_every_board(shared: Path) -> None:
    result = run("fit", str(shared / "data" / KWS))
    assert result.exit_code == 0, result.output
    assert "Estimated" in result.output
    rows = {words[0]: words[1] for words in map(str.split, result.output.splitlines()) if words}
    assert all(rows[board.id] == "yes" for board in devices.boards())


def test_needs_are_the_known_figures_of_the_model(shared: Path) -> None:
    content = (shared / "data" / KWS).read_bytes()
    needs = needs_of(content, tflite.read(content))
    assert needs.model_bytes == 53_936
    assert needs.ram_bytes == 16_000
    assert needs.macs == 2_656_768
    assert (needs.int8, needs.custom_ops) == (True, ())


def test_flash_is_weights_and_the_code_allowance(
    shared: Path,
) -> None:
    record = report(str(shared / "data" / VWW))
    assert record["needs"]["ram_bytes"] == 55_296
    flash = {board["id"]: board["flash_bytes"] for board in record["boards"]}
    planned = record["needs"]["planned"]
    assert flash["pico"] == planned["weight_bytes"] + 10_240
    ram = {board["id"]: board["ram_bytes"] for board in record["boards"]}
    made = export((shared / "data" / VWW).read_bytes()).report
    assert ram["pico"] == planned["ram_bytes"] == made["arena_bytes"] < 55_296
    assert planned["weight_bytes"] == made["weight_bytes"]
    assert all(board["estimated"] is True for board in record["boards"])


def test_what_is_missing_is_said_in_bytes(shared: Path) -> None:
    path = str(shared / "data" / MOBILENET)
    result = run("fit", path, "--board", "pico-2", "--board", "rpi-zero-2w")
    assert result.exit_code == 1
    (pico, zero) = report(path, "--board", "pico-2", "--board", "rpi-zero-2w")["boards"]
    assert (pico["fits"], zero["fits"]) == (False, True)
    (fault,) = pico["faults"]
    assert (fault["what"], fault["missing_bytes"]) == ("ram", 1_505_280 - 524_288)
    assert "RAM 980,992" in result.output
    assert pico["ram_part"] == pytest.approx(1_505_280 / 524_288)


def test_named_boards_that_fit_end_with_exit_code_0(shared: Path) -> None:
    result = run("fit", str(shared / "data" / KWS), "--board", "pico", "--board", "coral-usb")
    assert result.exit_code == 0, result.output
    assert "nano-33-ble" not in result.output
    assert "coral-usb: needs a host: Linux with USB" in result.output


def test_a_large_model_for_all_boards_ends_with_0_while_one_fits(shared: Path) -> None:
    assert run("fit", str(shared / "data" / MOBILENET)).exit_code == 0


def test_a_model_that_fits_nowhere_ends_with_exit_code_1(shared: Path) -> None:
    result = run("fit", str(shared / "data" / "tflite-micro/person_detect_vela.tflite"))
    assert result.exit_code == 1, result.output
    assert "custom operator ethos-u is not known here" in result.output


def test_a_float_model_is_told_how_to_fit(shared: Path) -> None:
    path = str(shared / "data" / "mlperf-tiny/kws_ref_model_float32.tflite")
    result = run("fit", path, "--board", "pico")
    assert result.exit_code == 1
    assert "not int8" in result.output
    assert "edge quantize" in result.output


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ("coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite", "coral-usb"),
        ("coral/split_concat_edgetpu.tflite", "coral-dev-board"),
    ],
)
def test_a_compiled_model_fits_only_beside_an_edge_tpu(shared: Path, file: str, fits: str) -> None:
    path = str(shared / "data" / file)
    assert run("fit", path, "--board", fits).exit_code == 0
    assert run("fit", path, "--board", "rpi-5").exit_code == 1


def test_a_bundle_is_judged_by_the_model_in_it(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kws"
    folder.mkdir()
    # By hand: what writes bundles is not installed on a board.
    labels = "".join(f"word{index}\n" for index in range(12))
    model = (shared / "data" / KWS).read_bytes()
    files = {"model.tflite": model, "labels.txt": labels.encode()}
    record = MODEL_TOML
    for name, content in files.items():
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        record += f'"{name}" = {{ bytes = {len(content)}, sha256 = "{digest}" }}\n'
    (folder / "model.toml").write_text(record)
    assert report(str(folder))["needs"] == report(str(shared / "data" / KWS))["needs"]


def test_a_folder_that_is_no_bundle_ends_in_clear_lines(tmp_path: Path) -> None:
    error = run("fit", str(tmp_path)).exception
    assert isinstance(error, EdgeError)
    assert "model.toml" in str(error)


def test_all_unknown_boards_are_named_at_once(shared: Path) -> None:
    result = run("fit", str(shared / "data" / KWS), "--board", "a1", "--board", "b2")
    assert isinstance(result.exception, NotFoundError)
    assert [fault[:14] for fault in result.exception.faults] == ["no board 'a1';", "no board 'b2';"]


def test_a_missing_model_is_not_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "fit", "none.tflite"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 66
    assert capsys.readouterr().err.startswith("edge: no model 'none.tflite'")


def test_a_file_that_is_no_model_is_bad_data(tmp_path: Path) -> None:
    path = tmp_path / "junk.tflite"
    path.write_bytes(b"junk")
    assert isinstance(run("fit", str(path)).exception, BadDataError)

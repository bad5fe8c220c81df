"""`edge inspect`: figures of public models, and one line for what is none."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli import cli, main

VWW = "mlperf-tiny/vww_96_int8.tflite"


def text_of(file: Path) -> str:
    result = CliRunner().invoke(cli, ["inspect", str(file)])
    assert result.exit_code == 0, result.output
    return result.stdout


def record_of(file: Path) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["--json", "inspect", str(file)])
    assert result.exit_code == 0, result.output
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def test_figures_of_a_known_model(shared: Path) -> None:
    record = record_of(shared / "data" / VWW)
    assert record["macs"] == 7_489_664
    assert record["live_tensor_bound_bytes"] == 55_296
    assert record["file_bytes"] == 333_288
    assert record["inputs"][0]["shape"] == [1, 96, 96, 3]
    assert record["outputs"][0]["role"] == "scores"
    assert sum(row["macs"] for row in record["operators"]) == record["macs"]
    rows = {row["op"]: (row["count"], row["version"]) for row in record["operators"]}
    assert rows["CONV_2D"] == (14, 3)


def test_people_read_the_same(shared: Path) -> None:
    text = text_of(shared / "data" / VWW)
    for words in (
        "7,489,664 multiply-accumulates",
        "live tensors at least 55,296 bytes",
        "14 x CONV_2D version 3",
        "int8 [1, 96, 96, 3] scale 0.00392156886 zero point -128",
        "metadata none",
        "signature none",
        "guessed: input 'input_1_int8': int8 value = pixel - 128",
    ):
        assert words in text


def test_metadata_and_labels_are_shown(shared: Path) -> None:
    text = text_of(shared / "data" / "coral" / "mobilenet_v2_1.0_224_quant.tflite")
    assert "output 'probability': feature 1001 labels" in text
    assert "and 991 more; label 0 is the background" in text
    assert "mean 127.5 std 127.5" in text


def test_custom_operators_are_marked(shared: Path) -> None:
    text = text_of(shared / "data" / "coral" / "split_concat_edgetpu.tflite")
    assert "1 x edgetpu-custom-op version 1 (custom)" in text


def test_a_compiled_model_says_which_runtime_it_needs(shared: Path) -> None:
    for name, version in (("split_concat", 13), ("mobilenet_v1_0.25_128_quant", 12)):
        file = shared / "data" / "coral" / f"{name}_edgetpu.tflite"
        said = f"needs its runtime in version {version} or newer"
        assert f"Edge TPU: this model is compiled for it and {said}" in text_of(file)
        assert record_of(file)["edgetpu"]["compiled"]["runtime_min"] == version


def test_a_broken_package_is_said_and_the_rest_is_shown(shared: Path, tmp_path: Path) -> None:
    content = (shared / "data" / "coral" / "split_concat_edgetpu.tflite").read_bytes()
    assert content.count(b"DWN1") == 1
    file = tmp_path / "broken.tflite"
    file.write_bytes(content.replace(b"DWN1", b"DWN0", 1))
    text = text_of(file)
    assert "Edge TPU: this model: operator 0 (edgetpu-custom-op): its package has b'DWN0'" in text
    assert "1 x edgetpu-custom-op version 1 (custom)" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("coral/mobilenet_v1_0.25_128_quant",
         "all 31 operators map; runtime 10 or newer; 478,812 bytes of weights fit on the chip"),
        ("coral/traffic_model",
         "on the processor: 1 x TFLite_Detection_PostProcess: is no operator of the Edge TPU"),
        ("coral/traffic_model", "perhaps not: RESIZE_NEAREST_NEIGHBOR depends on its sizes"),
        ("mlperf-tiny/vww_96_int8",
         "the compiler refuses it: sizes may change (-1): convert with a fixed batch of 1"),
        ("coral/model_invoking_error", "no operator maps"),
    ],
)  # fmt: skip
def test_what_would_map_is_said(shared: Path, name: str, said: str) -> None:
    text = text_of(shared / "data" / f"{name}.tflite")
    assert "Edge TPU (predicted, nothing was compiled): " in text
    assert said in text


def test_what_would_map_is_in_the_record(shared: Path) -> None:
    record = record_of(shared / "data" / "openmv" / "fomo_face_detection.tflite")
    predicted = record["edgetpu"]["predicted"]
    assert (predicted["operators"], predicted["mapped"], predicted["refusals"]) == (27, 26, [])
    (row,) = predicted["on_processor"]
    assert (row["op"], row["count"]) == ("SOFTMAX", 1)
    assert predicted["source"].startswith("https://coral.ai/docs/edgetpu/models-intro/")


def test_a_model_for_the_cpu_is_not_called_compiled(shared: Path) -> None:
    assert record_of(shared / "data" / VWW)["edgetpu"]["compiled"] is None


def test_every_model_at_hand_is_shown(shared: Path) -> None:
    files = sorted((shared / "data").glob("*/*.tflite"))
    assert len(files) > 25
    for file in files:
        assert str(file) in text_of(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no model at all", "not a TFLite model"), (None, "truncated"), (b"", "not a TFLite model")],
)
def test_a_broken_file_ends_with_65_and_one_line(
    shared: Path, tmp_path: Path, content: bytes | None, said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "broken.tflite"
    file.write_bytes((shared / "data" / VWW).read_bytes()[:9000] if content is None else content)
    code, err = ended(monkeypatch, capsys, file)
    assert code == 65
    assert len(err.splitlines()) == 1
    assert str(file) in err
    assert said in err


def test_a_missing_file_ends_with_66(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, err = ended(monkeypatch, capsys, tmp_path / "none.tflite")
    assert code == 66
    assert err.startswith("edge: no model ")


def ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> tuple[int, str]:
    """Return the exit code and standard error of the command line itself."""
    monkeypatch.setattr(sys, "argv", ["edge", "inspect", str(file)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code, capsys.readouterr().err

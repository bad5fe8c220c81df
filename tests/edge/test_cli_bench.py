"""`edge bench` counts an inference on an emulated core, layer by layer."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import cli

pytestmark = [pytest.mark.train, pytest.mark.needs("arm")]


def test_the_layers_add_up_to_the_inference_and_the_answers_are_checked(shared: Path) -> None:
    model = shared / "data" / "tflite-micro" / "hello_world_int8.tflite"
    done = CliRunner().invoke(cli, ["--json", "bench", str(model), "--target", "cortex-m4"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    layers = sum(layer["instructions"] for layer in record["layers"])
    assert 0 < layers < record["instructions"] < layers + 200
    assert record["checked"] is True
    assert record["macs"] == 16 + 256 + 16
    again = CliRunner().invoke(cli, ["bench", str(model), "--target", "cortex-m4"])
    assert f"{record['instructions']:,}" in again.output


def test_an_unknown_core_is_a_usage_error_that_names_the_known_ones(shared: Path) -> None:
    model = shared / "data" / "tflite-micro" / "hello_world_int8.tflite"
    done = CliRunner().invoke(cli, ["bench", str(model), "--target", "z80"])
    assert "cortex-m4" in str(done.exception or done.output)

"""Exported C equals the named runtime in every byte, and says no where it would not."""

import re
from pathlib import Path

import pytest

from edge.errors import BadDataError
from firmware_export import export, oracle, toolchain, vectors, verify
from firmware_export.node import Rounding

EXACT = (
    "tflite-micro/hello_world_int8.tflite",
    "tflite-micro/simple_add_model.tflite",
    "mlperf-tiny/ad01_int8.tflite",
    "mlperf-tiny/kws_ref_model.tflite",
    "mlperf-tiny/pretrainedResnet_quant.tflite",
    "mlperf-tiny/vww_96_int8.tflite",
)
INPUTS = 6
FLAGS = ("-O1", *toolchain.SANITIZERS)

pytestmark = pytest.mark.train  # the oracles come with the host's extra


@pytest.mark.parametrize("rounding", ["tflm", "litert"])
@pytest.mark.parametrize("path", EXACT)
def test_every_byte_equals_the_named_runtime(shared: Path, path: str, rounding: Rounding) -> None:
    made = export(shared / "data" / path, rounding=rounding)
    inputs = vectors.synthetic(made.model.inputs, INPUTS)
    got = verify.compiled_answers(made.model, dict(made.files), inputs, FLAGS)
    want = oracle.answers(made.model.content, inputs, rounding)
    verdict = verify.compare(got, want)
    assert verdict.different == 0, verdict.text
    spread = max(int(w.max()) - int(w.min()) for w in want)
    assert spread > 8, f"outputs spread over {spread} steps only: any wrong answer would pass"


def test_the_same_model_gives_the_same_text(shared: Path) -> None:
    path = shared / "data" / "mlperf-tiny" / "kws_ref_model.tflite"
    assert export(path).files == export(path).files


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("tflite-micro/hello_world_float.tflite", "float32, not int8"),
        ("tflite-micro/person_detect_vela.tflite", "export the CPU model"),
        ("tflite-micro/keyword_scrambled_8bit.tflite", "SVDF"),
        ("suites/micro-wake-word/models/v2/alexa.tflite", "ASSIGN_VARIABLE"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_every_reason(
    shared: Path, path: str, says: str
) -> None:
    with pytest.raises(BadDataError) as caught:
        export(shared / "data" / path)
    assert says in str(caught.value)
    assert all(re.match(r"operator \d+ ", fault) for fault in caught.value.faults)

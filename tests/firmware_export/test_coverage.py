"""What each class of public model is exported or refused for."""

import json
import re
from pathlib import Path

import pytest

from edge.errors import BadDataError
from firmware_export import export

SMALL_BYTES = 12_000
# Operators of full-int8 and full-uint8 models that the table lacks so far.
LACKING = (
    "BATCH_MATMUL", "DIV", "DYNAMIC_UPDATE_SLICE", "EQUAL", "GATHER", "GATHER_ND", "GELU", "LSTM",
    "MIRROR_PAD", "NOT_EQUAL", "REDUCE_MIN", "SELECT", "SELECT_V2", "SQUARED_DIFFERENCE", "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
)  # fmt: skip
# Files that contradict themselves or stay partly in int32, with what is said of them.
ODD = {
    "LiteRT__add_unknown_dimensions.int8.tflite": "broadcast of",
    "mediapipe__feedback_tensor_test_model.int8.tflite": "int32, not int8",
    "tflite2onnx__transposeconv-validpad-stride2_float32.int8.tflite": "have a zero point",
    "tflite2onnx__transposeconv-validpad_float32.int8.tflite": "have a zero point",
}
TRUE_REASONS = {
    "float": "not int8|not supported|custom operator", "hybrid": "not int8",
    "int16x8": "not int8|not supported",
    "custom-float": "custom operator|not int8",
    "edgetpu-compiled": "custom operator", "ethos-u-compiled": "custom operator",
}  # fmt: skip


def small(shared: Path, *kinds: str) -> list[tuple[Path, str]]:
    suites = shared / "data" / "suites"
    records = json.loads((suites / "manifest.json").read_text())["models"]
    found = [(suites / r["file"], r["cls"]) for r in records if r["cls"] in kinds]
    return [(path, kind) for path, kind in found if path.stat().st_size < SMALL_BYTES]


def test_small_full_integer_models_are_exported_or_name_what_lacks(shared: Path) -> None:
    models, wrong, refused = small(shared, "full-int8", "full-uint8"), [], 0
    for path, _ in models:
        try:
            export(path)
        except BadDataError as error:
            refused += 1
            known = ODD.get(path.name, "") or rf" ({'|'.join(LACKING)}): not supported"
            if not re.search(known, "\n".join(error.faults)):
                wrong.append(f"{path.name}: {error.faults[0]}")
    assert wrong == []
    assert refused < 0.25 * len(models)


def test_small_models_of_other_classes_are_refused_with_the_true_reason(shared: Path) -> None:
    wrong = []
    for path, kind in small(shared, *TRUE_REASONS):
        with pytest.raises(BadDataError) as caught:
            export(path)
        if not re.search(TRUE_REASONS[kind], "\n".join(caught.value.faults)):
            wrong.append(f"{path.name}: {caught.value.faults}")
    assert wrong == []

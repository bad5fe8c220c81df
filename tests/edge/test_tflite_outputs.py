"""A model with other outputs is the same model, seen from inside."""

from pathlib import Path

import pytest

from edge import tflite
from edge.errors import BadDataError

MODEL = "mlperf-tiny/kws_ref_model.tflite"


@pytest.fixture
def content(shared: Path) -> bytes:
    return (shared / "data" / MODEL).read_bytes()


def test_another_tensor_comes_out_and_nothing_else_changes(content: bytes) -> None:
    before = tflite.read(content)
    inner = before.operators[0].outputs[0]
    changed = tflite.with_outputs(content, [inner])
    after = tflite.read(changed)
    assert after.outputs == (inner,)
    assert after.operators == before.operators
    assert sum(a != b for a, b in zip(content, changed, strict=True)) <= 4


@pytest.mark.parametrize(
    ("outputs", "says"),
    [([], "0 tensors given; the model has 1"), ([9999], "[9999]"), ([-1], "-1")],
)
def test_what_is_no_tensor_is_refused(content: bytes, outputs: list[int], says: str) -> None:
    with pytest.raises(BadDataError) as caught:
        tflite.with_outputs(content, outputs)
    assert says in str(caught.value)
